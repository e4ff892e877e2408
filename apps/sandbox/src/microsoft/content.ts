/** What an event says, apart from when: the fields a client may write, checked and in their stored form. */
import { z } from 'zod';
import { joinable, withJoinBlob } from './body.ts';
import { unreadableBody } from './errors.ts';
import { recurrenceBody } from './recurrence.ts';
import { zonedTimeBody } from './times.ts';

const anyCase = <T extends readonly [string, ...string[]]>(values: T) =>
  z.preprocess((value) => {
    if (typeof value !== 'string') return value;
    return values.find((known) => known.toLowerCase() === value.toLowerCase()) ?? value;
  }, z.enum(values));

const address = z.object({ name: z.string().nullish(), address: z.string().nullish() });

const responses = [
  'none',
  'organizer',
  'tentativelyAccepted',
  'accepted',
  'declined',
  'notResponded',
] as const;

const responseStatus = z.object({ response: anyCase(responses), time: z.string().nullish() });

const attendee = z.object({
  type: anyCase(['required', 'optional', 'resource'] as const).default('required'),
  status: responseStatus.nullish(),
  emailAddress: address,
});

const location = z.looseObject({ displayName: z.string().nullish() });

/** https://learn.microsoft.com/graph/api/event-update#request-body */
const writable = {
  subject: z.string().nullish(),
  body: z
    .object({
      contentType: anyCase(['html', 'text'] as const).default('html'),
      content: z.string().nullish(),
    })
    .nullish(),
  start: zonedTimeBody.optional(),
  end: zonedTimeBody.optional(),
  isAllDay: z.boolean().optional(),
  recurrence: recurrenceBody.nullish(),
  location: location.nullish(),
  locations: z.array(location).optional(),
  attendees: z.array(attendee).max(500).optional(),
  showAs: anyCase(['free', 'tentative', 'busy', 'oof', 'workingElsewhere', 'unknown'] as const).optional(),
  sensitivity: anyCase(['normal', 'personal', 'private', 'confidential'] as const).optional(),
  importance: anyCase(['low', 'normal', 'high'] as const).optional(),
  categories: z.array(z.string()).optional(),
  isReminderOn: z.boolean().optional(),
  reminderMinutesBeforeStart: z.number().int().optional(),
  responseRequested: z.boolean().nullish(),
  allowNewTimeProposals: z.boolean().nullish(),
  hideAttendees: z.boolean().nullish(),
  isOnlineMeeting: z.boolean().nullish(),
  onlineMeetingProvider: anyCase([
    'unknown',
    'teamsForBusiness',
    'skypeForBusiness',
    'skypeForConsumer',
  ] as const).optional(),
  transactionId: z.string().nullish(),
  singleValueExtendedProperties: z.array(z.object({ id: z.string(), value: z.string() })).optional(),
};

/** Sent along by clients that write back what they read; Graph does not look at them. */
const ignored = [
  'id',
  'changeKey',
  'createdDateTime',
  'lastModifiedDateTime',
  'bodyPreview',
  'originalStartTimeZone',
  'originalEndTimeZone',
  'originalStart',
  'iCalUId',
  'uid',
  'hasAttachments',
  'isCancelled',
  'isOrganizer',
  'isDraft',
  'seriesMasterId',
  'type',
  'occurrenceId',
  'webLink',
  'onlineMeeting',
  'onlineMeetingUrl',
  'responseStatus',
  'organizer',
];

/** What an owner may write besides: an invitation by somebody else comes with these. */
const planted = {
  organizer: z.object({ emailAddress: address }).optional(),
  responseStatus: responseStatus.optional(),
  isCancelled: z.boolean().optional(),
};

const apiBody = z.strictObject({
  ...writable,
  // Answers are the guests' own: what a client says of them is not looked at.
  attendees: z
    .array(attendee.omit({ status: true }))
    .max(500)
    .optional(),
  ...Object.fromEntries(ignored.map((name) => [name, z.unknown().optional()])),
}) as unknown as z.ZodType<EventBody>;

const ownerBody = z.object({ ...writable, ...planted });

export type EventBody = z.infer<typeof ownerBody>;

export interface Attendee {
  type: 'required' | 'optional' | 'resource';
  status: { response: (typeof responses)[number]; time: string };
  emailAddress: { name: string; address: string };
}

export interface EventContent {
  subject: string | null;
  body: { contentType: 'html' | 'text'; content: string };
  locations: Record<string, unknown>[];
  attendees: Attendee[];
  showAs: NonNullable<EventBody['showAs']>;
  sensitivity: NonNullable<EventBody['sensitivity']>;
  importance: NonNullable<EventBody['importance']>;
  categories: string[];
  isReminderOn: boolean;
  reminderMinutesBeforeStart: number;
  responseRequested: boolean;
  allowNewTimeProposals: boolean;
  hideAttendees: boolean;
  isOnlineMeeting: boolean;
  onlineMeetingProvider: NonNullable<EventBody['onlineMeetingProvider']>;
  transactionId: string | null;
  extended: { id: string; value: string }[];
  isCancelled: boolean;
  /** null: the calendar's owner. */
  organizer: { name: string; address: string } | null;
  responseStatus: Attendee['status'];
  /** Zones at creation; later edits leave them alone. https://learn.microsoft.com/graph/api/resources/event */
  originalStartTimeZone: string;
  originalEndTimeZone: string;
}

export const neverResponded = '0001-01-01T00:00:00Z';

/** @throws GraphError 400 naming the property */
export function parseEventBody(body: unknown): EventBody {
  return parse(apiBody, withoutAnnotations(body));
}

