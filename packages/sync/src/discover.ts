/**
 * Reads an account's calendar list, at first and every day. What is new or back is pulled and watched; what is not in it
 * any more is gone, and its channel is stopped by the plan of channels.
 */
import {
  asSyncError,
  newId,
  NotAsked,
  type SyncError,
  type AccountId,
  type CalendarId,
  type CalendarListPage,
  type RemoteCalendar,
} from '@calfleet/domain';
import {
  findTwinAccount,
  finishListing,
  markReauthNeeded,
  noteUnlisted,
  readAccount,
  retireTwin,
  retryPaused,
  readCalendarIds,
  storeCalendars,
  type AccountRow,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { countInvalidated } from './provider-counts.ts';
import { providerOf } from './provider-of.ts';
import { sayable } from './pull-failure.ts';

/** 250 calendars a page: more pages than this no list has. */
const pagesMax = 100;

/** @returns how many calendars were new */
export async function discoverAccount(deps: SyncDeps, accountId: AccountId): Promise<number> {
  const account = await deps.db.transaction({ role: 'worker' }, (tx) => readAccount(tx, accountId));
  if (account?.status !== 'active') return 0;
  try {
    const { calendars, mailbox } = await listAll(deps, account);
    if (mailbox !== null && (await stepsBack(deps, account, mailbox.id))) return 0;
    return await store(deps, account, calendars, mailbox);
  } catch (thrown) {
    const error = asSyncError(thrown);
    const at = deps.clock.now();
    await deps.db.transaction({ role: 'worker' }, async (tx) => {
      if (!needsPerson(account, error)) return noteUnlisted(tx, accountId, { reason: reasonOf(error), at });
      const isNews = await markReauthNeeded(tx, accountId, error.message, at);
      if (isNews) countInvalidated(deps.metrics, account.provider, error);
    });
    throw error;
  }
}

/**
 * A grant that could never list calendars, or lacks a scope, needs a person, too. Any other refusal may pass: the
 * calendars that are known go on, and the next list is tried as ever.
 */
const needsPerson = (account: AccountRow, error: SyncError): boolean =>
  error.code === 'credentials_revoked' ||
  (error.code === 'permission_denied' && (!account.listed || error.scopeMissing));

/** Patience, ours or theirs, is nothing to tell. */
const reasonOf = (error: SyncError): string | null =>
  error.code === 'rate_limited' || error instanceof NotAsked ? null : sayable(error);

type CalendarList = Pick<CalendarListPage, 'calendars' | 'mailbox'>;

async function listAll(deps: SyncDeps, account: AccountRow): Promise<CalendarList> {
  const provider = providerOf(deps, account);
  // Somebody waits for the first list; the ones after it are routine.
  const urgency = account.provider_account_id === null ? 'user' : 'schedule';
  const session = deps.sessions.open({
    accountId: account.id,
    provider: account.provider,
    urgency,
    looksUp: true,
  });
  const calendars: RemoteCalendar[] = [];
  let mailbox: CalendarList['mailbox'] = null;
  let pageCursor: string | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page = await provider.listCalendars(session, { pageCursor });
    calendars.push(...page.calendars);
    mailbox ??= page.mailbox;
    if (page.nextPageCursor === null) return { calendars, mailbox };
    pageCursor = page.nextPageCursor;
  }
  throw new Error(`A calendar list of ${pagesMax} pages has no end.`);
}

/** The same mailbox connected twice by the same user is one mailbox: the account that holds it gets the other's grant. */
async function stepsBack(deps: SyncDeps, account: AccountRow, mailbox: string): Promise<boolean> {
  const { id, user_id: userId, provider } = account;
  const twin = { id, userId, provider, providerAccountId: mailbox };
  const firstId = await deps.db.transaction({ role: 'worker' }, (tx) => findTwinAccount(tx, twin));
  if (firstId === null) return false;
  await deps.db.transaction({ role: 'worker' }, async (tx) => {
    const first = await readAccount(tx, firstId);
    if (!first) return;
    const refreshToken = deps.sessions.reseal(account, first);
    await retireTwin(tx, { id, firstId, refreshToken, at: deps.clock.now() });
  });
  await deps.jobs.enqueue('discover-account', { accountId: firstId });
  return true;
}

async function store(
  deps: SyncDeps,
  account: AccountRow,
  calendars: readonly RemoteCalendar[],
  mailbox: CalendarList['mailbox'],
): Promise<number> {
  const at = deps.clock.now();
  // Named once each, and in one order: two workers never wait for each other in a circle.
  const byId = new Map(calendars.map((calendar) => [calendar.providerCalendarId, calendar]));
  const named = [...byId.keys()].sort().flatMap((name) => {
    const calendar = byId.get(name);
    return calendar ? [{ ...calendar, id: newId<CalendarId>() }] : [];
  });
  const { id, user_id: userId, provider } = account;
  const known = await deps.db.transaction({ role: 'worker' }, (tx) => readCalendarIds(tx, id));
  const { stored, paused } = await deps.db.transaction({ role: 'worker', calendars: known }, async (tx) => {
    const stored = await storeCalendars(tx, { id, userId, provider }, named, at);
    const shown = named.filter((calendar) => !calendar.removed);
    const paused = await retryPaused(
      tx,
      id,
      shown.map((calendar) => calendar.providerCalendarId),
    );
    await finishListing(tx, id, {
      providerAccountId: mailbox?.id ?? null,
      email: mailbox?.email ?? null,
      at,
    });
    return { stored, paused };
  });
  const pull = (calendarId: CalendarId, reason: 'backfill' | 'schedule') => ({
    name: 'pull-calendar' as const,
    payload: { calendarId, reason, requestedAt: at.toISOString() },
  });
  await deps.jobs.enqueueMany([
    ...stored.flatMap((calendar) => [
      // Before the pull: the look that a new channel asks for may be the first one.
      ...(calendar.isUnwatched
        ? [{ name: 'ensure-watch' as const, payload: { calendarId: calendar.id } }]
        : []),
      ...(calendar.isDirty ? [pull(calendar.id, 'backfill')] : []),
    ]),
    ...paused.map((calendarId) => pull(calendarId, 'schedule')),
  ]);
  return stored.filter((calendar) => calendar.isNew).length;
}
