/** A worker between real services: a change at the provider becomes a row, whatever dies in between. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { listSchedules, migrate, schemaVersion } from '@calfleet/db';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  startOwnPostgres,
  startOwnRedis,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { createSchedules, type TickName } from '@calfleet/jobs';
import { streams } from '@calfleet/sync';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { fleetOn, timed, type Fleet, type Services } from './fleet.fixture.ts';

const within = (describe: string) => ({ describe, everyMs: 50 });

let database: TestDatabase;
let redis: TestRedis;
let services: Services;
let fleet: Fleet | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  redis = await createTestRedis();
  services = { databaseUrl: database.url, redisUrl: redis.url, prefix: redis.prefix };
});
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
  await redis.clear();
  await database.drop();
});

test('an account becomes a watched mirror, a notification becomes a row, and the probes tell it', async () => {
  const { work, connect, calendar, holds } = (fleet = await fleetOn(services));
  calendar.insert(timed('There before'));
  const worker = await work();
  await connect();
  expect(await holds('There before')).toBe(true);

  calendar.insert(timed('Pushed'));
  await eventually(() => holds('Pushed'), within('the pushed event is stored'));

  expect((await fetch(`${worker.healthUrl}/readyz`)).status).toBe(200);
  const metrics = await (await fetch(`${worker.healthUrl}/metrics`)).text();
  expect(metrics).toMatch(/calfleet_queue_jobs\{queue="webhooks",state="waiting"\} 0/);
  expect(metrics).toMatch(/calfleet_job_wait_seconds_count\{queue="webhooks"\} [1-9]/);
  expect(metrics).toMatch(/calfleet_notification_to_store_seconds_count\{provider="google"\} [1-9]/);

  const before = performance.now();
  await worker.close();
  expect(performance.now() - before).toBeLessThan(10_000);
  await expect(fetch(`${worker.healthUrl}/healthz`)).rejects.toThrow();
});

test.each(Object.entries(streams) as [TickName, string][])(
  'the tick %s says on its own stream when it begins and what it did, and keeps it',
  async (name, stream) => {
    const { work, producer, lines, db } = (fleet = await fleetOn(services));
    await work();
    await producer.enqueue(name, {});
    const said = () => lines.filter((line) => line['stream'] === stream).map(({ message }) => message);
    await eventually(() => said().includes('Tick ended'), within(`${name} has spoken`));
    expect(said()[0]).toBe('Tick started');
    await eventually(async () => {
      const kept = await db.transaction({ role: 'worker' }, listSchedules);
      expect(kept).toContainEqual(expect.objectContaining({ name, outcome: 'completed', error: null }));
    });
  },
);

test('a worker that is killed loses nothing: the next one stores what was acknowledged meanwhile', async () => {
  const { connect, calendar, holds, sandbox, env } = (fleet = await fleetOn(services));
  const first = await startProcess(env);
  await connect();
  await kill(first);

  calendar.insert(timed('While nobody worked'));
  await sandbox.push.settled();
  expect(sandbox.push.tally()).toMatchObject({ failed: 0 });
  expect(await holds('While nobody worked')).toBe(false);

  const second = await startProcess(env);
  await eventually(() => holds('While nobody worked'), within('the next worker stores it'));
  second.kill('SIGTERM');
  expect(await once(second, 'exit')).toEqual([0, null]);
});

test('a notification that was acknowledged survives Postgres being away', async () => {
  const postgres = await startOwnPostgres();
  try {
    await migrate({
      migrationUrl: postgres.adminUrl,
      applicationUrl: postgres.url,
      folder: join(process.cwd(), 'prisma', 'migrations'),
    });
    const { work, connect, calendar, holds, sandbox, lines } = (fleet = await fleetOn({
      ...services,
      databaseUrl: postgres.url,
    }));
    await work();
    await connect();

    await postgres.kill();
    calendar.insert(timed('While Postgres was away'));
    await sandbox.push.settled();
    expect(sandbox.push.tally()).toMatchObject({ failed: 0 });
    const snoozes = () =>
      lines.filter(({ message, job }) => message === 'Snoozed' && job === 'receive-notification');
    // More than a first look: an attempt is not what it costs.
    await eventually(() => snoozes().length >= 3, within('the worker looks for Postgres again and again'));
    expect(snoozes().map(({ attempt }) => attempt)).toEqual(snoozes().map(() => 1));

    await postgres.restart();
    await eventually(() => holds('While Postgres was away'), within('the notification is worked off'));
    await fleet.close();
    fleet = undefined;
  } finally {
    await postgres.stop();
  }
});

test('a Redis that loses its memory costs no change, and gets its schedules back', async () => {
  const own = await startOwnRedis({ persistence: 'none' });
  const address = { redisUrl: own.url, prefix: '{calfleet}' };
  const schedules = createSchedules({ ...address, onError: () => undefined });
  const client = new Redis(own.url);
  try {
    // The watch looks as often as the drain; the drain itself finds nothing, since nobody rings.
    const { work, connect, calendar, holds, sandbox } = (fleet = await fleetOn(
      { ...services, ...address },
      { SCHEDULE_WEBHOOK_DRAIN: 'every 1s' },
    ));
    await work();
    await connect();

    sandbox.setQuirks({ pushDropRate: 1 });
    calendar.insert(timed('Rung into a Redis that forgot'));
    await sandbox.push.settled();
    await client.flushall();

    await eventually(
      () => holds('Rung into a Redis that forgot'),
      within('the loss is noticed and made good'),
    );
    await eventually(async () => (await schedules.missing()).length === 0, within('the schedules are back'));
    await fleet.close();
    fleet = undefined;
  } finally {
    client.disconnect();
    await schedules.close();
    await own.stop();
  }
});

test('a login that row-level security does not bind is refused', async () => {
  const { work, env } = (fleet = await fleetOn({ ...services, databaseUrl: database.adminUrl }));
  expect(env['CALFLEET_ALLOW_SUPERUSER']).toBeUndefined();
  await expect(work()).rejects.toThrow(/superuser.*CALFLEET_ALLOW_SUPERUSER=1/);
});

test('a schema older than the program is refused, a newer one is not', async () => {
  const { work } = (fleet = await fleetOn(services));
  const admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
  try {
    await admin.query('delete from _prisma_migrations where migration_name = $1', [schemaVersion]);
    await expect(work()).rejects.toThrow('not migrated for this version: run "npm run db:migrate"');
    await admin.query(`update _prisma_migrations set migration_name = '99990101000000_later'
                        where migration_name like '%_the_fleet'`);
    const { healthUrl } = await work();
    expect((await fetch(`${healthUrl}/readyz`)).status).toBe(200);
  } finally {
    await admin.end();
  }
});

/** The program itself, unbuilt, as a process of its own. */
async function startProcess(env: Record<string, string | undefined>): Promise<ChildProcess> {
  const child = fork(join(__dirname, 'main.ts'), [], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`It ended: ${said}`);
    return said.includes('"Listening"');
  }, within('the worker process listens'));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}
