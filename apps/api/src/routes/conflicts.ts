import { z } from 'zod';
import { api, readStoredEvent, type Transaction } from '@calfleet/db';
import { conflictStrategies } from '@calfleet/domain';
import { resolveConflict as resolve, type Decision, type WrittenCalendar } from '@calfleet/sync';
import { fieldValues } from '../answers/event.ts';
import { instant, storedValues } from '../answers/times.ts';
import { asUser, type Call, type Context } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { changedFields, eventFields } from '../requests/event-fields.ts';
import { pathId } from '../requests/input.ts';
import { idPage, pageOf, pageParams } from '../requests/paging.ts';
import { forUser } from '../route.ts';
import { writableCalendar } from '../writable-calendar.ts';
import { performWrite } from '../writes.ts';

const statuses = ['open', 'resolved'] as const;
const resolutions = ['local', 'provider', 'merge'] as const;

export const conflict = z
  .object({
    id: z.uuid(),
    event_id: z.uuid(),
    fields: z.array(z.string()).describe('What both sides touched.'),
    base: fieldValues.describe('What both sides began with.'),
    local: fieldValues,
    provider: fieldValues,
    strategy: z.enum(conflictStrategies),
    status: z.enum(statuses),
    resolution: z.enum(resolutions).nullable(),
    resolved_by: z.string().nullable().describe('A user, `strategy` or `provider`.'),
    created_at: instant,
  })
  .meta({ id: 'Conflict' });

const listed = {
  summary: 'Edits that collided, with both values',
  query: z.strictObject({
    ...pageParams,
    status: z.enum(statuses, { error: `must be one of ${statuses.join(', ')}` }).optional(),
  }),
  answers: { 200: pageOf(conflict, 'Newest first.') },
};

export const listConflicts = forUser(listed, async (context, call, given) => {
  const { status = null, ...query } = given.query;
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
});

const shown = { summary: 'One conflict', answers: { 200: conflict }, problems: ['not_found'] } as const;

export const getConflict = forUser(shown, async (context, call) => ({
  status: 200,
  body: conflictAnswer(context, await ownConflict(context, call)),
}));

const decision = z
  .strictObject({
    resolution: z.enum(resolutions, { error: `must be one of ${resolutions.join(', ')}` }),
    event: z
      .strictObject(eventFields, { error: 'must be an object' })
      .optional()
      .describe('With `merge`, and with no other: the fields as they shall be.'),
  })
  .refine(({ resolution, event }) => (resolution === 'merge') === (event !== undefined), {
    path: ['event'],
    error: 'goes with the resolution merge, and with no other',
  });

const resolved = {
  summary: 'Decides a conflict',
  details: 'Said twice, it is done once: what is decided stays so.',
  body: decision,
  answers: { 200: conflict },
  problems: ['not_found', 'not_allowed', 'credentials_revoked'],
} as const;

export const resolveConflict = forUser(resolved, async (context, call, { body }) => {
  const { resolution, event: given } = body;
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
});

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
