/**
 * A fleet after an outage: thousands of calendars that were mirrored once, all of them due, their jobs waiting in Redis
 * with times that have passed. Rows are planted in bulk; the calendars are there at the sandbox's Google.
 */
import { newId, systemClock, type AccountId, type CalendarId } from '@calfleet/domain';
import type { House } from './house.ts';

export interface DueCalendar {
  id: CalendarId;
  email: string;
}

interface Planted {
  id: CalendarId;
  userId: string;
  accountId: AccountId;
  googleId: string;
}

/** @returns the calendars, those of one account far from each other, in the order in which they are due */
export async function plantDue(
  house: House,
  { accounts, each }: { accounts: number; each: number },
): Promise<DueCalendar[]> {
  const perAccount = await Promise.all(
    Array.from({ length: accounts }, (_, n) => plantAccount(house, `user${n}@example.test`, each)),
  );
  const planted = Array.from({ length: each }, (_, n) => perAccount.flatMap((all) => all[n] ?? [])).flat();
  const now = systemClock.now();
  await house.db.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
        state, coverage, push_refused_at, last_synced_at, next_pull_at, created_at, updated_at)
      select p.id::uuid, p."userId", p."accountId"::uuid, 'google', p."googleId", 'Planted', 'UTC', 'owner',
        'active', 'poll', ${now}, ${now}, ${now}::timestamptz - interval '1 hour' + p.n * interval '1 ms', ${now}, ${now}
        from rows from (jsonb_to_recordset(${JSON.stringify(planted)}::jsonb)
          as (id text, "userId" text, "accountId" text, "googleId" text, email text)) with ordinality
          as p (id, "userId", "accountId", "googleId", email, n)`;
  });
  return planted.map(({ id, email }) => ({ id, email }));
}

async function plantAccount(
  house: House,
  email: string,
  count: number,
): Promise<(Planted & { email: string })[]> {
  const owner = house.sandbox.google.createAccount({ email });
  const { accountId, userId } = await house.addAccount({
    provider: 'google',
    refreshTokens: owner.refreshTokens,
  });
  await house.db.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      update calendar_accounts set provider_account_id = ${email}, calendars_listed_at = ${systemClock.now()}
       where id = ${accountId}::uuid`;
  });
  return Array.from({ length: count }, () => {
    const googleId = owner.createCalendar({ timeZone: 'UTC' }).id;
    return { id: newId<CalendarId>(), userId, accountId, googleId, email };
  });
}

/** What an outage leaves in Redis: every calendar's scheduled pull, delayed until a time that has passed. */
export async function leaveJobs({ producer }: House, calendars: readonly DueCalendar[]): Promise<void> {
  const requestedAt = systemClock.now().toISOString();
  await producer.enqueueMany(
    calendars.map(({ id: calendarId }) => ({
      name: 'pull-calendar' as const,
      payload: { calendarId, reason: 'schedule' as const, requestedAt },
    })),
  );
}

/** Lists that the sandbox was asked for, by when: looked at every few milliseconds. */
export function watchRequests({ sandbox }: House) {
  const asked: { atMs: number; count: number }[] = [];
  const startedAt = performance.now();
  const lists = (): number => sandbox.usage.report().byOperation['events.list'] ?? 0;
  const timer = setInterval(() => asked.push({ atMs: performance.now() - startedAt, count: lists() }), 20);
  return {
    lists,
    lastedMs: () => performance.now() - startedAt,
    stop: () => clearInterval(timer),
    /** The most lists in any stretch of that length. */
    most(lengthMs: number): number {
      let first = 0;
      let most = 0;
      for (const { atMs, count } of asked) {
        while ((asked[first]?.atMs ?? atMs) < atMs - lengthMs) first += 1;
        most = Math.max(most, count - (asked[first]?.count ?? 0));
      }
      return most;
    },
  };
}
