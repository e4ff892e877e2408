/**
 * Accounts leave, over HTTP with both providers: nothing of ours stays at the provider, nothing of theirs stays here, and
 * whoever shares the mailbox notices nothing.
 */
import { orThrow } from '@calfleet/client';
import { Redis } from 'ioredis';
import { requestPull } from '@calfleet/db';
import { systemClock, type AccountId } from '@calfleet/domain';
import { eventually } from '@calfleet/testkit';
import { openTwoWayHouse, tomorrow, type ProviderUnderTest, type TwoWay } from './two-way-house.ts';

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
beforeAll(async () => {
  fleet = await openTwoWayHouse();
  await fleet.house.startWorker();
});
afterAll(() => fleet.close());

const planning = ({ calendarId }: TwoWay) => ({
  calendar_id: calendarId,
  summary: 'Planning',
  start: { date_time: `${tomorrow()}T13:00:00Z`, time_zone: 'UTC' },
  end: { date_time: `${tomorrow()}T14:00:00Z`, time_zone: 'UTC' },
});

/** A mirrored calendar with an event of ours and one of its owner's. */
async function connected(provider: ProviderUnderTest): Promise<TwoWay> {
  const side = await fleet.connect(provider);
  side.elsewhere.add('Theirs');
  await orThrow(side.client.POST('/events', { body: planning(side) }));
  await eventually(() => expect(side.elsewhere.titles()).toEqual(['Planning', 'Theirs']));
  await eventually(() => side.elsewhere.expectMirrored());
  return side;
}

const isGone = ({ client, accountId }: TwoWay) =>
  eventually(
    async () => {
      const { response } = await client.GET('/accounts/{id}', { params: { path: { id: accountId } } });
      expect(response.status).toBe(404);
    },
    { timeoutMs: 60_000 },
  );

/** Every row, and every key of Redis, that names one of these texts; users of this test are named after their accounts. */
async function traces(texts: readonly string[]): Promise<string[]> {
  const rows = await fleet.house.db.transaction({ role: 'worker' }, async (tx) => {
    const tables = await tx.$queryRaw<{ name: string }[]>`
      select table_name as name from information_schema.tables
       where table_schema = 'public' and table_name like 'calendar%'
         and has_table_privilege(format('public.%I', table_name), 'select')`;
    const found: string[] = [];
    for (const { name } of tables) {
      const hits = await tx.$queryRawUnsafe<unknown[]>(
        `select 1 from "${name}" t
          where exists (select from unnest($1::text[]) x where position(x in (to_jsonb(t) - 'user_id')::text) > 0) limit 1`,
        texts,
      );
      if (hits.length > 0) found.push(name);
    }
    return found;
  });
  return [...rows, ...(await keysNaming(texts))];
}

async function keysNaming(texts: readonly string[]): Promise<string[]> {
  const { redisUrl, redisPrefix } = fleet.house.services;
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 2 });
  try {
    const found: string[] = [];
    for await (const keys of redis.scanStream({ match: `${redisPrefix}*`, count: 1_000 })) {
      for (const key of keys as string[]) {
        const value = (await redis.type(key)) === 'hash' ? JSON.stringify(await redis.hgetall(key)) : '';
        if (texts.some((text) => key.includes(text) || value.includes(text))) found.push(key);
      }
    }
    return found;
  } finally {
    await redis.quit();
  }
}

const emailOf = async ({ client, accountId }: TwoWay): Promise<string> =>
  String((await orThrow(client.GET('/accounts/{id}', { params: { path: { id: accountId } } }))).email);

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  const liveChannels = (): number =>
    provider === 'google'
      ? fleet.house.sandbox.push.channels.all().filter(({ stoppedAtMs }) => stoppedAtMs === null).length
      : fleet.house.sandbox.microsoft.subscriptions.allLiving().length;

  test('all that was made through us is deleted there, no channel and no grant are left, and no trace is here', async () => {
    const before = liveChannels();
    const side = await connected(provider);
    await eventually(() => expect(liveChannels()).toBe(before + 1));
    const email = await emailOf(side);
    expect(email).toContain('@');
    const params = { path: { id: side.accountId }, query: { purge: true, delete_managed_events: true } };
    await orThrow(side.client.DELETE('/accounts/{id}', { params }));
    await isGone(side);
    expect(side.elsewhere.titles()).toEqual(['Theirs']);
    expect(liveChannels()).toBe(before);
    // The job itself ends a moment after the row.
    await eventually(async () => expect(await traces([side.accountId, side.calendarId, email])).toEqual([]));
    // Microsoft has no way to end one app's grant.
    const again = await fleet.house.addAccount({ provider, refreshTokens: side.refreshTokens() });
    await fleet.house.producer.enqueue('discover-account', { accountId: again.accountId });
    const status = provider === 'google' ? 'reauth_needed' : 'active';
    await eventually(async () =>
      expect(await accountOf(again.accountId)).toMatchObject({
        status,
        listed: provider === 'microsoft',
      }),
    );
  });

  test('another user of the mailbox goes on, and its changes still come in', async () => {
    const side = await connected(provider);
    const other = await fleet.house.addAccount({ provider, refreshTokens: side.refreshTokens() });
    await fleet.house.producer.enqueue('discover-account', { accountId: other.accountId });
    const calendarId = await eventually(() => fleet.house.calendarOf(other));
    await eventually(async () => expect(await titlesOf(calendarId)).toEqual(['Planning', 'Theirs']));
    await orThrow(side.client.DELETE('/accounts/{id}', { params: { path: { id: side.accountId } } }));
    await isGone(side);
    side.elsewhere.rename('Theirs', 'Renamed');
    // Graph grants a mailbox one subscription of ours: the other account is polled until its next attempt.
    const wish = { id: calendarId, full: false, at: systemClock.now() };
    await fleet.house.db.transaction({ role: 'worker' }, (tx) => requestPull(tx, wish));
    await eventually(async () => expect(await titlesOf(calendarId)).toEqual(['Planning', 'Renamed']), {
      timeoutMs: 60_000,
    });
    expect(await accountOf(other.accountId)).toMatchObject({ status: 'active' });
  });
});

async function accountOf(id: AccountId): Promise<{ status: string; listed: boolean } | null> {
  const rows = await fleet.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ status: string; listed: boolean }[]>`
      select status, calendars_listed_at is not null as listed from calendar_accounts where id = ${id}::uuid`,
  );
  return rows[0] ?? null;
}

async function titlesOf(calendarId: string): Promise<string[]> {
  const rows = await fleet.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ summary: string }[]>`
      select summary from calendar_events where calendar_id = ${calendarId}::uuid and deleted_at is null`,
  );
  return rows.map(({ summary }) => summary).sort();
}