/** The owner's hand: properties beyond the API's, unknown ones are dropped. @throws GraphError 400 */
export function parseOwnerBody(body: unknown): EventBody {
  return parse(ownerBody, body);
}

function parse(schema: z.ZodType<EventBody>, body: unknown): EventBody {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  if (unknown !== undefined) {
    throw unreadableBody(
      `The property '${unknown}' does not exist on type 'microsoft.graph.event'. Make sure to only use property names that are defined by the type.`,
    );
  }
  throw unreadableBody(`Cannot read the property '${issue?.path.join('.') ?? ''}': ${issue?.message ?? ''}`);
}

/** `@odata.etag` and the like are no properties. */
function withoutAnnotations(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !name.includes('@')));
}

/** The content of a new event. */
export function newContent(body: EventBody): EventContent {
  const isInvitation = body.organizer !== undefined;
  const blank: EventContent = {
    subject: null,
    body: { contentType: 'html', content: '' },
    locations: [],
    attendees: [],
    showAs: 'busy',
    sensitivity: 'normal',
    importance: 'normal',
    categories: [],
    isReminderOn: true,
    reminderMinutesBeforeStart: 15,
    responseRequested: true,
    allowNewTimeProposals: true,
    hideAttendees: false,
    isOnlineMeeting: false,
    onlineMeetingProvider: 'unknown',
    transactionId: body.transactionId ?? null,
    extended: [],
    isCancelled: body.isCancelled ?? false,
    organizer: null,
    responseStatus: { response: isInvitation ? 'notResponded' : 'organizer', time: neverResponded },
    originalStartTimeZone: body.start?.timeZone || 'UTC',
    originalEndTimeZone: body.end?.timeZone || 'UTC',
  };
  const content = { ...blank, ...changesOf(body, blank) };
  if (content.isOnlineMeeting && content.onlineMeetingProvider === 'unknown') {
    content.onlineMeetingProvider = 'teamsForBusiness';
  }
  return content;
}

/** What a body changes; what it leaves out is left out here too. The transactionId is fixed at creation. */
export function changesOf(body: EventBody, current: EventContent): Partial<EventContent> {
  const changes: Partial<EventContent> = {};
  if (body.subject !== undefined) changes.subject = body.subject;
  if (body.body !== undefined) {
    changes.body = { contentType: body.body?.contentType ?? 'html', content: body.body?.content ?? '' };
  }
  // A location replaces the whole list.
  if (body.location !== undefined) changes.locations = locationsOf([body.location ?? {}]);
  else if (body.locations !== undefined) changes.locations = locationsOf(body.locations);
  if (body.attendees !== undefined) {
    changes.attendees = body.attendees.map((given) => attendeeOf(given, current.attendees));
  }
  for (const name of plain) if (body[name] !== undefined) Object.assign(changes, { [name]: body[name] });
  for (const name of flags) if (body[name] !== undefined) changes[name] = body[name] ?? false;
  Object.assign(changes, onlineChanges(body, changes.body, current));
  if (body.singleValueExtendedProperties !== undefined) {
    const byId = new Map([...current.extended, ...body.singleValueExtendedProperties].map((p) => [p.id, p]));
    changes.extended = [...byId.values()];
  }
  if (body.isCancelled !== undefined) changes.isCancelled = body.isCancelled;
  if (body.organizer !== undefined) changes.organizer = named(body.organizer.emailAddress);
  if (body.responseStatus !== undefined) changes.responseStatus = statusOf(body.responseStatus);
  return changes;
}

/**
 * Once online, a meeting stays online with its provider, until its text loses the blob that people join it by.
 * https://learn.microsoft.com/graph/api/event-update
 */
function onlineChanges(
  { isOnlineMeeting, onlineMeetingProvider }: EventBody,
  text: EventContent['body'] | undefined,
  current: EventContent,
): Partial<EventContent> {
  if (current.isOnlineMeeting) {
    const isLost = text !== undefined && !joinable(text);
    return isLost ? { isOnlineMeeting: false, onlineMeetingProvider: 'unknown' } : {};
  }
  return {
    ...(onlineMeetingProvider === undefined ? {} : { onlineMeetingProvider }),
    ...(isOnlineMeeting === true ? { isOnlineMeeting, body: withJoinBlob(text ?? current.body) } : {}),
  };
}

const plain = [
  'showAs',
  'sensitivity',
  'importance',
  'categories',
  'isReminderOn',
  'reminderMinutesBeforeStart',
] as const;

const flags = ['responseRequested', 'allowNewTimeProposals', 'hideAttendees'] as const;

const locationsOf = (given: Record<string, unknown>[]): Record<string, unknown>[] =>
  given.filter(({ displayName }) => typeof displayName === 'string' && displayName !== '');

const named = (given: z.infer<typeof address>): { name: string; address: string } => ({
  name: given.name ?? given.address ?? '',
  address: given.address ?? '',
});

/** Whoever stays on the list keeps the answer. */
function attendeeOf(given: z.infer<typeof attendee>, current: readonly Attendee[]): Attendee {
  const emailAddress = named(given.emailAddress);
  const wanted = emailAddress.address.toLowerCase();
  const known = current.find(({ emailAddress: { address } }) => address.toLowerCase() === wanted);
  const status = given.status ? statusOf(given.status) : known?.status;
  return { type: given.type, status: status ?? statusOf({ response: 'none' }), emailAddress };
}

const statusOf = (given: z.infer<typeof responseStatus>): Attendee['status'] => ({
  response: given.response,
  time: given.time ?? neverResponded,
});
