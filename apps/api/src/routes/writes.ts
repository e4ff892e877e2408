import { z } from 'zod';
import { api, readStoredEvent } from '@calfleet/db';
import { takeBackUntold } from '@calfleet/sync';
import { asUser, type Handler } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { pathId, readBody, readQuery } from '../requests/input.ts';
import { idPage, pageParams } from '../requests/paging.ts';
import { performWrite } from '../writes.ts';

const states = ['pending', 'pushing', 'applied', 'conflict', 'parked', 'discarded'] as const;
const listQuery = z.strictObject({
  ...pageParams,
  state: z.enum(states, { error: `must be one of ${states.join(', ')}` }).optional(),
});

export const listWrites: Handler = async (context, call) => {
  const { state = null, ...query } = readQuery(call, listQuery);
  const { page, answer } = idPage('writes', query);
  const { userId } = call;
  const rows = await asUser(context, call, (tx) => api.listWrites(tx, { userId, state, ...page }));
  return { status: 200, body: answer(rows, (row) => row.id, writeAnswer) };
};

export const getWrite: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  const of = { userId: call.userId, id: pathId(call) };
  const row = await asUser(context, call, (tx) => api.findWrite(tx, of));
  if (!row) throw notFound();
  return { status: 200, body: writeAnswer(row) };
};

export const retryWrite: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  readBody(call, z.strictObject({}));
  const of = { userId: call.userId, id: pathId(call) };
  return performWrite(context, call, {
    work: async (tx) => {
      const before = await api.findWrite(tx, of);
      if (!before) throw notFound();
      if (!(await api.retryWrite(tx, { ...of, now: context.clock.now() })))
        throw invalid(
          'id',
          `names a write that is ${before.state}: only one that is parked or pending is tried again`,
        );
      const row = (await api.findWrite(tx, of)) ?? before;
      const { calendar_id: calendarId } = row;
      return {
        status: 202,
        body: writeAnswer(row),
        rings: [{ name: 'push-calendar', payload: { calendarId } }],
      };
    },
  });
};

/** The event shows again what its provider has; one that the provider was never told of is gone. */
export const discardWrite: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  readBody(call, z.strictObject({}));
  const of = { userId: call.userId, id: pathId(call) };
  const asked = await asUser(context, call, (tx) => api.findWrite(tx, of));
  if (!asked) throw notFound();
  const { calendar_id: calendarId, event_id: eventId } = asked;
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const discarded = await api.discardWrite(tx, { ...of, now: context.clock.now() });
      const row = await api.findWrite(tx, of);
      if (!row) throw notFound();
      if (!discarded) throw invalid('id', `names a write that is ${row.state}: it is on its way, or done`);
      const event = await readStoredEvent(tx, { userId: call.userId, id: eventId });
      const calendar = await api.findCalendar(tx, { userId: call.userId, id: calendarId });
      if (event && calendar) {
        const of = { id: calendarId, userId: call.userId, accountId: calendar.account_id };
        await takeBackUntold(tx, context, of, event);
      }
      return {
        status: 202,
        body: writeAnswer(row),
        rings: [{ name: 'recheck-events', payload: { calendarId } }],
      };
    },
  });
};

export const writeAnswer = (row: api.ShownWrite) => ({
  id: row.id,
  event_id: row.event_id,
  op: row.op,
  state: row.state,
  folded_into: row.folded_into,
  attempts: row.attempts,
  error: row.error,
  created_at: row.created_at,
  applied_at: row.applied_at,
});
