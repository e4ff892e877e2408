/** Fields of an event as callers write them, read into ours. Everything misshapen is a 422 that names it. */
import { z } from 'zod';
import {
  blankFields,
  expandSeries,
  instantOf,
  RecurrenceError,
  type Attendee,
  type EventPatch,
  type EventTime,
  type WritableFields,
  type ZoneTable,
} from '@calfleet/domain';
import { invalid } from '../problems.ts';
import { plainText } from './input.ts';

/** What both providers take, at least. */
const limits = { summary: 1024, description: 8192, location: 1024, attendees: 200, lines: 50, line: 1024 };

/** May hold line breaks; no other control characters. */
const paragraphs = (max: number) =>
  z
    .string({ error: 'must be text' })
    .max(max, { error: `has more than ${max} characters` })
    .refine((text) => !/[^\P{Cc}\n\r\t]/u.test(text), { error: 'holds a control character' });

export const time = z
  .union(
    [
      z
        .strictObject({ date: z.iso.date({ error: 'is not a date' }) })
        .describe('All-day; as an end exclusive.'),
      z.strictObject({
        date_time: z
          .string()
          .max(40)
          .describe('With offset (RFC 3339), or local beside a `time_zone`.')
          .meta({ examples: ['2026-11-24T09:00:00+01:00', '2026-11-24T09:00:00'] }),
        time_zone: plainText({ max: 64 })
          .nullish()
          .describe('IANA; a series takes place in one.')
          .meta({ examples: ['Europe/Berlin'] }),
      }),
    ],
    {
      error: ({ input }) => (input === undefined ? 'is missing' : 'must be {date} or {date_time, time_zone}'),
    },
  )
  .meta({ id: 'GivenTime' });
type GivenTime = z.output<typeof time>;

const attendee = z.strictObject({
  email: z.email({ error: 'is not an address' }).max(320),
  name: plainText({ max: 256 }).nullish(),
  optional: z.boolean({ error: 'must be true or false' }).optional(),
  resource: z.boolean({ error: 'must be true or false' }).optional(),
});

