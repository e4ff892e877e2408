/** What passes by itself says nothing against a grant, however often it happens; only a refusal of the grant does. */
import type { AccountId } from '@calfleet/domain';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import type { FaultPlan } from '@calfleet/sandbox';
import { TokenFleet } from '../testing/token-fleet.ts';

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

const effects: FaultPlan['effect'][] = [
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 429, retryAfterSeconds: 1 },
  { kind: 'drop_before' },
  { kind: 'drop_after' },
  { kind: 'torn_body' },
];

const statusOf = async (id: AccountId): Promise<string | undefined> => {
  const [row] = await fleet.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ status: string }[]>`
      select status from calendar_accounts where id = ${id}::uuid`,
  );
  return row?.status;
};

test.each([
  ['google', 'oauth.token'],
  ['microsoft', 'login.token'],
] as const)(
  'a hundred failures of a token endpoint and of the network leave an account connected (%s)',
  async (provider, operation) => {
    const { google, microsoft } = fleet.sandbox;
    const email = 'ada@example.test';
    const owner =
      provider === 'google' ? google.createAccount({ email }) : microsoft.createMailbox({ email });
    const id = await fleet.connect(provider, owner.refreshTokens[0] ?? '');
    const session = fleet.sessions().open({ accountId: id, provider });
    const codes = new Set<unknown>();
    for (let n = 0; n < 100; n += 1) {
      const effect = effects[n % effects.length];
      if (effect) fleet.sandbox.faults.add({ operation, count: 1, effect });
      codes.add(await session.accessToken().catch(({ code }: { code?: unknown }) => code));
      fleet.sandbox.faults.clear();
    }
    expect([...codes].toSorted()).toEqual(['provider_unavailable', 'rate_limited']);
    expect(await statusOf(id)).toBe('active');
    const accessToken = await session.accessToken();
    expect(await fleet.stored(id)).toMatchObject({ accessToken, isLeased: false, failure: null });
  },
);
