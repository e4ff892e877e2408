/**
 * An account leaves, step by step, each of them a state of its row: it may die anywhere and goes on where it was. The
 * provider is asked for a day at most; what it does not take back by then stays there, and our side is done.
 */
import { asSyncError, NotAsked, type AccountId, type SyncError } from '@calfleet/domain';
import {
  advanceLeaving,
  appendAudit,
  channelsLeft,
  discardLeft,
  eventsUntold,
  calendarsLeaving,
  fenceAccount,
  finishLeaving,
  holdLeaving,
  leaveUnasked,
  leavingSteps,
  lockLeaving,
  mailboxShared,
  purgeAccount,
  purgeAnswers,
  purgeCalendar,
  purgeFeed,
  watchesOf,
  putLeavingOff,
  readAccount,
  readPushed,
  type LeavingAccount,
  type LeavingStep,
  type Transaction,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { deleteManaged } from './leave-deletions.ts';
import { providerOf } from './provider-of.ts';
import { sayable } from './pull-failure.ts';
import { stopWatch } from './stop-watches.ts';
import { isReplaced } from './watch.ts';
import { takeBack } from './write.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** 15 s, 30 … to a quarter of an hour. */
const firstBackoffMs = 15_000;
const backoffMaxMs = 15 * minuteMs;
/** As long as a batch may take; the drain rings for nobody who works. */
const workingMs = 2 * minuteMs;
/** Rows of one transaction. */
const batchSize = 1_000;
/** Batches of one job; it rings for itself then, so that others have their turn. */
const batchesMax = 200;
/** A channel that was asked for before has been answered by now, or never will be. */
const answeredMs = 2 * minuteMs;
/** Channels stopped by one look at them. */
const channelsMax = 100;

export type LeaveResult =
  | 'left'
  /** It waits for its provider, and is looked at again. */
  | 'later'
  /** This job's worth is done. */
  | 'more';

export interface LeaveOptions {
  signal: AbortSignal;
  /** Takes every job out of the queues that names one of these ids. */
  forgetJobs: (ids: readonly string[]) => Promise<void>;
}

/** What a step came to: it is done, there is more of it, or the provider has to be waited for. */
type Stepped = 'done' | 'more' | { waitMs: number; reason: string };

/** @throws SyncError `bug`, what it is about is put off first */
export async function leaveAccount(
  deps: SyncDeps,
  accountId: AccountId,
  options: LeaveOptions,
): Promise<LeaveResult> {
  for (let batches = 0; batches < batchesMax && !options.signal.aborted; batches += 1) {
    const account = await deps.db.transaction({ role: 'worker' }, async (tx) => {
      const found = await lockLeaving(tx, accountId);
      if (found) await holdLeaving(tx, accountId, new Date(deps.clock.now().getTime() + workingMs));
      return found;
    });
    if (!account) return 'left';
    const stepped = await step(deps, account, options);
    if (stepped === 'more') continue;
    if (stepped === 'done') {
      if (await advance(deps, account)) return 'left';
      continue;
    }
    const at = deps.clock.now();
    const after = new Date(at.getTime() + stepped.waitMs);
    const { reason } = stepped;
    await deps.db.transaction({ role: 'worker' }, (tx) => putLeavingOff(tx, account, { after, reason, at }));
    return 'later';
  }
  await deps.db.transaction({ role: 'worker' }, (tx) => holdLeaving(tx, accountId, deps.clock.now()));
  await deps.jobs.enqueue('leave-account', { accountId });
  return 'more';
}

/** @returns whether that was the last step */
async function advance(deps: SyncDeps, account: LeavingAccount): Promise<boolean> {
  const next = leavingSteps[leavingSteps.indexOf(account.step) + 1];
  if (next === undefined) return true;
  const at = deps.clock.now();
  await deps.db.transaction({ role: 'worker' }, (tx) => advanceLeaving(tx, account, { step: next, at }));
  deps.logger.info('An account leaves', { account_id: account.id, step: next });
  return false;
}

const steps: Record<
  LeavingStep,
  (deps: SyncDeps, account: LeavingAccount, options: LeaveOptions) => Promise<Stepped>
> = {
  fence: (deps, account) => fence(deps, account),
  writes: (deps, account) => endWrites(deps, account, { keepsCreations: account.deletesManaged }),
  deletions: async (deps, account, { signal }) => {
    if (account.deletesManaged && mayAsk(deps, account)) {
      const waiting = await deleteManaged(deps, account, signal);
      if (waiting === 'more') return 'more';
      if (waiting) return wait(account, waiting);
    }
    // What was not taken back by now stays there.
    return endWrites(deps, account, { keepsCreations: false });
  },
  channels: (deps, account) =>
    mayAsk(deps, account) ? stopChannels(deps, account) : Promise.resolve('done'),
  grant: (deps, account) => endGrant(deps, account),
  rows: (deps, account, options) => (account.purge ? purge(deps, account, options) : keep(deps, account)),
};

const mayAsk = (deps: SyncDeps, account: LeavingAccount): boolean =>
  account.asks && deps.clock.now().getTime() - account.since.getTime() < dayMs;

async function step(deps: SyncDeps, account: LeavingAccount, options: LeaveOptions): Promise<Stepped> {
  try {
    return await steps[account.step](deps, account, options);
  } catch (thrown) {
    const error = asSyncError(thrown);
    if (error.code === 'credentials_revoked') {
      await deps.db.transaction({ role: 'worker' }, (tx) => leaveUnasked(tx, account.id));
      return 'more';
    }
    deps.logger.warn('An account waits to leave', {
      account_id: account.id,
      step: account.step,
      code: error.code,
      error: error.message,
    });
    const waiting = wait(account, error);
    if (error.code !== 'bug') return waiting;
    const at = deps.clock.now();
    const after = new Date(at.getTime() + waiting.waitMs);
    await deps.db.transaction({ role: 'worker' }, (tx) =>
      putLeavingOff(tx, account, { after, reason: waiting.reason, at }),
    );
    throw thrown;
  }
}

function wait({ attempts }: LeavingAccount, error: SyncError): { waitMs: number; reason: string } {
  const backoffMs = Math.min(backoffMaxMs, firstBackoffMs * 2 ** Math.min(attempts, 10));
  const waitMs = Math.min(error.retryAfterMs ?? backoffMs, backoffMaxMs);
  return { waitMs, reason: error instanceof NotAsked ? 'waits for its turn' : sayable(error) };
}

async function fence(deps: SyncDeps, account: LeavingAccount): Promise<Stepped> {
  const provider = deps.providers.get(account.provider);
  const sharesResource = provider !== undefined && isReplaced(provider);
  const { id } = account;
  await within(deps, account, [], async (tx) => {
    await fenceAccount(tx, { id, sharesResource, at: deps.clock.now() });
    // Known by the rows that they name, so before those go.
    if (account.purge) await purgeAnswers(tx, account);
    return true;
  });
  return 'done';
}

/** Nothing is on its way any more; what nobody was told of is as if it had never been. */
async function endWrites(
  deps: SyncDeps,
  account: LeavingAccount,
  { keepsCreations }: { keepsCreations: boolean },
): Promise<Stepped> {
  const at = deps.clock.now();
  const { id: accountId, userId } = account;
  for (const { id } of await calendarsOf(deps, account)) {
    const isMore = await within(deps, account, [id], async (tx) => {
      const of = { calendarId: id, keepsCreations, at, limit: batchSize };
      if ((await discardLeft(tx, of)) > 0) return true;
      if (account.purge) return false;
      const untold = await eventsUntold(tx, { calendarId: id, limit: 100 });
      for (const eventId of untold) {
        await takeBack(tx, deps, { id, userId, accountId }, await readPushed(tx, eventId));
      }
      return untold.length > 0;
    });
    if (isMore) return 'more';
  }
  return 'done';
}

async function stopChannels(deps: SyncDeps, account: LeavingAccount): Promise<Stepped> {
  const at = deps.clock.now();
  const left = await deps.db.transaction({ role: 'worker' }, (tx) =>
    channelsLeft(tx, { id: account.id, answeredBefore: new Date(at.getTime() - answeredMs) }),
  );
  if (left.length === 0) return 'done';
  // A grant that is dead shows here once, and not channel by channel.
  await deps.sessions.open({ accountId: account.id, provider: account.provider }).accessToken();
  let isAny = false;
  for (const { id: watchId, resourceId, stopAfter } of left.slice(0, channelsMax)) {
    if (resourceId === null || stopAfter === null || stopAfter > at) continue;
    isAny = true;
    await stopWatch(deps, { watchId, resourceId });
  }
  return isAny ? 'more' : { waitMs: firstBackoffMs, reason: 'the provider has not stopped all channels yet' };
}

/** Only whoever leaves a mailbox last ends its grant: a revocation ends that of all who share it. */
async function endGrant(deps: SyncDeps, account: LeavingAccount): Promise<Stepped> {
  const isLate = deps.clock.now().getTime() - account.since.getTime() >= dayMs;
  const { row, sharing } = await deps.db.transaction({ role: 'worker' }, async (tx) => ({
    row: await readAccount(tx, account.id),
    sharing: await mailboxShared(tx, account),
  }));
  if (!row || sharing === 'shared' || isLate) return 'done';
  if (sharing === 'unknown') {
    return { waitMs: firstBackoffMs, reason: 'another account of this user may share the mailbox' };
  }
  try {
    providerOf(deps, account);
    await deps.sessions.revoke(row);
  } catch (thrown) {
    const error = asSyncError(thrown);
    if (error.code === 'provider_unavailable' || error.code === 'rate_limited') throw error;
    // Nothing is there to be ended, or nobody may: it is forgotten all the same.
    deps.logger.warn('A grant could not be ended', {
      account_id: account.id,
      code: error.code,
      error: error.message,
    });
  }
  return 'done';
}

async function keep(deps: SyncDeps, { id }: LeavingAccount): Promise<Stepped> {
  const at = deps.clock.now();
  await deps.db.transaction({ role: 'worker' }, async (tx) => {
    if (await finishLeaving(tx, id, at)) await noteLeft(tx, { id, action: 'account.disconnected', at });
  });
  return 'done';
}

/** A batch of rows at a time; jobs that name them, and the account with whatever came meanwhile, at last. */
async function purge(
  deps: SyncDeps,
  account: LeavingAccount,
  { forgetJobs }: LeaveOptions,
): Promise<Stepped> {
  const calendars = (await calendarsOf(deps, account)).map(({ id }) => id);
  for (const id of calendars) {
    if (await within(deps, account, [id], async (tx) => (await purgeCalendar(tx, id, batchSize)) > 0))
      return 'more';
  }
  if (await within(deps, account, [], async (tx) => (await purgeFeed(tx, account, batchSize)) > 0))
    return 'more';
  const watches = await deps.db.transaction({ role: 'worker' }, (tx) => watchesOf(tx, account.id));
  await forgetJobs([account.id, ...calendars, ...watches]);
  await within(deps, account, calendars, async (tx) => {
    await purgeAccount(tx, account);
    await noteLeft(tx, { id: account.id, action: 'account.purged', at: deps.clock.now() });
    return true;
  });
  return 'done';
}

/** Who asked for it stands in the audit log already. */
const noteLeft = (tx: Transaction, { id, ...act }: { id: AccountId; action: string; at: Date }) =>
  appendAudit(tx, { ...act, actor: 'process:worker', target: `account:${id}` });

const calendarsOf = (deps: SyncDeps, { id }: LeavingAccount) =>
  deps.db.transaction({ role: 'worker' }, (tx) => calendarsLeaving(tx, id));

/** Work of a step, as long as it is the account's. @returns false: it is not any more */
const within = (
  deps: SyncDeps,
  { id, step }: LeavingAccount,
  calendars: Parameters<typeof purgeCalendar>[1][],
  work: (tx: Transaction) => Promise<boolean>,
): Promise<boolean> =>
  deps.db.transaction({ role: 'worker', calendars }, async (tx) => {
    const account = await lockLeaving(tx, id);
    return account?.step === step && work(tx);
  });
