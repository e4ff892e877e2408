import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import {
  createProducer,
  createQueueMonitor,
  createSchedules,
  tickNames,
  type Producer,
  type TickName,
} from '@calfleet/jobs';
import { eventually } from '@calfleet/testkit';
import { showAccounts } from './accounts.ts';
import { audit } from './audit.ts';
import { showCalendars } from './calendars.ts';
import { UsageError } from './command.ts';
import { at, ids, plantFleet, type PlantedFleet } from './planted-fleet.fixture.ts';
import { showStatus } from './status.ts';
import { syncCalendar } from './sync.ts';

let planted: PlantedFleet;
let producer: Producer;
const onError = () => undefined;

beforeEach(async () => {
  planted = await plantFleet();
  const { redisUrl, redisPrefix: prefix } = planted.fleet.config;
  producer = createProducer({ redisUrl, prefix, onError, timeoutMs: 30_000 });
});
afterEach(async () => {
  await producer.close();
  await planted.close();
});

const readQueues = async () => {
  const { redisUrl, redisPrefix: prefix } = planted.fleet.config;
  const monitor = createQueueMonitor({ redisUrl, prefix, onError });
  try {
    return { queues: await monitor.read(at), schedules: await monitor.schedules() };
  } finally {
    await monitor.close();
  }
};

const noRedis = () => ({
  ...planted.fleet,
  config: { ...planted.fleet.config, redisUrl: 'redis://127.0.0.1:9' },
});

describe('status', () => {
  test('shows all there is to know, and says what is wrong', async () => {
    const requestedAt = at.toISOString();
    await producer.enqueue('pull-calendar', { calendarId: ids.work, reason: 'notify', requestedAt });
    await producer.enqueue('stop-watch', { watchId: ids.work, resourceId: 'r' }, { delayMs: 3_600_000 });
    await showStatus(planted.fleet, { json: false });
    expect(planted.printed()).toEqual([
      'Accounts',
      'provider   status         accounts',
      'google     active         1',
      'microsoft  reauth_needed  1',
      '',
      'Calendars (active ones)',
      'state   coverage  calendars  dirty',
      'active  poll      1          0',
      'active  push      3          1',
      'new     none      1          0',
      'paused  none      1          0',
      '',
      'Freshness (time since calendars were last verified)',
      'coverage  calendars  never  p50     p99     oldest',
      'none      1          1      -       -       -',
      'poll      1          0      90 min  90 min  90 min',
      'push      2          0      60 s    3 min   3 min',
      'all       4          1      3 min   90 min  90 min',
      '',
      'Queues',
      'queue      waiting  delayed  active  failed  oldest',
      'webhooks   0        0        0       0       0.0 s',
      'pull       1        0        0       0       0.0 s',
      'push       0        0        0       0       0.0 s',
      'backfill   0        0        0       0       0.0 s',
      'accounts   0        0        0       0       0.0 s',
      'watches    0        1        0       0       0.0 s',
      'schedules  0        0        0       0       0.0 s',
      '',
      'Schedules',
      'schedule             last run              took   outcome    next  remark',
      'auto-sync            -                     -      never      -     not installed in Redis, has never run',
      'webhook-drain        2026-03-02T11:59:00Z  30 s   completed  -     not installed in Redis',
      'conflict-resolution  -                     -      never      -     not installed in Redis, has never run',
      'cleanup              2026-03-02T03:00:00Z  3 min  failed     -     not installed in Redis, failed: bug',
      'incremental-pull     -                     -      never      -     not installed in Redis, has never run',
      'watch-renewal        -                     -      never      -     not installed in Redis, has never run',
      'mirror-audit         2026-03-02T11:58:00Z  -      running    -     not installed in Redis',
      '',
      'Channels by signing key',
      'provider  key  channels',
      'google    k1   2',
      'google    k2   1',
      '',
      'Writing back',
      'what            count  oldest',
      'open conflicts  0      -',
      '',
      'Trouble',
      'what               count',
      'quarantined items  1',
      'dead jobs          0',
    ]);
  });

  test('a schedule that is late is overdue, one in time is not', async () => {
    const { redisUrl, redisPrefix: prefix } = planted.fleet.config;
    const schedules = createSchedules({ redisUrl, prefix, onError });
    const hourly = Object.fromEntries(tickNames.map((name) => [name, { everyMs: 3_600_000 }]));
    await schedules.install(hourly as Record<TickName, { everyMs: number }>);
    await schedules.close();
    const nextAt = async (name: string) =>
      (await readQueues()).schedules.find((one) => one.name === name)?.nextAt?.getTime() ?? 0;
    const remarks = async () => {
      await showStatus(planted.fleet, { json: true });
      const { schedules: all } = JSON.parse(planted.printed().join('\n')) as {
        schedules: { name: string; remark: string }[];
      };
      return Object.fromEntries(all.map(({ name, remark }) => [name, remark]));
    };
    // An interval's first tick is due at once.
    planted.clock.set(new Date((await nextAt('webhook-drain')) + 59_000));
    expect(await remarks()).toMatchObject({ 'webhook-drain': '', 'auto-sync': 'has never run' });
    planted.clock.advance(3_600_000);
    expect(await remarks()).toMatchObject({
      'webhook-drain': 'overdue for 61 min',
      'auto-sync': 'overdue for 61 min, has never run',
      cleanup: expect.stringMatching(/failed: bug$/) as string,
    });
  });

  test('for programs it is JSON', async () => {
    await showStatus(planted.fleet, { json: true });
    const status = JSON.parse(planted.printed().join('\n')) as Record<string, unknown>;
    expect(Object.keys(status).sort()).toEqual([
      'accounts',
      'at',
      'calendars',
      'channels',
      'dead_jobs',
      'freshness',
      'quarantined',
      'queues',
      'schedules',
      'writes',
    ]);
    expect(status).toMatchObject({
      at: at.toISOString(),
      dead_jobs: 0,
      freshness: expect.arrayContaining([
        { coverage: null, calendars: 4, never: 1, p50: 180, p99: 5_400, oldest: 5_400 },
      ]) as unknown,
      queues: expect.arrayContaining([
        { queue: 'pull', waiting: 0, prioritized: 0, delayed: 0, active: 0, failed: 0, oldest_age_ms: 0 },
      ]) as unknown,
    });
  });

  test('without Redis it says so and shows the rest', async () => {
    await showStatus(noRedis(), { json: false });
    const lines = planted.printed();
    expect(lines[lines.indexOf('Queues') + 1]).toBe('Redis does not answer at REDIS_URL.');
    expect(lines).toContain('cleanup              2026-03-02T03:00:00Z  3 min  failed     -     failed: bug');
    expect(lines.at(-1)).toBe('dead jobs          -');
  });
});

