/** Events as their users want them: shown at once, told to the provider by the push. */
import { z } from 'zod';
import { api, readStoredEvent, type StoredEvent, type Transaction } from '@calfleet/db';
import type { CalendarId, EventId } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { storedFields, writeChange, writeDeletion, writeNewEvent } from '@calfleet/sync';
import { eventAnswer } from '../answers/event.ts';
import { asUser, type Answer, type Call, type Context, type Handler } from '../context.ts';
import { invalid, notFound, RequestProblem } from '../problems.ts';
import { changedFields, eventFields, newFields } from '../requests/event-fields.ts';
import { isUuid, readBody, readQuery, uuid } from '../requests/input.ts';
import { writableCalendar } from '../writable-calendar.ts';
import { performWrite } from '../writes.ts';

const newEvent = z.strictObject({ calendar_id: uuid(), ...eventFields });

export const createEvent: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  const { calendar_id: id, ...given } = readBody(call, newEvent);
  const fields = newFields(given, context.zones);
  const calendarId = id as CalendarId;
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const calendar = await writableCalendar(tx, call, { calendarId, isManaged: true });
      const { eventId, writeId } = await writeNewEvent(tx, context, calendar, fields);
      return accepted(context, call, tx, { eventId, writeId, calendarId });
    },
  });
};

const scope = z.strictObject({
  scope: z.enum(['this', 'following', 'all'], { error: 'must be this, following or all' }).optional(),
});

export const changeEvent: Handler = async (context, call) => {
  const given = readBody(call, z.strictObject(eventFields));
  if (Object.keys(given).length === 0) throw invalid('', 'names no field to change');
  const { id, calendarId } = await named(context, call);
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const event = await readStoredEvent(tx, { userId: call.userId, id });
      if (!event) throw notFound();
      if (event.deleted_at) throw new RequestProblem('gone', 'The event was deleted');
      requireVersion(call, event);
      const calendar = await writableCalendar(tx, call, { calendarId, isManaged: event.managed });
      const patch = changedFields(given, storedFields(event), context.zones);
      const written = await writeChange(tx, context, calendar, { event, patch });
      return accepted(context, call, tx, { eventId: id, writeId: written?.writeId ?? null, calendarId });
    },
  });
};

export const deleteEvent: Handler = async (context, call) => {
  const { id, calendarId } = await named(context, call);
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const event = await readStoredEvent(tx, { userId: call.userId, id });
      if (!event) throw notFound();
      if (event.deleted_at) return accepted(context, call, tx, { eventId: id, writeId: null, calendarId });
      requireVersion(call, event);
      const calendar = await writableCalendar(tx, call, { calendarId, isManaged: event.managed });
      const { writeId } = await writeDeletion(tx, context, calendar, event);
      return accepted(context, call, tx, { eventId: id, writeId, calendarId });
    },
  });
};

/** The event that the path names. @throws RequestProblem `not_found` */
async function named(context: Context, call: Call): Promise<{ id: EventId; calendarId: CalendarId }> {
  const { scope: asked = 'all' } = readQuery(call, scope);
  const text = call.params['id'] ?? '';
  const cut = text.lastIndexOf('_');
  const id = (cut < 0 ? text : text.slice(0, cut)).toLowerCase();
  if (!isUuid(id)) throw notFound();
  if (asked !== 'all') throw invalid('scope', 'must be all: single occurrences cannot be written yet');
  if (cut >= 0 && call.query !== null && !('scope' in (call.query as object))) {
    throw invalid('scope', 'is missing: it says which occurrences are meant');
  }
  const row = await asUser(context, call, (tx) => api.findEvent(tx, { userId: call.userId, id }));
  if (!row) throw notFound();
  return { id: row.id, calendarId: row.calendar_id };
}

/** @throws RequestProblem `version_conflict` */
function requireVersion({ ifMatch }: Call, { version }: StoredEvent): void {
  if (ifMatch !== null && ifMatch !== `"${version}"`) {
    throw new RequestProblem('version_conflict', `The event is at version ${version}`);
  }
}

async function accepted(
  { zones }: Context,
  { userId }: Call,
  tx: Transaction,
  of: { eventId: EventId; writeId: string | null; calendarId: CalendarId },
): Promise<Answer & { rings: JobRequest[] }> {
  const row = await api.findEvent(tx, { userId, id: of.eventId });
  if (!row) throw new Error('The event vanished although its row is locked.');
  return {
    status: 202,
    body: { ...eventAnswer(zones, row), write: of.writeId && { id: of.writeId, state: 'pending' } },
    rings: of.writeId ? [{ name: 'push-calendar', payload: { calendarId: of.calendarId } }] : [],
  };
}
