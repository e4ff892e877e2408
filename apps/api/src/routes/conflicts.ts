import { z } from 'zod';
import { api, readStoredEvent, type StoredEvent, type Transaction } from '@calfleet/db';
import type { EventPatch, WritableFields } from '@calfleet/domain';
import { storedFields, writableOf, writeChange, writeDeletion, writeRevival } from '@calfleet/sync';
import { storedValues } from '../answers/times.ts';
import { asUser, type Call, type Context, type Handler } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { changedFields, eventFields, type GivenFields } from '../requests/event-fields.ts';
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

/** What is to be written instead leaves as a write of its own. */
export const resolveConflict: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  const { resolution, event: given } = readBody(call, decision);
  const { calendar_id: calendarId } = await ownConflict(context, call);
  const { userId } = call;
  const id = pathId(call);
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const conflict = await api.findConflict(tx, { userId, id });
      if (!conflict) throw notFound();
      if (conflict.status === 'resolved') throw invalid('id', 'names a conflict that is resolved');
      const now = context.clock.now();
      await api.resolveConflict(tx, { userId, id, resolution, now });
      if (resolution !== 'provider') await writeInstead(context, call, tx, { conflict, given });
      return {
        status: 200,
        body: conflictAnswer(context, (await api.findConflict(tx, { userId, id })) ?? conflict),
        rings: [{ name: 'push-calendar', payload: { calendarId } }],
      };
    },
  });
};

async function writeInstead(
  context: Context,
  call: Call,
  tx: Transaction,
  { conflict, given }: { conflict: api.ConflictRow; given: GivenFields | undefined },
): Promise<void> {
  const { userId } = call;
  const { calendar_id: calendarId, event_id: eventId, write_id: writeId } = conflict;
  const event = await readStoredEvent(tx, { userId, id: eventId });
  const write = await api.patchOf(tx, { userId, writeId });
  if (!event || !write) throw notFound();
  const calendar = await writableCalendar(tx, call, { calendarId, isManaged: event.managed });
  if (!given && write.op === 'delete') {
    if (event.deleted_at === null) await writeDeletion(tx, context, calendar, event);
    return;
  }
  const upon = event.deleted_at === null ? writableOf(storedFields(event)) : lastKnown(event, write.base);
  const patch = given ? changedFields(given, upon, context.zones) : (write.patch as EventPatch);
  if (event.deleted_at === null) {
    await writeChange(tx, context, calendar, { event, patch });
    return;
  }
  if (event.kind === 'exception') throw invalid('resolution', 'cannot bring one occurrence back yet');
  await writeRevival(tx, context, calendar, { event, fields: { ...upon, ...patch } });
}

/** What the event was before it was deleted. */
const lastKnown = (event: StoredEvent, base: unknown): WritableFields =>
  (base as WritableFields | null) ?? { ...writableOf(storedFields(event)), status: 'confirmed' };

async function ownConflict(context: Context, call: Call): Promise<api.ConflictRow> {
  const of = { userId: call.userId, id: pathId(call) };
  const row = await asUser(context, call, (tx) => api.findConflict(tx, of));
  if (!row) throw notFound();
  return row;
}

const conflictAnswer = ({ zones }: Context, row: api.ConflictRow) => ({
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
