/** One refresh for an account over the whole fleet, whatever happens to whoever makes it. */
import { Client } from 'pg';
import { leaseTokens, readAccount, releaseTokens, type AccountRow, type Transaction } from '@calfleet/db';
import type { AccountId, ProviderSession } from '@calfleet/domain';
import { createLimiter } from '@calfleet/jobs';
import { createTestDatabase, createTestRedis, eventually, type TestDatabase } from '@calfleet/testkit';
import { TokenFleet } from '../testing/token-fleet.ts';
import type { Sessions } from './sessions.ts';

let database: TestDatabase;
let fleet: TokenFleet;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  fleet = await TokenFleet.open(database.url);
});
afterEach(() => fleet.close());

type Provider = 'google' | 'microsoft';
const email = 'ada@example.test';
const hourMs = 3_600_000;

/** An owner at the sandbox, and the account that holds the grant. */
async function connect(provider: Provider): Promise<{ id: AccountId; owner: Owner }> {
  const owner =
    provider === 'google'
      ? fleet.sandbox.google.createAccount({ email })
      : fleet.sandbox.microsoft.createMailbox({ email });
  const [refreshToken = ''] = owner.refreshTokens;
  return { id: await fleet.connect(provider, refreshToken), owner };
}
type Owner = { readonly refreshTokens: string[]; issueRefreshToken(): string; revoke(): void };

/** Four workers with fifty jobs each; every job has a session of its own. */
function twoHundred(id: AccountId, provider: Provider, workers: Sessions[]): ProviderSession[] {
  return workers.flatMap((sessions) =>
    Array.from({ length: 50 }, () => sessions.open({ accountId: id, provider })),
  );
}
const four = (): Sessions[] => [1, 2, 3, 4].map(() => fleet.sessions());
const tokensOf = async (
  jobs: ProviderSession[],
  options?: { fresh?: boolean; lifeMs?: number },
): Promise<Set<string>> => new Set(await Promise.all(jobs.map((job) => job.accessToken(options))));

/** A worker that says when it waits for somebody else's refresh, and goes on when it is told. */
function waiter(): { sessions: Sessions; waits: () => boolean; goOn: () => void } {
  let waits = false;
  let goOn: () => void = () => undefined;
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const sessions = fleet.sessions({
    pause: async () => {
      waits = true;
      await told;
    },
  });
  return { sessions, waits: () => waits, goOn: () => goOn() };
}

test.each(['google', 'microsoft'] as const)(
  '200 jobs on four workers cause one refresh, and one more when its token is used up (%s)',
  async (provider) => {
    // Harsh: a refresh token that is used twice ends all that came from it.
    fleet.sandbox.microsoft.setQuirks({ refreshTokenReuse: 'revoked', refreshTokenReuseEndsFamily: true });
    const { id } = await connect(provider);
    const workers = four();
    const first = await tokensOf(twoHundred(id, provider, workers));
    expect(first.size).toBe(1);
    expect(fleet.gate.asked()).toBe(1);
    expect(await fleet.stored(id)).toMatchObject({
      accessToken: [...first][0],
      isLeased: false,
      failure: null,
    });

    fleet.clock.advance(hourMs);
    const second = await tokensOf(twoHundred(id, provider, workers));
    expect(second.size).toBe(1);
    expect(second).not.toEqual(first);
    expect(fleet.gate.asked()).toBe(2);
    expect(fleet.sandbox.usage.report(email).refreshes).toBe(2);
  },
);

test('a rotated refresh token replaces the used one', async () => {
  const { id, owner } = await connect('microsoft');
  const before = await fleet.stored(id);
  await fleet.sessions().open({ accountId: id, provider: 'microsoft' }).accessToken();
  const after = await fleet.stored(id);
  expect(after.refreshToken).not.toBe(before.refreshToken);
  expect(owner.refreshTokens).toContain(after.refreshToken);
});

test('a token that is refused to 200 jobs is refreshed once, also for those that hear of it late', async () => {
  const { id } = await connect('microsoft');
  const workers = four();
  const jobs = twoHundred(id, 'microsoft', workers);
  const [refused] = await tokensOf(jobs);
  const late = twoHundred(id, 'microsoft', workers).filter((_, n) => n % 50 === 0);
  await tokensOf(late);
  const renewed = await tokensOf(jobs, { fresh: true });
  expect(renewed.size).toBe(1);
  expect(renewed).not.toContain(refused);
  expect(await tokensOf(late, { fresh: true })).toEqual(renewed);
  expect(await tokensOf(jobs)).toEqual(renewed);
  expect(fleet.gate.asked()).toBe(2);

  // The new one is refused as well.
  const again = await tokensOf(jobs, { fresh: true });
  expect(again).not.toEqual(renewed);
  expect(fleet.gate.asked()).toBe(3);
});

