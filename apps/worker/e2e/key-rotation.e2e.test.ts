/**
 * The runbook of a rotation (docs/OPERATIONS.md, "Rotating keys"), step by step and under load: pulls, writes, refreshes,
 * trips to a consent page and new accounts go on, nothing fails, and nothing is left on the old key.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { countDataKeys } from '@calfleet/db';
import { systemClock, type AccountId, type CalendarId } from '@calfleet/domain';
import { createQueueMonitor } from '@calfleet/jobs';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { createVault, VaultError, type Vault } from '@calfleet/vault';
import { Balancer, endInstance, listening, type Instance } from './balancer.ts';
import { bundleProgram, type Program } from './bundle.ts';
import { dumpPostgres } from './everything-kept.ts';
import { expectExact } from './google-truth.ts';
import { expectExactGraph } from './graph-truth.ts';
import { openHouse, type House } from './house.ts';

const replicas = 2;
const adminKey = 'an-admin-key-of-the-key-rotation-test';
const paceMs = 200;
const prefix = '/integrations/calendar';

type Role = 'api' | 'worker';
const roles: readonly Role[] = ['api', 'worker'];

let database: TestDatabase;
let redis: TestRedis;
let house: House;
let programs: Record<Role | 'cli', Program>;
/** Of TOKEN_ENCRYPTION_KEYS. */
let ring: { old: string; next: string };

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  house = await openHouse(
    { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix },
    { drainSeconds: 1 },
  );
  // Whoever shows an old refresh token has lost the new one, and the provider ends the grant.
  house.sandbox.microsoft.setQuirks({ refreshTokenReuse: 'revoked', refreshTokenReuseEndsFamily: true });
  ring = {
    old: house.environment()['TOKEN_ENCRYPTION_KEYS'] ?? '',
    next: `next:${randomBytes(32).toString('base64')}`,
  };
  const [api, worker, cli] = await Promise.all(
    ['api/src/main.ts', 'worker/src/main.ts', 'local/src/cli/main.ts'].map((source) =>
      bundleProgram(`apps/${source}`),
    ),
  );
  if (!api || !worker || !cli) throw new Error('A program is missing.');
  programs = { api, worker, cli };
});

afterAll(async () => {
  await Promise.all(Object.values(programs).map((program) => program.remove()));
  await house.close();
  await redis.clear();
  await database.drop();
});

const environment = (keys: string): Record<string, string> =>
  house.environment({
    LOG_LEVEL: 'info',
    API_PORT: '0',
    API_PUBLIC_URL: 'http://127.0.0.1:9/',
    CALFLEET_ADMIN_KEY: adminKey,
    TOKEN_ENCRYPTION_KEYS: keys,
  });

const fleet: Record<Role, Instance[]> = { api: [], worker: [] };

const start = async (role: Role, keys: string): Promise<void> => {
  fleet[role].push(await listening(programs[role].start(environment(keys))));
};

/** Pair by pair: a new one of each beside the old ones, then two old ones go. */
async function roll(keys: string): Promise<void> {
  for (let n = 0; n < replicas; n += 1) {
    await Promise.all(roles.map((role) => start(role, keys)));
    const old = roles.flatMap((role) => fleet[role].slice(0, 1));
    await Promise.all(old.map(endInstance));
    for (const role of roles) fleet[role].shift();
    for (const instance of old) expect(errorsOf(instance)).toEqual([]);
  }
}

const errorsOf = ({ running }: Instance): string[] =>
  running
    .output()
    .split('\n')
    .filter((line) => /"level":"error"|Parked|"code":"(?:misconfigured|credentials_revoked)"/.test(line));

async function calfleet(keys: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const { code, output } = await programs.cli.start(environment(keys), args).ended;
  return { code, output };
}

interface Mailbox {
  email: string;
  userId: string;
  accountId: AccountId;
  calendarId: CalendarId;
  /** Somebody works in the calendar. */
  edit: (n: number) => void;
  /** What workers remember is refused from now on. */
  expireTokens: () => void;
  expectExact: () => Promise<void>;
}

const dayOf = (n: number): string =>
  new Date(systemClock.now().getTime() + (1 + (n % 30)) * 86_400_000).toISOString().slice(0, 10);

async function connectGoogle(n: number): Promise<Mailbox> {
  const mailbox = await house.connect(`ada-${n}@example.test`);
  const { owner } = mailbox;
  const calendarId = await eventually(() => house.calendarOf(mailbox));
  const at = (day: string, hour: string) => ({ dateTime: `${day}T${hour}:00:00Z`, timeZone: 'UTC' });
  return {
    ...mailbox,
    calendarId,
    edit: (m) =>
      void owner.insert({ summary: `edit ${m}`, start: at(dayOf(m), '09'), end: at(dayOf(m), '10') }),
    expireTokens: () => house.sandbox.google.account(mailbox.email).expireAccessTokens(),
    expectExact: () => expectExact({ ...house, ...mailbox, calendarId }),
  };
}

