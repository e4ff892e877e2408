import { z } from 'zod';
import { api } from '@calfleet/db';
import { conflictStrategies, type CalendarId } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { calendar, calendarAnswer } from '../answers/calendar.ts';
import { asUser, type Call, type Context } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { pathId, uuid } from '../requests/input.ts';
import { idPage, pageOf, pageParams } from '../requests/paging.ts';
import { forUser } from '../route.ts';
import { performWrite } from '../writes.ts';

const listed = {
  summary: 'Calendars of the user',
  query: z.strictObject({ ...pageParams, account_id: uuid().optional().describe('Of this account alone.') }),
  answers: { 200: pageOf(calendar, 'Oldest first.') },
  problems: ['not_found'],
} as const;

export const listCalendars = forUser(listed, async (context, call, given) => {
  const { account_id: accountId = null, ...query } = given.query;
  const { page, answer } = idPage('calendars', query);
  const { userId } = call;
  const rows = await asUser(context, call, async (tx) => {
    if (accountId !== null && !(await api.findAccount(tx, { userId, id: accountId }))) throw notFound();
    return api.listCalendars(tx, { userId, accountId, ...page });
  });
  return {
    status: 200,
    body: answer(
      rows,
      (row) => row.id,
      (row) => calendarAnswer(row, context.clock),
    ),
  };
});

const shown = { summary: 'One calendar', answers: { 200: calendar }, problems: ['not_found'] } as const;

export const getCalendar = forUser(shown, async (context, call) => ({
  status: 200,
  body: calendarAnswer(await ownCalendar(context, call), context.clock),
}));

const onOrOff = z.boolean({ error: 'must be true or false' }).optional();
const switches = z
  .strictObject({
    active: onOrOff.describe('Whether it is mirrored.'),
    incremental_enabled: onOrOff.describe('False: every pull is a full round, the way back from trouble.'),
    write_enabled: onOrOff.describe('Whether users may write to it.'),
    conflict_strategy: z
      .enum(conflictStrategies, { error: `must be one of ${conflictStrategies.join(', ')}` })
      .nullable()
      .optional()
      .describe('Null: as the user prefers.'),
  })
  .refine((given) => Object.values(given).some((value) => value !== undefined), {
    error: 'names no field to change',
  })
  .meta({ examples: [{ active: false }, { write_enabled: true, conflict_strategy: 'manual' }] });

const changed = {
  summary: 'Turns switches of a calendar',
  body: switches,
  answers: { 200: calendar },
  problems: ['not_found'],
} as const;

export const changeCalendar = forUser(changed, async (context, call, { body: given }) => {
  const { active, incremental_enabled: incrementalEnabled, write_enabled: writeEnabled } = given;
  const { id } = await ownCalendar(context, call);
  const { userId } = call;
  return performWrite(context, call, {
    calendars: [id],
    work: async (tx) => {
      const now = context.clock.now();
      const changed = await api.turnCalendarSwitches(tx, {
        userId,
        id,
        now,
        switches: { active, incrementalEnabled, writeEnabled, conflictStrategy: given.conflict_strategy },
      });
      const row = await api.findCalendar(tx, { userId, id });
      if (!changed || !row) throw notFound();
      const woken = row.active && changed.includes('active');
      return {
        status: 200,
        body: calendarAnswer(row, context.clock),
        rings: woken ? [pullFor(id, now), { name: 'ensure-watch', payload: { calendarId: id } }] : [],
      };
    },
  });
});

const decision = z.strictObject({
  action: z.enum(['apply', 'discard'], { error: 'must be apply or discard' }),
});

const decided = {
  summary: 'Decides about deletions that are held',
  details:
    'So many events vanished at once that nothing was deleted. `apply` looks again with a full round and deletes what is still gone; `discard` keeps the events for good.',
  body: decision,
  answers: {
    202: z.object({
      status: z.enum(['queued', 'completed']),
      calendar_id: z.uuid(),
      action: z.enum(['apply', 'discard']),
      events: z.int().min(1).describe('How many were held.'),
      request_seq: z
        .int()
        .optional()
        .describe('Of `apply`: done when `synced_seq` of GET /sync/status has reached it.'),
    }),
  },
  problems: ['not_found'],
} as const;

/** The brake held deletions: `apply` verifies with a full round and deletes, `discard` keeps the events for good. */
export const decideHeldDeletes = forUser(decided, async (context, call, { body: { action } }) => {
  const { id } = await ownCalendar(context, call);
  const held = { userId: call.userId, calendarId: id, now: context.clock.now() };
  return performWrite(context, call, {
    calendars: [id],
    work: async (tx) => {
      const events = await api.countHeld(tx, held);
      if (events === null) throw notFound();
      if (events === 0)
        throw invalid('action', 'has nothing to act on: no deletion of this calendar is held');
      if (action === 'discard') {
        await api.keepHeldEvents(tx, held);
        return { status: 202, body: { status: 'completed', calendar_id: id, action, events } };
      }
      const requestSeq = await api.requestHeldDeletes(tx, held);
      return {
        status: 202,
        body: { status: 'queued', calendar_id: id, action, events, request_seq: Number(requestSeq) },
        rings: [pullFor(id, held.now)],
      };
    },
  });
});

/** The calendar that the path names. @throws RequestProblem `not_found` */
async function ownCalendar(context: Context, call: Call): Promise<api.CalendarRow> {
  const id = pathId(call);
  const row = await asUser(context, call, (tx) => api.findCalendar(tx, { userId: call.userId, id }));
  if (!row) throw notFound();
  return row;
}

export const pullFor = (calendarId: CalendarId, now: Date): JobRequest => ({
  name: 'pull-calendar',
  payload: { calendarId, reason: 'user', requestedAt: now.toISOString() },
});
