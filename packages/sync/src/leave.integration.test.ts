/** An account leaves: nothing of ours stays behind at its provider, nothing of it here, wherever its worker dies. */
import { api, beginLeaving, type Database } from '@calfleet/db';
import { newId, type AccountId, type EventId, type EventTime } from '@calfleet/domain';
import { dieAt } from '../testing/dying.ts';
import { localWrites } from '../testing/local-writes.ts';
import { expectExactMirror } from '../testing/mirror.ts';
import { hint, meeting, pullNow, useWorlds } from '../testing/scene.ts';
import type { Point, World } from '../testing/world.ts';
import { discoverAccount, drainWebhooks, leaveAccount } from './index.ts';

const newWorld = useWorlds();

const at = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'UTC' });
const planning = {
  summary: 'Planning',
  start: at('2026-11-24T09:00:00Z'),
  end: at('2026-11-24T10:00:00Z'),
};

interface Wish {
  purge?: boolean;
  deletesManaged?: boolean;
}

const askToLeave = (world: World, { purge = true, deletesManaged = false }: Wish = {}): Promise<boolean> =>
  world.real.transaction({ role: 'api', userId: world.userId }, (tx) =>
    beginLeaving(tx, {
      id: world.accountId,
      userId: world.userId,
      purge,
      deletesManaged,
      at: world.clock.now(),
    }),
  );

const leave = (world: World, id: AccountId = world.accountId) =>
  leaveAccount(world.deps, id, {
    signal: new AbortController().signal,
    forgetJobs: async (ids) => void world.forgotten.push(...ids),
  });

/** Drain and job, as time passes, until the account has left. */
async function untilGone(world: World): Promise<void> {
  for (let looks = 0; looks < 200; looks += 1) {
    const status = (await accountRow(world))?.status;
    if (status !== 'disconnecting') return;
    await drainWebhooks(world.deps);
    while (world.jobs.length > 0) await world.runJob();
    world.clock.advance(10 * 60_000);
    await world.expireLease();
  }
  throw new Error('The account never leaves.');
}

interface Row {
  status: string;
  reason: string | null;
  step: string | null;
  token: Uint8Array;
}

async function accountRow(world: World, id: AccountId = world.accountId): Promise<Row | null> {
  const rows = await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<Row[]>`
      select status, status_reason as reason, leaving_step as step, refresh_token as token
      from calendar_accounts where id = ${id}::uuid`,
  );
  return rows[0] ?? null;
}

/** Rows of any table that name one of these texts, by table. */
async function rowsNaming(db: Database, texts: readonly string[]): Promise<Record<string, number>> {
  return db.transaction({ role: 'worker' }, async (tx) => {
    const tables = await tx.$queryRaw<{ name: string }[]>`
      select table_name as name from information_schema.tables
       where table_schema = 'public' and table_type = 'BASE TABLE' and table_name like 'calendar%'
         and has_table_privilege(format('public.%I', table_name), 'select')`;
    const found: Record<string, number> = {};
    for (const { name } of tables) {
      const [row] = await tx.$queryRawUnsafe<{ count: number }[]>(
        `select count(*)::int as count from "${name}" t
          where exists (select from unnest($1::text[]) x where position(x in (to_jsonb(t) - 'user_id')::text) > 0)`,
        texts,
      );
      if (row && row.count > 0) found[name] = row.count;
    }
    return found;
  });
}

const liveAtProvider = (world: World) =>
  world.cloud
    .truth(world.providerCalendarId)
    .flatMap((item) => (item.type === 'event' ? [item.event.fields.summary] : []))
    .sort();

async function work(world: World): Promise<void> {
  for (let steps = 0; steps < 100; steps += 1) {
    if ((await world.runJob()) === 'idle') return;
    world.clock.advance(5_000);
  }
  throw new Error('The queue never comes to rest.');
}

/** A mirrored and watched calendar with an event of its owner's and one of ours. */
async function mirroredWorld() {
  const world = await newWorld();
  world.cloud.put(world.providerCalendarId, meeting('m1'));
  await nameMailbox(world);
  await pullNow(world);
  const local = localWrites(world);
  await local.create(planning);
  await work(world);
  await world.deps.jobs.enqueue('ensure-watch', { calendarId: world.calendarId });
  await work(world);
  expect(world.cloud.channels.size).toBe(1);
  expect(liveAtProvider(world)).toEqual(['Meeting m1', 'Planning']);
  return { world, local };
}

const nameMailbox = (world: World): Promise<unknown> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`
      update calendar_accounts set provider_account_id = ${mailboxOf(world)}, email = ${mailboxOf(world)}
       where id = ${world.accountId}::uuid`,
  );
const mailboxOf = (world: World): string => world.providerCalendarId;