test('what rests on a token after the call gets one that lives long enough, for all askers at once', async () => {
  const { id } = await connect('microsoft');
  const workers = four();
  const [old] = await tokensOf(twoHundred(id, 'microsoft', workers));
  fleet.clock.advance(hourMs - 15 * 60_000);
  expect(await tokensOf(twoHundred(id, 'microsoft', workers))).toEqual(new Set([old]));
  const lasting = await tokensOf(twoHundred(id, 'microsoft', workers), { lifeMs: 40 * 60_000 });
  expect(lasting.size).toBe(1);
  expect(lasting).not.toContain(old);
  expect(fleet.gate.asked()).toBe(2);
});

test('two calls of one session that are refused the same token refresh once', async () => {
  const { id } = await connect('google');
  const session = fleet.sessions().open({ accountId: id, provider: 'google' });
  await session.accessToken();
  const first = await session.accessToken({ fresh: true });
  expect(await session.accessToken({ fresh: true })).toBe(first);
  expect(fleet.gate.asked()).toBe(2);
});

test('the lease of a killed worker runs out; what it hears too late is not kept', async () => {
  const { id } = await connect('microsoft');
  const letGo = fleet.gate.keepNext();
  const killed = fleet.sessions().open({ accountId: id, provider: 'microsoft' }).accessToken();
  await eventually(() => fleet.gate.asked() === 1);
  expect(await fleet.stored(id)).toMatchObject({ accessToken: null, isLeased: true });
  expect(await openTransactions()).toBe(0);

  const other = waiter();
  const token = other.sessions.open({ accountId: id, provider: 'microsoft' }).accessToken();
  await eventually(other.waits);
  expect(fleet.gate.asked()).toBe(1);
  await fleet.expireLease(id);
  other.goOn();
  const kept = await token;
  const stored = await fleet.stored(id);
  expect(stored).toMatchObject({ accessToken: kept, isLeased: false });

  letGo();
  expect(await killed).not.toBe(kept);
  expect(await fleet.stored(id)).toEqual(stored);
});

async function openTransactions(): Promise<number> {
  const admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
  const { rows } = await admin.query<{ open: number }>(
    `select count(*)::int as open from pg_stat_activity
      where application_name = 'calfleet-test-worker' and state like 'idle in transaction%'`,
  );
  await admin.end();
  return rows[0]?.open ?? -1;
}

test.each([
  ['provider_unavailable', { kind: 'status', status: 503 }],
  ['rate_limited', { kind: 'status', status: 429, retryAfterSeconds: 30 }],
] as const)('who waits for a refresh that fails fails with it: %s', async (code, effect) => {
  const { id } = await connect('google');
  fleet.sandbox.faults.add({ operation: 'oauth.token', effect });
  await allFailTogether(id, code);

  // Not for longer: the next job asks anew.
  const next = await fleet.sessions().open({ accountId: id, provider: 'google' }).accessToken();
  expect(fleet.gate.asked()).toBe(2);
  expect(await fleet.stored(id)).toMatchObject({ accessToken: next, isLeased: false, failure: null });
});

test('who waits for a refresh that fails fails with it: credentials_revoked', async () => {
  const { id, owner } = await connect('google');
  owner.revoke();
  await allFailTogether(id, 'credentials_revoked');
  expect(await fleet.stored(id)).toMatchObject({ isLeased: false, failure: 'credentials_revoked' });
});

async function allFailTogether(id: AccountId, code: string): Promise<void> {
  const of = { accountId: id, provider: 'google' } as const;
  const letGo = fleet.gate.keepNext();
  const first = fleet.sessions().open(of).accessToken();
  const failed = expect(first).rejects.toMatchObject({ code });
  await eventually(() => fleet.gate.asked() === 1);
  const others = [waiter(), waiter(), waiter()];
  const answers = others.map(({ sessions }) =>
    expect(sessions.open(of).accessToken()).rejects.toMatchObject({ code }),
  );
  await eventually(() => others.every(({ waits }) => waits()));
  letGo();
  await failed;
  for (const { goOn } of others) goOn();
  await Promise.all(answers);
  expect(fleet.gate.asked()).toBe(1);
}

test('a grant that is replaced while the old one is refused is used at once by those that wait', async () => {
  const { id, owner } = await connect('microsoft');
  const of = { accountId: id, provider: 'microsoft' } as const;
  owner.revoke();
  const letGo = fleet.gate.keepNext();
  const first = fleet.sessions().open(of).accessToken();
  const failed = expect(first).rejects.toMatchObject({ code: 'provider_unavailable' });
  await eventually(() => fleet.gate.asked() === 1);
  await fleet.reconnect(id, owner.issueRefreshToken());
  const other = waiter();
  const token = other.sessions.open(of).accessToken();
  await eventually(other.waits);
  letGo();
  await failed;
  other.goOn();
  const accessToken = await token;
  expect(await fleet.stored(id)).toMatchObject({ accessToken, isLeased: false, failure: null });
  expect(fleet.gate.asked()).toBe(2);
});

