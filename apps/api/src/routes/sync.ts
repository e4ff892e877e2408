/** A user asks for a pull: a number in the calendar's row, a ring, and on demand a bounded wait for the answer. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { api } from '@calfleet/db';
import { asUser, type Answer, type Call, type Context } from '../context.ts';
import { invalid, notFound, RequestProblem } from '../problems.ts';
import { uuid } from '../requests/input.ts';
import { forUser } from '../route.ts';
import { amendAnswer, performWrite } from '../writes.ts';
import { pullFor } from './calendars.ts';

/** Completed within 25 s, else queued. */
const waitMs = 25_000;
const rereadMs = 150;

const syncBody = z.strictObject({
  calendar_id: uuid().optional().describe('Left out: all that are active.'),
  background: z
    .boolean({ error: 'must be true or false' })
    .optional()
    .describe('True unless told. False: waits for up to 25 s for the pulls to be done.'),
  mode: z
    .enum(['incremental', 'full'], { error: 'must be incremental or full' })
    .optional()
    .describe('Incremental unless told; full reads everything again.'),
});

const asked = {
  summary: 'Asks for a pull now',
  body: syncBody,
  answers: {
    200: z
      .object({
        status: z.literal('completed'),
        calendars: z.array(
          z.object({
            calendar_id: z.uuid(),
            mode: z.enum(['incremental', 'full']).nullable(),
            created: z.int(),
            updated: z.int(),
            deleted: z.int(),
            provider_calls: z.int(),
          }),
        ),
      })
      .describe('Done, with `background: false`.'),
    202: z
      .object({
        status: z.literal('queued'),
        requests: z.array(
          z.object({
            calendar_id: z.uuid(),
            request_seq: z.int().describe('Done when `synced_seq` of GET /sync/status has reached it.'),
          }),
        ),
      })
      .describe('Will be done.'),
  },
  problems: ['not_found', 'gone', 'credentials_revoked'],
} as const;

export const requestSync = forUser(asked, async (context, call, { body }) => {
  const { calendar_id: calendarId = null, background = true, mode = 'incremental' } = body;
  const { userId } = call;
  let requests: api.SyncRequest[] = [];
  const queued = await performWrite(context, call, {
    work: async (tx) => {
      const now = context.clock.now();
      const targets = pullable(await api.syncTargets(tx, { userId, calendarId }), calendarId);
      const calendarIds = targets.map(({ id }) => id);
      requests = await api.requestSync(tx, { userId, calendarIds, full: mode === 'full', now });
      return {
        status: 202,
        body: { status: 'queued', requests: requests.map(requestAnswer) },
        rings: requests.map(({ calendar_id }) => pullFor(calendar_id, now)),
      };
    },
  });
  if (background || queued.replayed) return queued;
  const completed = await waitForAnswer(context, call, requests);
  if (!completed) return queued;
  await amendAnswer(context, call, completed);
  return completed;
});

const requestAnswer = ({ calendar_id, request_seq }: api.SyncRequest) => ({
  calendar_id,
  request_seq: Number(request_seq),
});

/** @throws RequestProblem when what was asked for cannot be pulled at all */
function pullable(targets: readonly api.SyncTarget[], calendarId: string | null): api.SyncTarget[] {
  const [first] = targets;
  if (calendarId !== null) {
    if (!first) throw notFound();
    if (first.state === 'gone') throw new RequestProblem('gone', 'The calendar is gone at the provider');
    if (!first.active) throw invalid('calendar_id', 'is not active: PATCH the calendar first');
  }
  const connected = targets.filter(
    (each) => !['disconnecting', 'disconnected'].includes(each.account_status),
  );
  if (first && connected.length === 0) throw new RequestProblem('gone', 'The account is disconnected');
  // One account that waits for its user does not keep the others from being pulled.
  const live = connected.filter((each) => each.account_status === 'active');
  if (first && live.length === 0) throw revoked();
  return live;
}

const revoked = (): RequestProblem =>
  new RequestProblem('credentials_revoked', 'The provider no longer accepts the account: connect it again');

/** null when time, the client or the process ran out first: the request stays queued. */
async function waitForAnswer(
  context: Context,
  call: Call,
  requests: readonly api.SyncRequest[],
): Promise<Answer | null> {
  const enough = AbortSignal.any([AbortSignal.timeout(waitMs), call.gone, context.stopping]);
  for (;;) {
    const progress = await asUser(context, call, (tx) =>
      api.syncProgress(tx, { userId: call.userId, requests }),
    );
    if (progress.every(({ done }) => done)) {
      return { status: 200, body: { status: 'completed', calendars: progress.map(calendarAnswer) } };
    }
    if (progress.some(({ done, credentials_revoked }) => !done && credentials_revoked)) throw revoked();
    if (enough.aborted) return null;
    await pause(rereadMs, undefined, { signal: enough }).catch(() => undefined);
  }
}

const calendarAnswer = (row: api.SyncProgress) => ({
  calendar_id: row.calendar_id,
  mode: row.mode,
  created: row.created,
  updated: row.updated,
  deleted: row.deleted,
  provider_calls: row.provider_calls,
});
