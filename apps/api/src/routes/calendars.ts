import { z } from 'zod';
import { api } from '@calfleet/db';
import { conflictStrategies, type CalendarId } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { calendarAnswer } from '../answers/calendar.ts';
import { asUser, type Call, type Context, type Handler } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { pathId, readBody, readQuery, uuid } from '../requests/input.ts';
import { idPage, pageParams } from '../requests/paging.ts';
import { performWrite } from '../writes.ts';

const listQuery = z.strictObject({ ...pageParams, account_id: uuid().optional() });

export const listCalendars: Handler = async (context, call) => {
  const { account_id: accountId = null, ...query } = readQuery(call, listQuery);
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
};

export const getCalendar: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  return { status: 200, body: calendarAnswer(await ownCalendar(context, call), context.clock) };
};

const onOrOff = z.boolean({ error: 'must be true or false' }).optional();
const switches = z
  .strictObject({
    active: onOrOff,
    incremental_enabled: onOrOff,
    write_enabled: onOrOff,
    conflict_strategy: z
      .enum(conflictStrategies, { error: `must be one of ${conflictStrategies.join(', ')}` })
      .nullable()
      .optional(),
  })
  .refine((given) => Object.values(given).some((value) => value !== undefined), {
    error: 'names no field to change',
  });

export const changeCalendar: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  const given = readBody(call, switches);
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
};

const decision = z.strictObject({
  action: z.enum(['apply', 'discard'], { error: 'must be apply or discard' }),
});

/** The brake held deletions: `apply` verifies with a full round and deletes, `discard` keeps the events for good. */
export const decideHeldDeletes: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  const { action } = readBody(call, decision);
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
};

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