const keepAnswer = (world: World, key: string, response: object): Promise<unknown> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`
      insert into calendar_idempotency_keys (user_id, key, request_hash, status, response, created_at)
      values (${world.userId}, ${key}, '\\x00', 202, ${JSON.stringify(response)}::jsonb, ${world.clock.now()})`,
  );

const keptAnswers = (world: World): Promise<{ key: string }[]> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ key: string }[]>`
      select key from calendar_idempotency_keys where user_id = ${world.userId}`,
  );

test('purge: nothing of it is left here, its channel is stopped, its grant is ended, and its events stay there', async () => {
  const { world, local } = await mirroredWorld();
  await hint(world, { full: true });
  const [id = '' as EventId] = await local.eventIds();
  await local.change(id, { summary: 'never told' });
  await keepAnswer(world, 'of an event', { event_id: id });
  await keepAnswer(world, 'of another account', { event_id: newId() });
  expect(await askToLeave(world)).toBe(true);
  await untilGone(world);
  expect(await accountRow(world)).toBeNull();
  expect(await rowsNaming(world.real, [world.accountId, world.calendarId, mailboxOf(world)])).toEqual({});
  expect(await keptAnswers(world)).toEqual([{ key: 'of another account' }]);
  expect(world.forgotten).toEqual(expect.arrayContaining([world.accountId, world.calendarId]));
  expect([world.cloud.channels.size, world.revoked]).toEqual([0, [world.accountId]]);
  expect(liveAtProvider(world)).toEqual(['Meeting m1', 'Planning']);
});

test('without purge its rows stay, and nobody asks for it any more; the feed says so', async () => {
  const { world, local } = await mirroredWorld();
  const [id = '' as EventId] = await local.eventIds();
  await local.change(id, { summary: 'never told' });
  const { eventId } = await local.create({ ...planning, summary: 'never made' });
  await askToLeave(world, { purge: false });
  await untilGone(world);
  const row = await accountRow(world);
  expect(row).toMatchObject({ status: 'disconnected', reason: null, step: null });
  expect(row?.token).toHaveLength(0);
  expect((await local.eventIds()).length).toBeGreaterThan(1);
  expect((await local.event(eventId))?.deleted_at).not.toBeNull();
  expect((await local.writes()).map(({ state }) => state)).toEqual(['applied', 'discarded', 'discarded']);
  expect([world.cloud.channels.size, world.revoked]).toEqual([0, [world.accountId]]);
  const said = await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ fields: string[] }[]>`
      select fields from calendar_changes where account_id = ${world.accountId}::uuid and kind = 'account_changed'
       order by xid, seq`,
  );
  expect(said).toEqual([{ fields: ['status'] }, { fields: ['status'] }]);
  world.jobs.length = 0;
  await world.tick();
  expect(world.jobs).toEqual([]);
});

test('what was made through us is deleted there, whatever became of it since; what is foreign stays', async () => {
  const { world, local } = await mirroredWorld();
  const made = world.cloud
    .truth(world.providerCalendarId)
    .flatMap((item) => (item.type === 'event' && item.event.writeId !== null ? [item.event] : []));
  world.cloud.patch(world.providerCalendarId, made[0]?.providerEventId ?? '', { location: 'elsewhere' });
  await local.create({ ...planning, summary: 'not told yet' });
  await local.create({ ...planning, summary: 'sent, and the answer lost' });
  world.cloud.fail({ operation: 'createEvent', code: 'provider_unavailable', when: 'after' });
  await world.runJob();
  await askToLeave(world, { deletesManaged: true });
  await untilGone(world);
  expect(liveAtProvider(world)).toEqual(['Meeting m1']);
  expect(await accountRow(world)).toBeNull();
});

test('another user of the same mailbox keeps its grant; whoever leaves last ends it', async () => {
  const { world } = await mirroredWorld();
  const other = newId<AccountId>();
  const time = world.clock.now();
  await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`
      insert into calendar_accounts (id, user_id, provider, provider_account_id, data_key, refresh_token, created_at, updated_at)
      values (${other}::uuid, 'somebody else', 'memory', ${mailboxOf(world)}, '\\x00', '\\x00', ${time}, ${time})`,
  );
  await askToLeave(world);
  await untilGone(world);
  expect(world.revoked).toEqual([]);
  expect(await accountRow(world, other)).toMatchObject({ status: 'active' });
  await world.real.transaction({ role: 'worker' }, (tx) =>
    beginLeaving(tx, { id: other, userId: null, purge: true, deletesManaged: false, at: world.clock.now() }),
  );
  expect(await leave(world, other)).toBe('left');
  expect([world.revoked, await accountRow(world, other)]).toEqual([[other], null]);
});

test('nobody asks another user to leave', async () => {
  const { world } = await mirroredWorld();
  const wish = {
    id: world.accountId,
    userId: 'somebody else',
    purge: true,
    deletesManaged: false,
    at: world.clock.now(),
  };
  // Two walls: the statement's own, and that of the database.
  for (const role of [{ role: 'worker' } as const, { role: 'api', userId: 'somebody else' } as const]) {
    const asked = await world.real.transaction(role, (tx) => beginLeaving(tx, wish));
    expect([asked, (await accountRow(world))?.status]).toEqual([false, 'active']);
  }
});

