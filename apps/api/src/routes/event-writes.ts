/** Events as their users want them: shown at once, told to the provider by the push. */
import { z } from 'zod';
import { api, type StoredEvent, type Transaction } from '@calfleet/db';
import type { CalendarId, EventId } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { storedFields, writeNewEvent } from '@calfleet/sync';
import { eventAnswer, writtenEvent } from '../answers/event.ts';
import type { Answer, Call, Context } from '../context.ts';
import { invalid, RequestProblem } from '../problems.ts';
import { changedFields, eventFields, newFields, time } from '../requests/event-fields.ts';
import { allowsVersion, uuid } from '../requests/input.ts';
import { forUser } from '../route.ts';
import { writableCalendar } from '../writable-calendar.ts';
import { performWrite } from '../writes.ts';
import {
  deleteMeant,
  eventOrOccurrenceId,
  findMeant,
  readNamed,
  scopeQuery,
  shownBy,
  writeMeant,
} from '../written-event.ts';

const at = (hour: string) => ({ date_time: `2026-11-24T${hour}:00:00`, time_zone: 'Europe/Berlin' });

const newEvent = z
  .strictObject({
    calendar_id: uuid(),
    ...eventFields,
    start: time,
    end: time.describe('Of the kind of `start`, exclusive.'),
  })
  .meta({
    examples: [
      {
        calendar_id: '0190a0a0-0000-7000-8000-000000000000',
        summary: 'Planning',
        start: at('09'),
        end: at('10'),
      },
    ],
  });

const created = {
  summary: 'Creates an event',
  details: 'Shown at once in every list; told to the provider by itself.',
  body: newEvent,
  answers: { 202: writtenEvent },
  problems: ['not_found', 'not_allowed', 'credentials_revoked'],
} as const;

export const createEvent = forUser(created, async (context, call, { body }) => {
  const { calendar_id: id, ...given } = body;
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
});

const changed = {
  summary: 'Changes an event, an occurrence, or a series from an occurrence on',
  params: { id: eventOrOccurrenceId },
  query: scopeQuery,
  body: z
    .strictObject(eventFields)
    .meta({ examples: [{ summary: 'Retro' }, { start: at('14'), end: at('15') }] }),
  takesIfMatch: true,
  answers: { 202: writtenEvent },
  problems: ['not_found', 'not_allowed', 'credentials_revoked', 'version_conflict', 'gone'],
} as const;

export const changeEvent = forUser(changed, async (context, call, { query, body: given }) => {
  if (Object.keys(given).length === 0) throw invalid('', 'names no field to change');
  const named = await readNamed(context, call, query.scope);
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
});

const deleted = {
  summary: 'Deletes an event, an occurrence, or the rest of a series',
  details: 'What is deleted already is answered the same way.',
  params: { id: eventOrOccurrenceId },
  query: scopeQuery,
  takesIfMatch: true,
  answers: { 202: writtenEvent },
  problems: ['not_found', 'not_allowed', 'credentials_revoked', 'version_conflict'],
} as const;

export const deleteEvent = forUser(deleted, async (context, call, { query }) => {
  const named = await readNamed(context, call, query.scope);
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
});

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
