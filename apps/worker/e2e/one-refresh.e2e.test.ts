/**
 * One refresh of an account's tokens over all processes, and what becomes of a rotated refresh token when the process that
 * got it is killed before it could store it (docs/decisions/0017).
 */
import type { AccountId } from '@calfleet/domain';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  type TestDatabase,
  type TestRedis,
} from '@calfleet/testkit';
import { startTokenGate, type TokenGate } from '../../../packages/sync/testing/token-gate.ts';
import { bundleProgram, type Program, type RunningProgram } from './bundle.ts';
import { openHouse, type House } from './house.ts';
import { startPostgresGate, type PostgresGate } from './postgres-gate.ts';

type Provider = 'google' | 'microsoft';
const providers = ['google', 'microsoft'] as const satisfies Provider[];

const processes = 4;
const jobsEach = 50;

let database: TestDatabase;
let redis: TestRedis;
let house: House;
let gate: TokenGate;
let asker: Program;
let people = 0;

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  house = await openHouse({ databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix });
  gate = await startTokenGate(house.sandbox.url);
  asker = await bundleProgram('apps/worker/e2e/token-asker.ts');
});
afterAll(async () => {
  await asker.remove();
  await gate.close();
  await house.close();
  await redis.clear();
  await database.drop();
});
afterEach(() => {
  house.sandbox.microsoft.setQuirks({ refreshTokenReuse: 'allowed', refreshTokenReuseEndsFamily: false });
});

/** Whoever shows a refresh token twice has lost the one that came for it, and the provider ends the grant. */
const beHarsh = (): void =>
  house.sandbox.microsoft.setQuirks({ refreshTokenReuse: 'revoked', refreshTokenReuseEndsFamily: true });

interface Connected {
  provider: Provider;
  email: string;
  accountId: AccountId;
  userId: string;
}

function ownerOf(provider: Provider, email: string): { refreshTokens: readonly string[] } {
  const { google, microsoft } = house.sandbox;
  if (provider === 'microsoft') return microsoft.createMailbox({ email, calendars: [{ name: 'Calendar' }] });
  const account = google.createAccount({ email });
  account.createCalendar({ primary: true });
  return account;
}

async function connect(provider: Provider): Promise<Connected> {
  const email = `owner-${(people += 1)}@example.test`;
  const owner = ownerOf(provider, email);
  const { accountId, userId } = await house.addAccount({ provider, refreshTokens: owner.refreshTokens });
  return { provider, email, accountId, userId };
}

interface Asking {
  jobs?: number;
  /** They hold a token that is refused to all of them. */
  refused?: boolean;
  databaseUrl?: string;
}

const ask = (
  { accountId, provider }: Connected,
  { jobs = 1, refused = false, databaseUrl = database.url }: Asking = {},
): RunningProgram =>
  asker.start(
    house.environment({
      DATABASE_URL: databaseUrl,
      GOOGLE_TOKEN_URL: `${gate.url}/google/oauth2/token`,
      MICROSOFT_LOGIN_ROOT_URL: `${gate.url}/microsoft/login`,
      ASK_ACCOUNT: accountId,
      ASK_PROVIDER: provider,
      ASK_JOBS: String(jobs),
      ...(refused && { ASK_REFUSED: '1' }),
    }),
  );

const saidBy = async ({ ended }: RunningProgram): Promise<unknown> => {
  const { output } = await ended;
  return JSON.parse(output.trim().split('\n').at(-1) ?? 'null') as unknown;
};

const isAsking = (each: RunningProgram): boolean => each.output().includes('"asking"');

const sql = (text: string): Promise<unknown> =>
  house.db.transaction({ role: 'worker' }, (tx) => tx.$executeRawUnsafe(text));

const refreshesOf = ({ email }: Connected): number => house.sandbox.usage.report(email).refreshes;

