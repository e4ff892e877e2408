/** What events were, and the way back. */
import { z } from 'zod';
import { api, readStoredEvent } from '@calfleet/db';
import type { EventId } from '@calfleet/domain';
import { writeRestore, type RestoreRefusal } from '@calfleet/sync';
import { fieldValues, writtenEvent } from '../answers/event.ts';
import { instant, storedValues } from '../answers/times.ts';
import { asUser, type Context } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { pathId } from '../requests/input.ts';
import { pageOf, pageParams, pageSizeDefault, readCursor, writeCursor } from '../requests/paging.ts';
import { forUser } from '../route.ts';
import { writableCalendar } from '../writable-calendar.ts';
import { performWrite } from '../writes.ts';
import { accepted, requireVersion } from './event-writes.ts';

/** A revision's number, as far as numbers are exact. */
const number = z.string().regex(/^\d{1,15}$/);

export const revision = z
  .object({
    n: z.int().min(0),
    at: instant,
    origin: z.enum(['local', 'provider', 'resolution']),
    fields: z.array(z.string()),
    before: fieldValues.nullable().describe('Null: it was created.'),
    after: fieldValues.nullable().describe('Null: it was deleted.'),
  })
  .meta({ id: 'Revision' });

const listed = {
  summary: 'What an event was, change by change',
  details: 'Of deleted events, too.',
  query: z.strictObject(pageParams),
  answers: { 200: pageOf(revision, 'Newest first.') },
  problems: ['not_found'],
} as const;

export const listHistory = forUser(listed, async (context, call, { query }) => {
  const { limit = pageSizeDefault, cursor } = query;
  const eventId = pathId(call) as EventId;
  const [, after] = readCursor('history', cursor, z.tuple([z.literal(eventId), number])) ?? [];
  const { userId } = call;
  const rows = await asUser(context, call, async (tx) => {
    if (!(await api.findEvent(tx, { userId, id: eventId }))) throw notFound();
    return api.listRevisions(tx, { userId, eventId, after: after ?? null, limit: limit + 1 });
  });
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    status: 200,
    body: {
      items: shown.map((row) => revisionAnswer(context, row)),
      next_cursor: last ? writeCursor('history', [eventId, String(last.n)]) : null,
    },
  };
});

const wanted = z.strictObject({
  revision: z
    .int({ error: 'must be a whole number' })
    .min(0, { error: 'must not be negative' })
    .max(999_999_999_999_999, { error: 'names no revision of the event' })
    .describe('`n` of the revision after which it was so; one less than the oldest: as it was before that.')
    .meta({ examples: [1] }),
});

const refusals: Record<RestoreRefusal, string> = {
  no_revision: 'names no revision of the event that is kept',
  left_window: 'is of an event that was not deleted: it left the window of its calendar',
};

const restored = {
  summary: 'Makes an event what it was after a revision',
  details:
    'Or before the oldest that is kept; a deletion is taken back in the same way. A write like any other.',
  body: wanted,
  takesIfMatch: true,
  answers: { 202: writtenEvent },
  problems: ['not_found', 'not_allowed', 'credentials_revoked', 'version_conflict'],
} as const;

export const restoreEvent = forUser(restored, async (context, call, { body: { revision } }) => {
  const id = pathId(call) as EventId;
  const row = await asUser(context, call, (tx) => api.findEvent(tx, { userId: call.userId, id }));
  if (!row) throw notFound();
  const calendarId = row.calendar_id;
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const event = await readStoredEvent(tx, { userId: call.userId, id });
      if (!event) throw notFound();
      requireVersion(call, event);
      const calendar = await writableCalendar(tx, call, { calendarId, isManaged: event.managed });
      const outcome = await writeRestore(tx, context, calendar, { event, revision });
      if ('refused' in outcome) throw invalid('revision', refusals[outcome.refused]);
      const writeId = outcome.written?.writeId ?? null;
      return accepted(context, call, tx, { eventId: id, writeId, calendarId });
    },
  });
});

export const revisionAnswer = ({ zones }: Context, row: api.RevisionRow) => ({
  n: Number(row.n),
  at: row.at,
  origin: row.origin,
  fields: row.fields,
  before: storedValues(zones, named(row.before)),
  after: storedValues(zones, named(row.after)),
});

const names: Record<string, string> = {
  icalUid: 'ical_uid',
  meetingUrl: 'meeting_url',
  eventType: 'event_type',
  htmlLink: 'html_link',
};

/** Fields as the surface names them. */
const named = (values: Record<string, unknown> | null): Record<string, unknown> | null =>
  values && Object.fromEntries(Object.entries(values).map(([name, value]) => [names[name] ?? name, value]));