const oneOf = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` });

export const eventFields = {
  summary: paragraphs(limits.summary).nullish(),
  description: paragraphs(limits.description).nullish(),
  location: paragraphs(limits.location).nullish(),
  start: time.optional(),
  end: time.optional().describe('Of the kind of `start`, exclusive.'),
  recurrence: z
    .array(plainText({ max: limits.line }), { error: 'must be a list of lines' })
    .max(limits.lines, { error: `has more than ${limits.lines} lines` })
    .optional()
    .describe('RFC 5545 lines; an empty list makes a series a single event.')
    .meta({ examples: [['RRULE:FREQ=WEEKLY;COUNT=4']] }),
  attendees: z
    .array(attendee, { error: 'must be a list' })
    .max(limits.attendees, { error: `has more than ${limits.attendees} entries` })
    .refine((all) => new Set(all.map(({ email }) => email.toLowerCase())).size === all.length, {
      error: 'names an address twice',
    })
    .optional()
    .describe('All of them; who was invited before keeps the answer that was given.'),
  visibility: oneOf(['default', 'public', 'private', 'confidential']).optional(),
  transparency: oneOf(['opaque', 'transparent']).optional(),
  status: oneOf(['confirmed', 'tentative']).optional(),
};
export type GivenFields = z.output<z.ZodObject<typeof eventFields>>;

/** @throws RequestProblem: the field that makes no sense */
export function newFields(
  fields: GivenFields & { start: GivenTime; end: GivenTime },
  zones: ZoneTable,
): WritableFields {
  const { start, end } = fields;
  const event: WritableFields = {
    ...blankFields,
    ...patchOf(fields, []),
    start: readTime('start', start, zones),
    end: readTime('end', end, zones),
  };
  check(event, zones);
  return event;
}

/** What changes, upon what there is. @throws RequestProblem as {@link newFields} */
export function changedFields(fields: GivenFields, event: WritableFields, zones: ZoneTable): EventPatch {
  const patch = patchOf(fields, event.attendees);
  if (fields.start || fields.end) {
    patch.start = fields.start ? readTime('start', fields.start, zones) : event.start;
    patch.end = fields.end ? readTime('end', fields.end, zones) : event.end;
  }
  check({ ...event, ...patch }, zones);
  return patch;
}

function patchOf(fields: GivenFields, known: readonly Attendee[]): EventPatch {
  const { start: _start, end: _end, attendees, ...plain } = fields;
  const said = Object.entries(plain).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(said),
    ...(attendees && { attendees: attendees.map((wanted) => attendeeOf(wanted, known)) }),
  };
}

/** Who was invited before keeps the answer that was given. */
function attendeeOf(wanted: z.output<typeof attendee>, known: readonly Attendee[]): Attendee {
  const before = known.find(({ email }) => email?.toLowerCase() === wanted.email.toLowerCase());
  return {
    email: wanted.email,
    name: wanted.name ?? before?.name ?? null,
    response: before?.response ?? 'needs_action',
    optional: wanted.optional ?? before?.optional ?? false,
    organizer: before?.organizer ?? false,
    self: before?.self ?? false,
    resource: wanted.resource ?? before?.resource ?? false,
  };
}

const withOffset = z.iso.datetime({ offset: true });
const local = z.iso.datetime({ local: true });

function readTime(path: string, given: GivenTime, zones: ZoneTable): EventTime {
  if ('date' in given) return { kind: 'date', date: given.date };
  const { date_time: text, time_zone: zone = null } = given;
  if (zone !== null && !zones.isKnown(zone)) throw invalid(`${path}.time_zone`, 'is not an IANA time zone');
  if (withOffset.safeParse(text).success) {
    return { kind: 'zoned', instant: bounded(path, new Date(text)), zone };
  }
  if (!local.safeParse(text).success) throw invalid(`${path}.date_time`, 'is not an RFC 3339 date and time');
  if (zone === null) throw invalid(`${path}.date_time`, 'needs an offset, or a time_zone beside it');
  const wall = /:\d\d:\d\d/.test(text) ? text.slice(0, 19) : `${text}:00`;
  return { kind: 'zoned', instant: bounded(path, zones.localToInstant({ local: wall, zone })), zone };
}

function bounded(path: string, at: Date): string {
  const year = at.getUTCFullYear();
  if (!(year >= 2 && year <= 9998)) throw invalid(`${path}.date_time`, 'is outside the years 2 to 9998');
  return instantOf(at);
}

function check(event: WritableFields, zones: ZoneTable): void {
  const { start, end } = event;
  if (start.kind !== end.kind) throw invalid('end', 'must be of the same kind as start');
  if (start.kind === 'date' && end.kind === 'date' && end.date <= start.date) {
    throw invalid('end', 'must be after start: it is exclusive');
  }
  if (start.kind === 'zoned' && end.kind === 'zoned' && end.instant < start.instant) {
    throw invalid('end', 'must not be before start');
  }
  if (event.recurrence.length > 0) checkRecurrence(event, zones);
}

/** A rule is read by the code that will expand it. */
function checkRecurrence({ start, end, recurrence }: WritableFields, zones: ZoneTable): void {
  if (start.kind === 'zoned' && start.zone === null) {
    throw invalid('start.time_zone', 'is missing: a series takes place in a zone');
  }
  const from = new Date(start.kind === 'date' ? `${start.date}T00:00:00Z` : instantText(start));
  const window = { from, to: new Date(from.getTime() + yearMs) };
  const expand = (): ReturnType<typeof expandSeries> => {
    try {
      return expandSeries({ start, end, recurrence, window, replaced: new Set() }, zones);
    } catch (error) {
      if (!(error instanceof RecurrenceError)) throw error;
      throw invalid('recurrence', `is not a rule: ${error.message}`);
    }
  };
  // No mirror keeps all of it, and no provider takes it.
  if (expand().truncated) throw invalid('recurrence', 'takes place too often, or takes too long to work out');
}

const yearMs = 366 * 86_400_000;

const instantText = (time: Exclude<EventTime, { kind: 'date' }>): string =>
  time.kind === 'zoned' ? time.instant : `${time.local}Z`;