describe('accounts', () => {
  test('all of them, or those that a person must connect again', async () => {
    await showAccounts(planted.fleet, { reauth: false });
    expect(planted.printed()).toHaveLength(3);
    await showAccounts(planted.fleet, { reauth: true });
    expect(planted.printed()).toEqual([
      'account                               user  provider   email            status         calendars  reason',
      `${ids.microsoft}  bo    microsoft  bo@example.test  reauth_needed  1          credentials_revoked`,
    ]);
    await planted.worker((tx) => tx.$executeRaw`update calendar_accounts set status = 'active'`);
    await showAccounts(planted.fleet, { reauth: true });
    expect(planted.printed()).toEqual(['No account has to be connected again.']);
  });
});

describe('calendars', () => {
  test('stale ones are those not verified for as long as one says', async () => {
    const names = async (staleMinutes: number | null) => {
      await showCalendars(planted.fleet, { staleMinutes });
      return planted.printed().map((line) => line.split(/ {2,}/)[2]);
    };
    expect(await names(null)).toEqual(['name', 'Work', 'Home', 'Team', 'Fresh', 'Paused', 'Lost', 'Off']);
    expect(await names(30)).toEqual(['name', 'Team', 'Fresh', 'Paused', 'Lost']);
    expect(await names(1_000)).toEqual(['name', 'Fresh', 'Lost']);
  });
});

describe('sync', () => {
  test('rings for an active calendar, and names the option when there is none', async () => {
    await syncCalendar(planted.fleet, { calendar: ids.home, full: true });
    expect(planted.printed()).toEqual(['Queued in full: done when synced_seq reaches 2.']);
    expect((await readQueues()).queues.find(({ queue }) => queue === 'pull')?.jobs.prioritized).toBe(1);
    const unknown = syncCalendar(planted.fleet, { calendar: ids.off, full: false });
    await expect(unknown).rejects.toThrow(new UsageError(`--calendar ${ids.off} is no active calendar.`));
  });
});

