/** Reads an account's calendar list; what is new is pulled and watched. */
import {
  asSyncError,
  newId,
  type AccountId,
  type CalendarId,
  type CalendarListPage,
  type RemoteCalendar,
} from '@calfleet/domain';
import {
  findTwinAccount,
  finishListing,
  markReauthNeeded,
  readAccount,
  retireTwin,
  readCalendarIds,
  storeCalendars,
  touchAccount,
  type AccountRow,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';
import { providerOf } from './provider-of.ts';

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
    // A grant that may not even list calendars, too, needs a person: a scope was not given.
    const needsPerson = error.code === 'credentials_revoked' || error.code === 'permission_denied';
    await deps.db.transaction({ role: 'worker' }, async (tx) => {
      if (needsPerson) await markReauthNeeded(tx, accountId, error.message, at);
      else await touchAccount(tx, accountId, at);
    });
    throw error;
  }
}

type CalendarList = Pick<CalendarListPage, 'calendars' | 'mailbox'>;

async function listAll(deps: SyncDeps, account: AccountRow): Promise<CalendarList> {
  const provider = providerOf(deps, account);
  const session = deps.sessions.open({ accountId: account.id, provider: account.provider });
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
  const fresh = await deps.db.transaction({ role: 'worker', calendars: known }, async (tx) => {
    const stored = await storeCalendars(tx, { id, userId, provider }, named, at);
    await finishListing(tx, id, {
      providerAccountId: mailbox?.id ?? null,
      email: mailbox?.email ?? null,
      at,
    });
    return stored.filter((calendar) => calendar.isNew);
  });
  const requestedAt = at.toISOString();
  await deps.jobs.enqueueMany(
    fresh.flatMap((calendar) => [
      {
        name: 'pull-calendar' as const,
        payload: { calendarId: calendar.id, reason: 'backfill' as const, requestedAt },
      },
      { name: 'ensure-watch' as const, payload: { calendarId: calendar.id } },
    ]),
  );
  return fresh.length;
}
