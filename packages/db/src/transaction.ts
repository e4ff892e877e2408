/**
 * Every transaction begins the same way: role, user and lock time-out in one statement, then the advisory locks of
 * its calendars in one order. Nothing writes before the locks, so that the feed stays in the order of the changes.
 */
import type { CalendarId } from '@calfleet/domain';
import type { Prisma, PrismaClient } from '../generated/client';

export type Transaction = Prisma.TransactionClient;

export type Role =
  /** Sees every user's rows. Workers only. */
  | { role: 'worker' }
  /** Sees this user's rows. */
  | { role: 'api'; userId: string };

export type TransactionOptions = Role & {
  /** Calendars that this transaction writes events, occurrences or feed rows of. */
  calendars?: readonly CalendarId[];
  /** Whole transaction, milliseconds. Prisma's default of 5 s fails after a long wait for a lock. */
  timeoutMs?: number;
  /** Longest wait for a lock, milliseconds. Short for work that can come back later. */
  lockTimeoutMs?: number;
};

// A plan that is kept was made for the table as it was: on a table that fills it reads everything, again and again (a
// first mirror of 10,000 events took 37 s instead of 1.6 s, measured). So statements are prepared, and planned each time.

/** Longest wait for another transaction of the same calendar: longer than any page takes. */
const lockTimeoutMs = 30_000;

export async function runTransaction<T>(
  prisma: PrismaClient,
  options: TransactionOptions,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return prisma.$transaction(
    async (tx) => {
      const userId = options.role === 'api' ? options.userId : '';
      await tx.$queryRaw`
        select set_config('role', ${`calfleet_${options.role}`}, true),
               set_config('calfleet.user_id', ${userId}, true),
               set_config('lock_timeout', ${String(options.lockTimeoutMs ?? lockTimeoutMs)}, true),
               set_config('plan_cache_mode', 'force_custom_plan', true)`;
      await lockCalendars(tx, options.calendars ?? []);
      return work(tx);
    },
    { timeout: options.timeoutMs ?? 60_000, maxWait: 10_000 },
  );
}

/** Sorted, so that two transactions over the same calendars never wait for each other in a circle. */
async function lockCalendars(tx: Transaction, calendars: readonly CalendarId[]): Promise<void> {
  for (const id of [...new Set(calendars)].sort()) {
    // Returns void, which the adapter cannot read: hence the text.
    await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended(${id}, 0))::text`;
  }
}
