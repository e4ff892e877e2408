/** `status`: the fleet at a glance. */
import { readFleetStatus } from '@calfleet/db';
import { createQueueMonitor } from '@calfleet/jobs';
import type { Fleet } from './fleet.ts';
import { table } from './table.ts';

export async function showStatus({ config, db, clock, print }: Fleet): Promise<void> {
  const { accounts, calendars } = await db.transaction({ role: 'worker' }, readFleetStatus);
  print('Accounts');
  print(
    table(
      ['provider', 'status', 'accounts'],
      accounts.map((row) => [row.provider, row.status, row.accounts]),
    ),
  );
  print('\nCalendars (active ones)');
  print(
    table(
      ['state', 'coverage', 'calendars', 'dirty'],
      calendars.map((row) => [row.state, row.coverage, row.calendars, row.dirty]),
    ),
  );
  const monitor = createQueueMonitor({
    redisUrl: config.redisUrl,
    prefix: config.redisPrefix,
    onError: () => undefined,
  });
  try {
    const readings = await monitor.read(clock.now());
    print('\nQueues');
    print(
      table(
        ['queue', 'waiting', 'delayed', 'active', 'failed', 'oldest'],
        readings.map(({ queue, jobs, oldestAgeMs }) => [
          queue,
          jobs.waiting + jobs.prioritized,
          jobs.delayed,
          jobs.active,
          jobs.failed,
          `${(oldestAgeMs / 1_000).toFixed(1)} s`,
        ]),
      ),
    );
  } finally {
    await monitor.close();
  }
}
