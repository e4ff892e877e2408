import { z } from 'zod';
import { api, readStoredEvent, type Transaction } from '@calfleet/db';
import { resolveConflict as resolve, type Decision, type WrittenCalendar } from '@calfleet/sync';
import { storedValues } from '../answers/times.ts';
import { asUser, type Call, type Context, type Handler } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { changedFields, eventFields } from '../requests/event-fields.ts';
import { pathId, readBody, readQuery } from '../requests/input.ts';
import { idPage, pageParams } from '../requests/paging.ts';
import { writableCalendar } from '../writable-calendar.ts';
import { performWrite } from '../writes.ts';

const statuses = ['open', 'resolved'] as const;
const listQuery = z.strictObject({
  ...pageParams,
  status: z.enum(statuses, { error: `must be one of ${statuses.join(', ')}` }).optional(),
});

export const listConflicts: Handler = async (context, call) => {
  const { status = null, ...query } = readQuery(call, listQuery);
  const { page, answer } = idPage('conflicts', query);
  const { userId } = call;
  const rows = await asUser(context, call, (tx) => api.listConflicts(tx, { userId, status, ...page }));
  return {
    status: 200,
    body: answer(
      rows,
      (row) => row.id,
      (row) => conflictAnswer(context, row),
    ),
  };
};

export const getConflict: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  return { status: 200, body: conflictAnswer(context, await ownConflict(context, call)) };
};

const resolutions = ['local', 'provider', 'merge'] as const;
const decision = z
  .strictObject({
    resolution: z.enum(resolutions, { error: `must be one of ${resolutions.join(', ')}` }),
    event: z.strictObject(eventFields, { error: 'must be an object' }).optional(),
  })
  .refine(({ resolution, event }) => (resolution === 'merge') === (event !== undefined), {
    path: ['event'],
    error: 'goes with the resolution merge, and with no other',
  });

/** Said twice, it is done once: what is decided stays so. */
export const resolveConflict: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  const { resolution, event: given } = readBody(call, decision);
  if (given && Object.keys(given).length === 0) throw invalid('event', 'names no field to change');
  const { calendar_id: calendarId } = await ownConflict(context, call);
  const of = { userId: call.userId, id: pathId(call) };
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const conflict = await api.findConflict(tx, { ...of, isToDecide: true });
      if (!conflict) throw notFound();
      if (conflict.status === 'resolved') {
        if (conflict.resolution !== resolution || given)
          throw invalid('id', `names a conflict that is resolved: ${conflict.resolution}`);
        return { status: 200, body: conflictAnswer(context, conflict) };
      }
      const calendar = await calendarOf(tx, call, { conflict, mustWrite: resolution !== 'provider' });
      const decision: Decision =
        resolution === 'merge'
          ? { resolution, patchUpon: (there) => changedFields(given ?? {}, there, context.zones) }
          : { resolution };
      const { event_id: eventId, write_id: writeId } = conflict;
      const locked = { ...conflict, eventId, writeId };
      await resolve(tx, context, calendar, { conflict: locked, decision, by: call.userId });
      return {
        status: 200,
        body: conflictAnswer(context, (await api.findConflict(tx, of)) ?? conflict),
        rings: [{ name: 'push-calendar', payload: { calendarId } }],
      };
    },
  });
};

/** @throws RequestProblem as {@link writableCalendar}; what stays as the provider has it needs no leave */
async function calendarOf(
  tx: Transaction,
  call: Call,
  { conflict, mustWrite }: { conflict: api.ConflictRow; mustWrite: boolean },
): Promise<WrittenCalendar> {
  const { userId } = call;
  const { account_id: accountId, calendar_id: calendarId, event_id: id } = conflict;
  if (!mustWrite) return { id: calendarId, userId, accountId };
  const event = await readStoredEvent(tx, { userId, id });
  if (!event) throw notFound();
  return writableCalendar(tx, call, { calendarId, isManaged: event.managed });
}

async function ownConflict(context: Context, call: Call): Promise<api.ConflictRow> {
  const of = { userId: call.userId, id: pathId(call) };
  const row = await asUser(context, call, (tx) => api.findConflict(tx, of));
  if (!row) throw notFound();
  return row;
}

export const conflictAnswer = ({ zones }: Context, row: api.ConflictRow) => ({
  id: row.id,
  event_id: row.event_id,
  fields: row.fields,
  base: storedValues(zones, row.base),
  local: storedValues(zones, row.local),
  provider: storedValues(zones, row.provider),
  strategy: row.strategy,
  status: row.status,
  resolution: row.resolution,
  resolved_by: row.resolved_by,
  created_at: row.created_at,
});