async function connectMicrosoft(n: number): Promise<Mailbox> {
  const email = `lin-${n}@example.test`;
  const owner = house.sandbox.microsoft.createMailbox({ email, timeZone: 'UTC' });
  const calendar = owner.createCalendar({ name: 'Calendar', isDefault: true });
  const account = await house.addAccount({ provider: 'microsoft', refreshTokens: owner.refreshTokens });
  await house.producer.enqueue('discover-account', { accountId: account.accountId });
  const calendarId = await eventually(() => house.calendarOf(account));
  const at = (day: string, hour: string) => ({ dateTime: `${day}T${hour}:00:00`, timeZone: 'UTC' });
  return {
    email,
    ...account,
    calendarId,
    edit: (m) =>
      void calendar.create({ subject: `edit ${m}`, start: at(dayOf(m), '09'), end: at(dayOf(m), '10') }),
    expireTokens: () => owner.expireAccessTokens(),
    expectExact: () => expectExactGraph({ db: house.db, calendar, calendarId }),
  };
}

interface Ask {
  body?: unknown;
  key?: string;
}

const askOf =
  (door: Balancer) =>
  (userId: string, method: string, path: string, { body, key }: Ask = {}) =>
    door.send(`${prefix}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminKey}`,
        'x-user-id': userId,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

test('a key is rotated under load: no request and no job fails, and afterwards nothing is on the old one', async () => {
  await Promise.all(roles.flatMap((role) => Array.from({ length: replicas }, () => start(role, ring.old))));
  const mailboxes = await Promise.all([connectGoogle(1), connectMicrosoft(1)]);
  const leaver = await connectGoogle(9);
  const forgotten = await connectMicrosoft(9);
  for (const { expectExact: expectIt } of mailboxes) await eventually(expectIt);
  const door = new Balancer(fleet.api);
  const ask = askOf(door);
  for (const mailbox of mailboxes) await allowWrites(mailbox, ask);
  await leave(leaver, ask);
  const backup = await purge(forgotten, ask);
  const trip = { body: { access: 'read' }, key: 'before the rotation' };
  const begun = await ask('ada', 'POST', '/accounts/google/authorize', trip);

  const stopping = new AbortController();
  const load = [
    ...mailboxes.map((mailbox, n) => keepWorking(mailbox, { ask, n, until: stopping.signal })),
    keepExpiring(mailboxes, stopping.signal),
  ];
  const { old, next } = ring;
  try {
    await roll(`${old},${next}`);
    await roll(`${next},${old}`);
    expect(await calfleet(`${next},${old}`, 'keys', 'status')).toMatchObject({ code: 1 });
    const refreshes = house.sandbox.usage.report().refreshes;
    expect(await calfleet(`${next},${old}`, 'keys', 'rotate')).toMatchObject({ code: 0 });
    expect(house.sandbox.usage.report().refreshes).toBeGreaterThan(refreshes);
    expect(await calfleet(`${next},${old}`, 'keys', 'status')).toMatchObject({ code: 0 });
    await roll(next);
    // With the new key alone: what was kept before still opens, and every account gets a token once more.
    const replayed = await ask('ada', 'POST', '/accounts/google/authorize', trip);
    expect(replayed).toEqual({ ...begun, status: '200' });
    for (const { email, expireTokens } of mailboxes) {
      const served = house.sandbox.usage.report(email).refreshes;
      expireTokens();
      await eventually(() => house.sandbox.usage.report(email).refreshes > served);
    }
  } finally {
    stopping.abort();
    await Promise.all(load);
    await door.close();
  }

  expect(Object.keys(door.statuses).filter((status) => !['200', '202'].includes(status))).toEqual([]);
  expect(door.statuses['200']).toBeGreaterThan(50);
  expect(door.statuses['202']).toBeGreaterThan(20);
  for (const { expectExact: expectIt } of mailboxes) await eventually(expectIt, { everyMs: 250 });
  const keys = await house.db.transaction({ role: 'worker' }, countDataKeys);
  expect([...new Set(keys.map(({ key_id }) => key_id))]).toEqual(['next']);
  expect(keys).toContainEqual({ holder: 'disconnected_accounts', key_id: 'next', keys: 1 });
  await expectShredded(backup);
  expect(await accountsNeedingTheirUser()).toBe(0);
  expect(await jobsFailed()).toBe(0);
  for (const role of roles) {
    for (const instance of fleet[role]) {
      expect(errorsOf(instance)).toEqual([]);
      await endInstance(instance);
    }
  }
  // A fleet that lacks the key says whose fault it is; what is sealed is as it was.
  expect(await calfleet(old, 'keys', 'rotate')).toMatchObject({ code: 1 });
});

type AskFleet = ReturnType<typeof askOf>;

async function allowWrites({ userId, calendarId }: Mailbox, ask: AskFleet): Promise<void> {
  const wish = {
    auto_sync_enabled: false,
    sync_frequency_minutes: 60,
    conflict_strategy: 'newest_wins',
    write_permissions: 'all',
  };
  expect(await ask(userId, 'POST', '/sync/schedule', { body: wish })).toMatchObject({ status: '200' });
  const written = await ask(userId, 'PATCH', `/calendars/${calendarId}`, { body: { write_enabled: true } });
  expect(written.status).toBe('200');
}

/** With its rows kept: its data key stays as well. */
async function leave({ userId, accountId }: Mailbox, ask: AskFleet): Promise<void> {
  await ask(userId, 'DELETE', `/accounts/${accountId}?purge=false`);
  await eventually(async () =>
    expect((await ask(userId, 'GET', `/accounts/${accountId}`)).body).toContain('"disconnected"'),
  );
}

interface BackedUp {
  id: AccountId;
  data_key: Uint8Array;
  refresh_token: Uint8Array;
}

const sealedRows = (): Promise<BackedUp[]> =>
  house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<BackedUp[]>`select id, data_key, refresh_token from calendar_accounts`,
  );

