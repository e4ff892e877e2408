/** `status`: the fleet at a glance, for eyes or (`--json`) for programs. */
import { duration } from './duration.ts';
import type { Fleet } from './fleet.ts';
import { glanceAt, type Glance } from './glance.ts';
import { table } from './table.ts';

export async function showStatus(fleet: Fleet, { json }: { json: boolean }): Promise<void> {
  const glance = await glanceAt(fleet);
  fleet.print(json ? JSON.stringify(plain(glance), null, 2) : told(glance));
}

/** One spelling of names in all that programs read of us. */
const plain = ({ queues, ...rest }: Glance): Record<string, unknown> => ({
  ...rest,
  queues:
    queues?.map(({ queue, jobs, oldestAgeMs }) => ({ queue, ...jobs, oldest_age_ms: oldestAgeMs })) ?? null,
});

const told = (glance: Glance): string =>
  [
    ['Accounts', accounts(glance)],
    ['Calendars (active ones)', calendars(glance)],
    ['Freshness (time since calendars were last verified)', freshness(glance)],
    ['Queues', queues(glance)],
    ['Schedules', schedules(glance)],
    ['Channels by signing key', channels(glance)],
    ['Writing back', writing(glance)],
    ['Trouble', trouble(glance)],
  ]
    .map((section) => section.join('\n'))
    .join('\n\n');

const accounts = (glance: Glance): string =>
  table(
    ['provider', 'status', 'accounts'],
    glance.accounts.map((row) => [row.provider, row.status, row.accounts]),
  );

const calendars = (glance: Glance): string =>
  table(
    ['state', 'coverage', 'calendars', 'dirty'],
    glance.calendars.map((row) => [row.state, row.coverage, row.calendars, row.dirty]),
  );

const seconds = (age: number | null): string => duration(age === null ? null : age * 1_000);

const freshness = (glance: Glance): string =>
  table(
    ['coverage', 'calendars', 'never', 'p50', 'p99', 'oldest'],
    glance.freshness.map(({ coverage, p50, p99, oldest, ...row }) => [
      coverage ?? 'all',
      row.calendars,
      row.never,
      seconds(p50),
      seconds(p99),
      seconds(oldest),
    ]),
  );

const noRedis = 'Redis does not answer at REDIS_URL.';

function queues({ queues }: Glance): string {
  if (queues === null) return noRedis;
  return table(
    ['queue', 'waiting', 'delayed', 'active', 'failed', 'oldest'],
    queues.map(({ queue, jobs, oldestAgeMs }) => [
      queue,
      jobs.waiting + jobs.prioritized,
      jobs.delayed,
      jobs.active,
      jobs.failed,
      duration(oldestAgeMs),
    ]),
  );
}

const schedules = (glance: Glance): string =>
  table(
    ['schedule', 'last run', 'took', 'outcome', 'next', 'remark'],
    glance.schedules.map((row) => [
      row.name,
      row.last_started_at,
      duration(row.last_took_ms),
      row.outcome,
      row.next_at,
      row.remark,
    ]),
  );

const channels = (glance: Glance): string =>
  table(
    ['provider', 'key', 'channels'],
    glance.channels.map((row) => [row.provider, row.signing_key_id, row.channels]),
  );

function writing({ writes: { stopped, unsettled, open_conflicts } }: Glance): string {
  const stops = [
    ...(stopped.fleet ? ['Stopped for all accounts.'] : []),
    ...(stopped.accounts > 0 ? [`Stopped for ${stopped.accounts} accounts: "accounts" says why.`] : []),
  ];
  const rows = unsettled.map(({ state, writes, oldest }) => [state, writes, seconds(oldest)]);
  const waiting = table(['what', 'count', 'oldest'], [...rows, ['open conflicts', open_conflicts, '-']]);
  return [...stops, waiting].join('\n');
}

const trouble = (glance: Glance): string =>
  table(
    ['what', 'count'],
    [
      ['quarantined items', glance.quarantined],
      ['dead jobs', glance.dead_jobs],
    ],
  );