describe.each(providers)('200 jobs in four processes (%s)', (provider) => {
  test.each([
    ['find one access token used up', false],
    ['are refused one access token', true],
  ])('%s: one refresh, and all have its token', async (_, refused) => {
    beHarsh();
    const account = await connect(provider);
    const first = await saidBy(ask(account));
    expect(first).toMatchObject({ jobs: 1 });
    if (!refused) {
      await sql(
        `update calendar_accounts set access_token_expires_at = now() where id = '${account.accountId}'`,
      );
    }
    const [served, asked] = [refreshesOf(account), gate.asked()];
    // Nobody has the new one before all have asked.
    const letGo = gate.keepNext();
    const fleet = Array.from({ length: processes }, () => ask(account, { jobs: jobsEach, refused }));
    await eventually(() => fleet.every(isAsking));
    await eventually(() => gate.asked() === asked + 1);
    letGo();
    const said = (await Promise.all(fleet.map(saidBy))) as { jobs: number; tokens: string[] }[];
    expect(said.map(({ jobs }) => jobs)).toEqual(Array.from({ length: processes }, () => jobsEach));
    const tokens = new Set(said.flatMap((each) => each.tokens));
    expect(tokens.size).toBe(1);
    expect(first).not.toMatchObject({ tokens: [...tokens] });
    expect([refreshesOf(account), gate.asked()]).toEqual([served + 1, asked + 1]);
  });
});

describe('a worker is killed between the answer with a new refresh token and its commit', () => {
  let postgres: PostgresGate;
  beforeEach(async () => {
    postgres = await startPostgresGate(database.url);
  });
  afterEach(async () => {
    await house.stopWorkers();
    await postgres.close();
  });

  /** The provider has exchanged the token; the answer is on its way, or has come and cannot be stored any more. */
  async function killBetween(account: Connected, where: 'on its way' | 'come'): Promise<void> {
    const [served, asked] = [refreshesOf(account), gate.asked()];
    const letGo = gate.keepNext();
    const worker = ask(account, { databaseUrl: postgres.url });
    await eventually(() => gate.asked() === asked + 1 && refreshesOf(account) === served + 1);
    if (where === 'come') {
      postgres.shut();
      letGo();
      // The transaction that would store it.
      await eventually(() => postgres.kept() > 0);
    }
    worker.process.kill('SIGKILL');
    expect(await worker.ended).toMatchObject({ signal: 'SIGKILL' });
    letGo();
    // Its lease runs out by itself, 45 s later.
    await sql(
      `update calendar_accounts set token_lease_until = now() where id = '${account.accountId}' and token_lease_until is not null`,
    );
  }

  const statusOf = async ({ accountId }: Connected) => {
    const [row] = await house.db.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<{ status: string; reason: string | null; listed: boolean; told: number }[]>`
        select status, status_reason as reason, calendars_listed_at is not null as listed,
          (select count(*)::int from calendar_changes where account_id = a.id and kind = 'account_changed') as told
        from calendar_accounts a where id = ${accountId}::uuid`,
    );
    return row;
  };

  describe.each(['on its way', 'come'] as const)('%s', (where) => {
    test.each(providers)(
      'the grant that is stored is shown once more, and gives tokens (%s)',
      async (provider) => {
        const account = await connect(provider);
        await killBetween(account, where);
        await house.startWorker();
        await house.producer.enqueue('discover-account', { accountId: account.accountId });
        await eventually(async () =>
          expect(await statusOf(account)).toEqual({ status: 'active', reason: null, listed: true, told: 0 }),
        );
        expect(refreshesOf(account)).toBe(2);
      },
    );

    test('a provider that ends a grant for that: its user is asked to connect again, once', async () => {
      beHarsh();
      const account = await connect('microsoft');
      await killBetween(account, where);
      await house.startWorker();
      await house.producer.enqueue('discover-account', { accountId: account.accountId });
      await eventually(async () =>
        expect(await statusOf(account)).toMatchObject({ status: 'reauth_needed', told: 1 }),
      );
      // Nobody shows it again.
      const asked = refreshesOf(account);
      await house.producer.enqueue('discover-account', { accountId: account.accountId, daily: true });
      const again = await saidBy(ask(account));
      expect(again).toEqual({ failed: 'credentials_revoked' });
      expect([refreshesOf(account), (await statusOf(account))?.told]).toEqual([asked, 1]);
    });
  });
});