/** @returns the row as a backup has it that was made before */
async function purge({ userId, accountId }: Mailbox, ask: AskFleet): Promise<BackedUp> {
  const backup = (await sealedRows()).find(({ id }) => id === accountId);
  if (!backup) throw new Error('There is no such account.');
  expect((await ask(userId, 'DELETE', `/accounts/${accountId}?purge=true`)).status).toBe('202');
  await eventually(async () =>
    expect(await sealedRows()).not.toContainEqual(expect.objectContaining({ id: accountId })),
  );
  return backup;
}

/** Nothing that is left opens it: neither another account's data key with both ring keys, nor its own without the old one. */
async function expectShredded(backup: BackedUp): Promise<void> {
  const ringOf = (...texts: string[]) =>
    createVault(
      texts.map((text) => {
        const [id = '', key = ''] = text.split(':');
        return { id, key: Buffer.from(key, 'base64') };
      }),
    );
  const reasonOf = (vault: Vault, dataKey: Uint8Array): string => {
    const { id: accountId, refresh_token: sealed } = backup;
    const of = { accountId, dataKey: Buffer.from(dataKey), field: 'refresh_token' };
    try {
      return vault.open({ ...of, sealed: Buffer.from(sealed) });
    } catch (error) {
      return error instanceof VaultError ? error.reason : String(error);
    }
  };
  for (const { data_key } of await sealedRows()) {
    expect(reasonOf(ringOf(ring.next, ring.old), data_key)).toBe('does_not_open');
  }
  expect(reasonOf(ringOf(ring.next), backup.data_key)).toBe('unknown_key');
  const kept = await dumpPostgres(database.adminUrl);
  for (const bytes of [backup.data_key, backup.refresh_token]) {
    const hex = Buffer.from(bytes).toString('hex');
    expect([...kept].flatMap(([table, rows]) => (rows.includes(hex) ? [table] : []))).toEqual([]);
  }
}

async function keepWorking(
  { userId, calendarId, edit }: Mailbox,
  { ask, n, until }: { ask: AskFleet; n: number; until: AbortSignal },
): Promise<void> {
  for (let turn = 0; !until.aborted; turn += 1) {
    const day = dayOf(turn);
    edit(turn);
    await ask(userId, 'GET', '/calendars');
    await ask(userId, 'GET', '/events?limit=5');
    await ask(userId, 'POST', '/sync', { body: {} });
    const body = {
      calendar_id: calendarId,
      summary: `written ${turn}`,
      start: { date_time: `${day}T12:00:00Z` },
      end: { date_time: `${day}T13:00:00Z` },
    };
    await ask(userId, 'POST', '/events', { body, key: `write ${n} ${turn}` });
    if (turn % 5 === 0) {
      const trip = { body: { access: 'read' }, key: `trip ${n} ${turn}` };
      const first = await ask(userId, 'POST', '/accounts/microsoft/authorize', trip);
      // The answer is the kept one, whichever key has sealed it meanwhile.
      expect((await ask(userId, 'POST', '/accounts/microsoft/authorize', trip)).body).toBe(first.body);
    }
    await pause(paceMs);
  }
}

/** Tokens end all the time, so that some are exchanged while their account's data key is sealed anew. */
async function keepExpiring(mailboxes: readonly Mailbox[], until: AbortSignal): Promise<void> {
  for (let n = 0; !until.aborted; n += 1) {
    const { accountId } = mailboxes[n % mailboxes.length] ?? {};
    await house.db.transaction(
      { role: 'worker' },
      (tx) => tx.$executeRaw`
        update calendar_accounts set access_token_expires_at = now()
         where id = ${accountId}::uuid and access_token is not null`,
    );
    await pause(paceMs);
  }
}

async function accountsNeedingTheirUser(): Promise<number> {
  const [row] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ accounts: number }[]>`
      select count(*)::int as accounts from calendar_accounts where status = 'reauth_needed'`,
  );
  return row?.accounts ?? -1;
}

async function jobsFailed(): Promise<number> {
  const { redisUrl, redisPrefix } = house.services;
  const monitor = createQueueMonitor({ redisUrl, prefix: redisPrefix, onError: () => undefined });
  const readings = await monitor.read(systemClock.now());
  await monitor.close();
  return readings.reduce((sum, { jobs }) => sum + jobs.failed, 0);
}