describe('audit', () => {
  const ofAda = { user: 'ada', calendar: null, timeoutSeconds: 60 };
  const details = (n: number) =>
    [...Array(n).keys()].map((i) => ({
      kind: i === 0 ? 'missing' : 'stale',
      event_id: `00000000-0000-7000-8000-00000000e00${i}`,
      provider_event_id: `event${i}`,
      fields: i === 0 ? [] : ['starts_at', 'summary'],
    }));
  /** What the worker leaves behind, at this instant or at another. */
  const finish = (
    calendar: string,
    found: { differences?: number; named?: number; outcome?: string; of?: Date },
  ) => {
    const { differences = 0, named = differences, outcome = 'completed', of = at } = found;
    return planted.worker(
      (tx) => tx.$executeRaw`
        insert into calendar_audits (id, user_id, account_id, calendar_id, outcome, seen, differences, details,
          requested_at, finished_at)
        values (gen_random_uuid(), 'ada', ${ids.google}::uuid, ${calendar}::uuid, ${outcome}, 10, ${differences},
          ${JSON.stringify(details(named))}::jsonb, ${of}, ${at})`,
    );
  };
  const backfill = async () => (await readQueues()).queues.find(({ queue }) => queue === 'backfill')?.jobs;

  test('waits for all that it asked for, prints what differed, and says 1', async () => {
    await planted.worker(
      (tx) =>
        tx.$executeRaw`update calendars set active = id <> ${ids.fresh}::uuid and id <> ${ids.paused}::uuid`,
    );
    const code = audit(planted.fleet, ofAda);
    await eventually(async () => (await backfill())?.prioritized === 4);
    // Another audit's row is not ours.
    await finish(ids.work, { differences: 1, of: new Date(at.getTime() - 1) });
    await finish(ids.home, {});
    await finish(ids.team, { differences: 5, named: 2 });
    await finish(ids.off, {});
    await finish(ids.work, {});
    expect(await code).toBe(1);
    expect(planted.printed()).toEqual([
      'calendar                              kind     event                                 provider event  fields',
      `${ids.team}  missing  00000000-0000-7000-8000-00000000e000  event0          -`,
      `${ids.team}  stale    00000000-0000-7000-8000-00000000e001  event1          starts_at summary`,
      `${ids.team}: 3 more, not named.`,
      '4 of 4 calendars audited, 40 events, 5 differences.',
    ]);
  });

  test('nothing differed: 0', async () => {
    await finish(ids.work, {});
    expect(await audit(planted.fleet, { ...ofAda, user: null, calendar: ids.work })).toBe(0);
    expect(planted.printed()).toEqual(['1 of 1 calendars audited, 10 events, 0 differences.']);
  });

  test('what has no answer is named, with the reason: 2', async () => {
    await finish(ids.work, {});
    await finish(ids.home, { outcome: 'unclear' });
    expect(await audit(planted.fleet, { ...ofAda, timeoutSeconds: 1 })).toBe(2);
    expect(planted.printed()).toEqual([
      `${ids.home}: unclear, the provider could not say what changed meanwhile; audit it again.`,
      `${ids.team}: not finished within 1 s.`,
      `${ids.fresh}: not audited, never mirrored.`,
      `${ids.paused}: not audited, paused.`,
      '1 of 5 calendars audited, 10 events, 0 differences.',
    ]);
  });

  test('an account that is not connected is said, and rings nobody', async () => {
    expect(await audit(planted.fleet, { ...ofAda, user: 'bo' })).toBe(2);
    expect(planted.printed()[0]).toBe(`${ids.lost}: not audited, account not connected.`);
    expect((await backfill())?.prioritized).toBe(0);
  });

  test('one that is planned for later does not swallow it', async () => {
    const requestedAt = new Date(at.getTime() - 1).toISOString();
    await producer.enqueue('audit-calendar', { calendarId: ids.work, requestedAt }, { delayMs: 3_600_000 });
    await audit(planted.fleet, { user: null, calendar: ids.work, timeoutSeconds: 1 });
    expect(await backfill()).toMatchObject({ delayed: 1, prioritized: 1 });
  });

  test('who is not there is named by the option; without Redis it fails', async () => {
    await expect(audit(planted.fleet, { ...ofAda, user: 'eve' })).rejects.toThrow(
      new UsageError('--user "eve" has no active calendar.'),
    );
    await expect(audit(planted.fleet, { ...ofAda, user: null, calendar: ids.off })).rejects.toThrow(
      new UsageError(`--calendar ${ids.off} is no active calendar.`),
    );
    await expect(audit(noRedis(), ofAda)).rejects.toThrow('Redis did not take the job');
  });
});

describe('the command line', () => {
  const run = async (...args: string[]): Promise<{ code: number | null; text: string }> => {
    const { databaseUrl, redisUrl, redisPrefix } = planted.fleet.config;
    const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'main.ts'), ...args], {
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        REDIS_PREFIX: redisPrefix,
      },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    }
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, text };
  };

  test('ends with the code that scripts go by', async () => {
    expect(await run('accounts', '--reauth')).toMatchObject({ code: 0 });
    expect(await run('keys', 'create', '--scope', 'app')).toEqual({
      code: 0,
      text: expect.stringMatching(/^cf_[0-9a-f]{16}_[\w-]{43}\nKey /) as string,
    });
    expect(await run('sync', '--calendar', 'work')).toEqual({
      code: 64,
      text: expect.stringMatching(/^--calendar wants an id/) as string,
    });
    expect(await run('audit', '--user', 'eve')).toMatchObject({ code: 64 });
    expect(await run('audit', '--calendar', ids.paused)).toEqual({
      code: 2,
      text: `${ids.paused}: not audited, paused.\n0 of 1 calendars audited, 0 events, 0 differences.\n`,
    });
  });

  test('an audit that could not ask has not found differences', async () => {
    const { config } = planted.fleet;
    planted.fleet.config = { ...config, redisUrl: 'redis://127.0.0.1:9' };
    expect(await run('audit', '--user', 'ada')).toEqual({ code: 2, text: 'Redis did not take the job\n' });
  });
});
