import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { randomBytes } from 'node:crypto';
import { openDatabase, schemaVersion } from '@calfleet/db';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { eventually } from '@calfleet/testkit';
import { Client } from 'pg';
import { startApi } from './index.ts';
import { signHs256 } from './testing/callers.ts';
import { adminKey, openHouse, prefix, type House } from './testing/house.ts';

/** What every process promises for its end. */
const closedWithinMs = 10_000;

let house: House;
const started: ChildProcess[] = [];
beforeAll(async () => {
  house = await openHouse();
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await house.close();
});

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'apps/api/src/main.ts'], {
    env: {
      PATH: process.env['PATH'],
      API_PORT: '0',
      API_PUBLIC_URL: 'http://127.0.0.1/',
      DATABASE_URL: house.database.url,
      REDIS_URL: house.redisUrl,
      REDIS_PREFIX: house.redisPrefix,
      TOKEN_ENCRYPTION_KEYS: key('k1'),
      CALFLEET_ADMIN_KEY: adminKey,
      GOOGLE_CLIENT_ID: 'id',
      GOOGLE_CLIENT_SECRET: 'secret',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  started.push(child);
  const output = { text: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.text += chunk.toString()));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const listening = () =>
    eventually(
      () => {
        const [, url] = /"listening":"([^"]+)"/.exec(output.text) ?? [];
        if (url === undefined) throw new Error(output.text);
        return url;
      },
      { timeoutMs: 60_000 },
    );
  return { child, exited, output, listening };
}

test('a process takes tokens by its settings and tells what is left', async () => {
  const secret = 'a-secret-of-more-than-thirty-two-characters';
  const { listening, child, exited } = start({
    AUTH_JWT_SECRET: secret,
    AUTH_JWT_AUDIENCE: 'calendars',
    API_REQUESTS_PER_USER_MINUTE: '2',
  });
  const url = await listening();
  const exp = Math.floor(performance.timeOrigin / 1000) + 3_600;
  const ask = async (aud: string) => {
    const token = signHs256({ sub: 'ada', aud, exp }, secret);
    const reply = await fetch(`${url}${prefix}/calendars`, { headers: { authorization: `Bearer ${token}` } });
    return [reply.status, reply.headers.get('ratelimit-limit')];
  };
  await eventually(async () => expect(await ask('calendars')).toEqual([200, '2']));
  expect(await ask('mail')).toEqual([401, null]);
  await eventually(async () => expect(await ask('calendars')).toEqual([429, '2']));
  child.kill('SIGTERM');
  await exited;
  const told = await house.worker(`select from audit_log where action = 'callers.refused'`);
  expect(told).toHaveLength(1);
});

test.each(['SIGTERM', 'SIGINT', 'disconnect'])('%s answers who waits and ends the process', async (how) => {
  const { child, exited, listening } = start({});
  const url = await listening();
  const headers = { authorization: `Bearer ${adminKey}`, 'x-user-id': 'ada' };
  const get = (path: string) => fetch(`${url}${prefix}${path}`, { headers });
  const waiting = get('/changes?after=now&wait_seconds=30');
  await eventually(async () => {
    const connections = await house.activity('calfleet-api');
    // The first transaction is the waiting request's.
    return connections.some(({ query }) => query === 'COMMIT');
  });
  const began = performance.now();
  if (how === 'disconnect') child.disconnect();
  else child.kill(how as NodeJS.Signals);
  const [code] = await exited;
  expect(code).toBe(0);
  expect(performance.now() - began).toBeLessThan(closedWithinMs);
  const answer = await waiting;
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ items: [] });
});

test('a missing setting ends it with one message that lists every problem', async () => {
  const { exited, output } = start({ CALFLEET_ADMIN_KEY: 'short', TOKEN_ENCRYPTION_KEYS: '' });
  const [code] = await exited;
  expect(code).toBe(78);
  expect(output.text).toMatch(
    /CALFLEET_ADMIN_KEY[\s\S]*TOKEN_ENCRYPTION_KEYS|TOKEN_ENCRYPTION_KEYS[\s\S]*CALFLEET_ADMIN_KEY/,
  );
  expect(output.text).not.toContain('short');
});

test('a login that could look past row-level security is refused, unless it is allowed', async () => {
  const db = openDatabase({ url: house.database.adminUrl, poolSize: 1, applicationName: 'admin' });
  const config = { port: 0, host: '127.0.0.1', adminKey, providers: { google: null, microsoft: null } };
  const { producer, queueBoard, vault, clock } = house;
  const rest = {
    db,
    producer,
    queueBoard,
    vault,
    clock,
    metrics: createMetrics(),
    logger: createLogger({ service: 'api', level: 'error' }),
  };
  try {
    expect(await db.loginIsTooPowerful()).toBe(true);
    await expect(startApi({ ...rest, config: { ...config, allowSuperuser: false } })).rejects.toThrow(
      'CALFLEET_ALLOW_SUPERUSER',
    );
    const allowed = await startApi({ ...rest, config: { ...config, allowSuperuser: true } });
    await allowed.close();
  } finally {
    await db.close();
  }
});

test('a schema older than the program ends it with the way out, a newer one does not', async () => {
  const admin = new Client({ connectionString: house.database.adminUrl });
  await admin.connect();
  const rename = (from: string, to: string) =>
    admin.query('update _prisma_migrations set migration_name = $2 where migration_name = $1', [from, to]);
  try {
    await rename(schemaVersion, '20260101000000_older');
    const older = start({});
    expect(await older.exited).toEqual([1, null]);
    expect(older.output.text).toContain('not migrated for this version: run "npm run db:migrate"');
    await rename('20260101000000_older', '99990101000000_later');
    const newer = start({});
    expect((await fetch(`${await newer.listening()}/readyz`)).status).toBe(200);
  } finally {
    await rename('99990101000000_later', schemaVersion);
    await admin.end();
  }
});
