import { z } from 'zod';
import { api, readStoredEvent } from '@calfleet/db';
import { takeBackUntold } from '@calfleet/sync';
import { instant } from '../answers/times.ts';
import { asUser } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { noFields, pathId } from '../requests/input.ts';
import { idPage, pageOf, pageParams } from '../requests/paging.ts';
import { forUser } from '../route.ts';
import { performWrite } from '../writes.ts';

const states = ['pending', 'pushing', 'applied', 'conflict', 'parked', 'discarded'] as const;

export const write = z
  .object({
    id: z.uuid(),
    event_id: z.uuid(),
    op: z.enum(['create', 'update', 'delete']),
    state: z
      .enum(states)
      .describe(
        '`conflict` and `parked` wait for a person: see `error`, GET /conflicts, and retry or discard.',
      ),
    folded_into: z.uuid().nullable().describe('The write that it was told with.'),
    attempts: z.int().min(0),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    created_at: instant,
    applied_at: instant.nullable(),
  })
  .meta({ id: 'Write' });

const listed = {
  summary: 'What was written, and what became of it',
  query: z.strictObject({
    ...pageParams,
    state: z.enum(states, { error: `must be one of ${states.join(', ')}` }).optional(),
  }),
  answers: { 200: pageOf(write, 'Newest first.') },
};

export const listWrites = forUser(listed, async (context, call, given) => {
  const { state = null, ...query } = given.query;
  const { page, answer } = idPage('writes', query);
  const { userId } = call;
  const rows = await asUser(context, call, (tx) => api.listWrites(tx, { userId, state, ...page }));
  return { status: 200, body: answer(rows, (row) => row.id, writeAnswer) };
});

const shown = { summary: 'One write', answers: { 200: write }, problems: ['not_found'] } as const;

export const getWrite = forUser(shown, async (context, call) => {
  const of = { userId: call.userId, id: pathId(call) };
  const row = await asUser(context, call, (tx) => api.findWrite(tx, of));
  if (!row) throw notFound();
  return { status: 200, body: writeAnswer(row) };
});

const retried = {
  summary: 'Tells a write again that is parked, or waits',
  body: noFields,
  answers: { 202: write },
  problems: ['not_found'],
} as const;

export const retryWrite = forUser(retried, async (context, call) => {
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
});

const discarded = {
  summary: 'Gives a write up',
  details: 'The event shows again what its provider has; one that the provider was never told of is gone.',
  body: noFields,
  answers: { 202: write },
  problems: ['not_found'],
} as const;

export const discardWrite = forUser(discarded, async (context, call) => {
  const of = { userId: call.userId, id: pathId(call) };
  const asked = await asUser(context, call, (tx) => api.findWrite(tx, of));
  if (!asked) throw notFound();
  const { calendar_id: calendarId, event_id: eventId } = asked;
  return performWrite(context, call, {
    calendars: [calendarId],
    work: async (tx) => {
      const isDiscarded = await api.discardWrite(tx, { ...of, now: context.clock.now() });
      const row = await api.findWrite(tx, of);
      if (!row) throw notFound();
      if (!isDiscarded) throw invalid('id', `names a write that is ${row.state}: it is on its way, or done`);
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
});

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
