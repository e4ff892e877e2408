/**
 * The kill switch: nothing more is written to providers, for everybody or for one account, until it is resumed. What users
 * write meanwhile is taken, and waits. An operator's act goes over all users, so it is done in the workers' role.
 */
import { z } from 'zod';
import {
  calendarsToPush,
  resumeAccountWrites,
  resumeAllWrites,
  stopAccountWrites,
  stopAllWrites,
} from '@calfleet/db';
import type { AccountId } from '@calfleet/domain';
import { auditWithin } from '../audit.ts';
import { instant } from '../answers/times.ts';
import { notFound } from '../problems.ts';
import { uuid } from '../requests/input.ts';
import { forAdmin } from '../route.ts';
import { ring } from '../writes.ts';

/** Without an account: all of them. */
const scope = z.strictObject({
  account_id: uuid().optional().describe('Left out: all accounts of all users.'),
});

const stopped = {
  summary: 'The kill switch: nothing more is written to providers',
  details: 'What users write meanwhile is taken, and waits. Stopping what is stopped changes nothing.',
  body: scope,
  answers: {
    200: z.object({
      stopped: z.literal(true),
      account_id: z.uuid().optional(),
      since: instant.describe('Since when it is stopped.'),
    }),
  },
  problems: ['not_found'],
} as const;

/** Stopping what is stopped changes nothing, its reason and its time least of all. */
export const stopWrites = forAdmin(stopped, async ({ db, clock }, call, { body: { account_id: id } }) => {
  const at = clock.now();
  const since = await db.transaction({ role: 'worker' }, async (tx) => {
    const stoppedAt =
      id === undefined
        ? await stopAllWrites(tx, at)
        : await stopAccountWrites(tx, { id: id as AccountId, reason: 'by an administrator', at });
    if (stoppedAt === null) throw notFound();
    await auditWithin(tx, call, { action: 'writes.stopped', target: id ?? null, at });
    return stoppedAt;
  });
  call.logger.warn('An administrator stopped writing to providers', { account_id: id });
  return { status: 200, body: { stopped: true, ...(id && { account_id: id }), since } };
});

/** More than that is rung for by the drain. */
const ringsMax = 500;

const resumed = {
  summary: 'Lets writes go on',
  details:
    'Of the scope that is named: an account that was stopped on its own is resumed on its own, and none while all are stopped.',
  body: scope,
  answers: { 200: z.object({ stopped: z.literal(false), account_id: z.uuid().optional() }) },
  problems: ['not_found'],
} as const;

export const resumeWrites = forAdmin(resumed, async (context, call, { body: { account_id: id } }) => {
  const at = context.clock.now();
  const waiting = await context.db.transaction({ role: 'worker' }, async (tx) => {
    if (id === undefined) await resumeAllWrites(tx);
    else if (!(await resumeAccountWrites(tx, { id: id as AccountId, at }))) throw notFound();
    await auditWithin(tx, call, { action: 'writes.resumed', target: id ?? null, at });
    return calendarsToPush(tx, at, ringsMax);
  });
  call.logger.warn('An administrator resumed writing to providers', { account_id: id });
  const rings = waiting.map((calendarId) => ({ name: 'push-calendar' as const, payload: { calendarId } }));
  await ring(context, call, rings);
  return { status: 200, body: { stopped: false, ...(id && { account_id: id }) } };
});