test('a provider that does not answer is waited for, shown to the user, and after a day not any more', async () => {
  const { world } = await mirroredWorld();
  for (const operation of ['deleteEvent', 'stopWatch'] as const) {
    world.cloud.fail({ operation, code: 'provider_unavailable', count: Infinity });
  }
  const since = world.clock.now().getTime();
  await askToLeave(world, { deletesManaged: true });
  expect(await leave(world)).toBe('later');
  expect(await accountRow(world)).toMatchObject({ step: 'deletions', reason: expect.any(String) as string });
  await untilGone(world);
  expect(await accountRow(world)).toBeNull();
  const tookHours = (world.clock.now().getTime() - since) / 3_600_000;
  expect(tookHours).toBeGreaterThanOrEqual(24);
  expect(tookHours).toBeLessThan(25);
  expect(await rowsNaming(world.real, [world.accountId, world.calendarId])).toEqual({});
});

test('a dead grant is asked for nothing', async () => {
  const { world } = await mirroredWorld();
  world.cloud.fail({ operation: 'deleteEvent', code: 'credentials_revoked', count: Infinity });
  await askToLeave(world, { deletesManaged: true });
  expect(await leave(world)).toBe('left');
  expect(await accountRow(world)).toBeNull();
});

test('a mailbox that is connected anew gets its old rows back, without doubles', async () => {
  const { world, local } = await mirroredWorld();
  const before = await local.eventIds();
  await askToLeave(world, { purge: false });
  await untilGone(world);
  world.cloud.patch(world.providerCalendarId, 'm1', { summary: 'changed meanwhile' });
  const again = newId<AccountId>();
  const time = world.clock.now();
  await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`
      insert into calendar_accounts (id, user_id, provider, data_key, refresh_token, created_at, updated_at)
      values (${again}::uuid, ${world.userId}, 'memory', '\\x00', '\\x00', ${time}, ${time})`,
  );
  const primary = world.cloud.calendars.get(world.providerCalendarId);
  if (primary) primary.primary = true;
  await discoverAccount(world.deps, again);
  expect(await accountRow(world)).toMatchObject({ status: 'active', step: null });
  expect(await accountRow(world, again)).toMatchObject({ status: 'disconnected' });
  await world.settle();
  await expectExactMirror(world);
  expect(await local.eventIds()).toEqual(before);
  await world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$executeRaw`delete from calendar_accounts where id = ${again}::uuid`,
  );
});

test.each([
  ['that would keep its rows stays after all', false],
  ['with all its rows goes, and the mailbox gets another', true],
])('whoever consents while the account leaves: one %s', async (_, purge) => {
  const { world, local } = await mirroredWorld();
  await askToLeave(world, { purge });
  const { userId } = world;
  const isRenewed = await world.real.transaction({ role: 'api', userId }, async (tx) => {
    const mailbox = { userId, provider: 'memory', providerAccountId: mailboxOf(world) };
    const id = await api.findConnected(tx, mailbox);
    const sealed = new Uint8Array([1]);
    const grant = { userId, email: null, scopes: [], dataKey: sealed, refreshToken: sealed };
    return id !== null && api.renewGrant(tx, { ...grant, id, now: world.clock.now() });
  });
  expect([isRenewed, await leave(world)]).toEqual([!purge, 'left']);
  const row = await accountRow(world);
  if (purge) expect(row).toBeNull();
  else expect([row?.status, row?.step, (await local.eventIds()).length]).toEqual(['active', null, 2]);
});

// After one transaction is before the next: together they die at each of them.
describe.each<[Point, number]>([
  ['before', 1],
  ['after', 1],
  ['inside', 3],
])('I12: its worker dies %s every third transaction from number %i on', (point, first) => {
  test('wherever that is, the next one goes on: nothing is left here, nothing of ours there', async () => {
    for (let nth = first; nth <= 120; nth += 3) {
      const { world } = await mirroredWorld();
      await askToLeave(world, { deletesManaged: true });
      await world.deps.jobs.enqueue('leave-account', { accountId: world.accountId });
      const hasDied = await dieAt(world, { point, nth }, () => world.runJob());
      world.jobs.length = 0;
      await untilGone(world);
      expect([await accountRow(world), liveAtProvider(world), world.cloud.channels.size]).toEqual([
        null,
        ['Meeting m1'],
        0,
      ]);
      expect(await rowsNaming(world.real, [world.accountId, world.calendarId])).toEqual({});
      // Past its last transaction there is nothing more to die at.
      if (!hasDied) return;
    }
    throw new Error('The job has more transactions than were tried.');
  });
});
