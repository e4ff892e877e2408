/**
 * The event resource as clients send it, checked for types only; unknown fields pass, as they do at Google.
 * https://developers.google.com/workspace/calendar/api/v3/reference/events
 */
import { z } from 'zod';
import { invalid } from './errors.ts';

const time = z.looseObject({
  date: z.string().nullish(),
  dateTime: z.string().nullish(),
  timeZone: z.string().nullish(),
});

const person = z.looseObject({ email: z.string().optional(), self: z.boolean().optional() });

const attendee = z.looseObject({
  email: z.string(),
  self: z.boolean().optional(),
  resource: z.boolean().optional(),
  responseStatus: z.enum(['needsAction', 'declined', 'tentative', 'accepted']).optional(),
});

const properties = z.record(z.string(), z.string().nullable()).nullish();

const resource = z.looseObject({
  id: z.string().optional(),
  iCalUID: z.string().optional(),
  etag: z.string().optional(),
  status: z.enum(['confirmed', 'tentative', 'cancelled']).optional(),
  summary: z.string().nullish(),
  description: z.string().nullish(),
  location: z.string().nullish(),
  created: z.string().optional(),
  updated: z.string().optional(),
  sequence: z.number().int().optional(),
  start: time.optional(),
  end: time.optional(),
  endTimeUnspecified: z.boolean().optional(),
  recurrence: z.array(z.string()).nullish(),
  recurringEventId: z.string().optional(),
  originalStartTime: time.optional(),
  transparency: z.enum(['opaque', 'transparent']).nullish(),
  visibility: z.enum(['default', 'public', 'private', 'confidential']).nullish(),
  organizer: person.optional(),
  creator: person.optional(),
  attendees: z.array(attendee).nullish(),
  guestsCanModify: z.boolean().nullish(),
  extendedProperties: z.looseObject({ private: properties, shared: properties }).nullish(),
  eventType: z
    .enum(['default', 'birthday', 'focusTime', 'fromGmail', 'outOfOffice', 'workingLocation'])
    .optional(),
  reminders: z.looseObject({}).nullish(),
  conferenceData: z.looseObject({}).nullish(),
});

export type EventTime = z.infer<typeof time>;
export type Attendee = z.infer<typeof attendee>;
export type EventResource = z.infer<typeof resource>;

/** @throws GoogleError 400 invalid, naming the field. */
export function parseResource(body: unknown): EventResource {
  const parsed = resource.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalid(`Invalid value for: ${parsed.error.issues[0]?.path.join('.') || 'event'}`);
}

/** Our own serialised resources are read back without a second check. */
export const readResource = (text: string): EventResource => JSON.parse(text) as EventResource;
