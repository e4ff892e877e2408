/** Events as their users want them: shown at once, told to the provider by the push. */
import { z } from 'zod';
import { api, type StoredEvent, type Transaction } from '@calfleet/db';
import type { CalendarId, EventId } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { storedFields, writeNewEvent } from '@calfleet/sync';
import { eventAnswer } from '../answers/event.ts';
import type { Answer, Call, Context, Handler } from '../context.ts';
import { invalid, RequestProblem } from '../problems.ts';
import { changedFields, eventFields, newFields } from '../requests/event-fields.ts';
import { allowsVersion, readBody, readQuery, uuid } from '../requests/input.ts';
import { writableCalendar } from '../writable-calendar.ts';
import { performWrite } from '../writes.ts';
import { deleteMeant, findMeant, readNamed, shownBy, writeMeant } from '../written-event.ts';

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

export const changeEvent: Handler = async (context, call) => {
  const given = readBody(call, z.strictObject(eventFields));
  if (Object.keys(given).length === 0) throw invalid('', 'names no field to change');
  const named = await readNamed(context, call);
  const { calendarId, scope } = named;
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const meant = await findMeant(tx, call, named);
      if (meant.isGone) throw new RequestProblem('gone', 'The event was deleted');
      const { event, occurrence } = meant;
      requireVersion(call, event);
      const calendar = await writableCalendar(tx, call, { calendarId, isManaged: event.managed });
      if (scope === 'this' && given.recurrence) {
        throw invalid('recurrence', 'is that of the series: one occurrence has none');
      }
      const shown = occurrence ? shownBy(occurrence) : storedFields(event);
      const patch = changedFields(given, shown, context.zones);
      const written = await writeMeant(tx, context, calendar, { meant, scope, patch });
      const { eventId, writeId } = written ?? { eventId: event.id, writeId: null };
      return accepted(context, call, tx, { eventId, writeId, calendarId });
    },
  });
};

export const deleteEvent: Handler = async (context, call) => {
  const named = await readNamed(context, call);
  const { calendarId, scope } = named;
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const meant = await findMeant(tx, call, named);
      const { event } = meant;
      if (meant.isGone) {
        return accepted(context, call, tx, { eventId: event.id, writeId: null, calendarId });
      }
      requireVersion(call, event);
      const calendar = await writableCalendar(tx, call, { calendarId, isManaged: event.managed });
      const { eventId, writeId } = await deleteMeant(tx, context, calendar, { meant, scope });
      return accepted(context, call, tx, { eventId, writeId, calendarId });
    },
  });
};

/** @throws RequestProblem `version_conflict`, `invalid_input` */
export function requireVersion({ ifMatch }: Call, { version }: StoredEvent): void {
  if (!allowsVersion(ifMatch, version)) {
    throw new RequestProblem('version_conflict', `The event is at version ${version}`);
  }
}

export async function accepted(
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