test('what the old failure said is not said of a new grant', async () => {
  const { id, owner } = await connect('microsoft');
  const of = { accountId: id, provider: 'microsoft' } as const;
  owner.revoke();
  const letGo = fleet.gate.keepNext();
  const failed = expect(fleet.sessions().open(of).accessToken()).rejects.toMatchObject({
    code: 'credentials_revoked',
  });
  await eventually(() => fleet.gate.asked() === 1);
  const other = waiter();
  const token = other.sessions.open(of).accessToken();
  await eventually(other.waits);
  letGo();
  await failed;
  await fleet.reconnect(id, owner.issueRefreshToken());
  other.goOn();
  const accessToken = await token;
  expect(await fleet.stored(id)).toMatchObject({ accessToken, isLeased: false, failure: null });
});

test('who judged tokens that are not the account’s any more does not win', async () => {
  const { id } = await connect('google');
  const judged = await judge(id);
  await fleet.sessions().open({ accountId: id, provider: 'google' }).accessToken();
  expect(await inWorker((tx) => leaseTokens(tx, judged))).toBeNull();
});

test('nobody gives back another one’s lease', async () => {
  const { id } = await connect('google');
  const judged = await judge(id);
  const lost = await inWorker((tx) => leaseTokens(tx, judged));
  await fleet.expireLease(id);
  const held = await inWorker((tx) => leaseTokens(tx, judged));
  if (!lost || !held) throw new Error('The lease was not won.');
  await inWorker((tx) => releaseTokens(tx, lost, 'provider_unavailable'));
  expect(await fleet.stored(id)).toMatchObject({ isLeased: true, failure: null });
  await inWorker((tx) => releaseTokens(tx, held, 'provider_unavailable'));
  expect(await fleet.stored(id)).toMatchObject({ isLeased: false, failure: 'provider_unavailable' });
});

const inWorker = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  fleet.db.transaction({ role: 'worker' }, work);

async function judge(id: AccountId): Promise<AccountRow> {
  const row = await inWorker((tx) => readAccount(tx, id));
  if (!row) throw new Error('The account is gone.');
  return row;
}

test('a token of a grant that was replaced meanwhile is not kept', async () => {
  const { id, owner } = await connect('microsoft');
  const letGo = fleet.gate.keepNext();
  const first = fleet.sessions().open({ accountId: id, provider: 'microsoft' }).accessToken();
  await eventually(() => fleet.gate.asked() === 1);
  const refreshToken = owner.issueRefreshToken();
  await fleet.reconnect(id, refreshToken);
  letGo();
  await first;
  expect(await fleet.stored(id)).toEqual({ accessToken: null, refreshToken, isLeased: false, failure: null });
});

test('an account that is not connected has no tokens', async () => {
  const { id } = await connect('google');
  await fleet.db.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`update calendar_accounts set status = 'reauth_needed' where id = ${id}::uuid`,
  );
  const session = fleet.sessions().open({ accountId: id, provider: 'google' });
  await expect(session.accessToken()).rejects.toMatchObject({ code: 'credentials_revoked' });
  expect(fleet.gate.asked()).toBe(0);
});

test('accounts on one mailbox share its budget as soon as it is named', async () => {
  const redis = await createTestRedis();
  const limiter = createLimiter({ redisUrl: redis.url, prefix: redis.prefix, placeWaitMs: 50 });
  try {
    const { id: first, owner } = await connect('microsoft');
    const second = await fleet.connect('microsoft', owner.issueRefreshToken());
    const sessions = fleet.sessions({ limiter });
    const open = (accountId: AccountId): ProviderSession =>
      sessions.open({ accountId, provider: 'microsoft' });
    expect(fleet.sessions().open({ accountId: first, provider: 'microsoft' })).not.toHaveProperty('admit');

    // Nobody knows yet that it is the same mailbox.
    const one = await open(first).admit?.(4);
    const other = await open(second).admit?.(4);
    await one?.leave();
    await other?.leave();
    await fleet.nameMailbox(first, 'the-mailbox');
    await fleet.nameMailbox(second, 'the-mailbox');
    const held = await open(first).admit?.(4);
    await expect(open(second).admit?.(1)).rejects.toMatchObject({ code: 'rate_limited' });
    await held?.leave();
    await (await open(second).admit?.(1))?.leave();
  } finally {
    await limiter.close();
    await redis.clear();
  }
});
