/** What an operator sees of writing back, and how an account finds its own events again. */
import { adopt, showAccounts } from './accounts.ts';
import { UsageError } from './command.ts';
import { disconnect } from './disconnect.ts';
import { at, eventId, ids, plantEvent, plantFleet, type PlantedFleet } from './planted-fleet.fixture.ts';
import { showStatus } from './status.ts';

let planted: PlantedFleet;
beforeEach(async () => {
  planted = await plantFleet();
});
afterEach(() => planted.close());

test('what is stopped and what waits stands under "Writing back"', async () => {
  await planted.worker(async (tx) => {
    await tx.$executeRaw`update calendar_fleet set writes_stopped_at = ${at}`;
    await tx.$executeRaw`
      update calendar_accounts set writes_stopped_at = ${at}, writes_stopped_reason = 'a loop'
       where id = ${ids.google}::uuid`;
    for (const [n, state] of ['pending', 'pending', 'parked', 'applied'].entries()) {
      await plantEvent(tx, { n, calendar: ids.work });
      const wishedAt = new Date(at.getTime() - (n + 1) * 60_000);
      await tx.$executeRaw`
        insert into calendar_writes (id, user_id, account_id, calendar_id, event_id, op, base, state, applied_at,
          created_at, updated_at)
        values (gen_random_uuid(), 'ada', ${ids.google}::uuid, ${ids.work}::uuid, ${eventId(n)}::uuid, 'update', '{}',
          ${state}, ${state === 'applied' ? at : null}, ${wishedAt}, ${at})`;
    }
  });
  await showStatus(planted.fleet, { json: false });
  const lines = planted.printed();
  const from = lines.indexOf('Writing back');
  expect(lines.slice(from, from + 7)).toEqual([
    'Writing back',
    'Stopped for all accounts.',
    'Stopped for 1 accounts: "accounts" says why.',
    'what            count  oldest',
    'parked          1      3 min',
    'pending         2      2 min',
    'open conflicts  0      -',
  ]);
  await showAccounts(planted.fleet, { reauth: false });
  expect(planted.printed().join('\n')).toContain('writes are stopped: a loop');
});

describe('accounts adopt', () => {
  const managed = () =>
    planted.worker(
      (tx) => tx.$queryRaw<{ id: string; version: bigint }[]>`
        select id, version from calendar_events where managed order by id`,
    );
  const read = () =>
    planted.worker(
      (tx) => tx.$executeRaw`
        update calendars set last_full_at = ${at} where account_id = ${ids.google}::uuid and state <> 'paused'`,
    );
  const listed = () =>
    planted.worker((tx) => tx.$executeRaw`update calendar_accounts set calendars_listed_at = ${at}`);

  test('what bears our mark is managed again, says so once, and the rest is left alone', async () => {
    await planted.worker(async (tx) => {
      await plantEvent(tx, { n: 1, calendar: ids.work, mark: 'w1' });
      await plantEvent(tx, { n: 2, calendar: ids.home, mark: 'w2' });
      await plantEvent(tx, { n: 3, calendar: ids.home });
      await plantEvent(tx, { n: 4, calendar: ids.home, mark: 'w4', deleted: true });
      await plantEvent(tx, { n: 5, calendar: ids.lost, mark: 'w5' });
    });
    await Promise.all([read(), listed()]);
    await adopt(planted.fleet, { account: ids.google });
    await adopt(planted.fleet, { account: ids.google });
    expect(planted.printed()).toEqual([
      '2 events of 4 calendars are managed from now on.',
      '0 events of 4 calendars are managed from now on.',
    ]);
    expect(await managed()).toEqual([1, 2].map((n) => ({ id: eventId(n), version: 2n })));
    const told = await planted.worker(
      (tx) => tx.$queryRaw`
        select event_id, kind, version, fields, origin from calendar_changes where event_id is not null order by seq`,
    );
    expect(told).toEqual(
      [1, 2].map((n) => ({
        event_id: eventId(n),
        kind: 'updated',
        version: 2n,
        fields: ['managed'],
        origin: 'system',
      })),
    );
  });

  test('more than a batch of them', async () => {
    await Promise.all([read(), listed()]);
    await planted.worker(
      (tx) => tx.$executeRaw`
        insert into calendar_events (id, user_id, calendar_id, provider_event_id, kind, status, all_day, start_date,
          end_date, visibility, transparency, event_type, fingerprint, write_id, created_at, updated_at, generation,
          last_confirmed_at)
        select gen_random_uuid(), 'ada', ${ids.work}::uuid, n::text, 'single', 'confirmed', true, '2026-03-02',
          '2026-03-03', 'default', 'opaque', 'default', '', 'w' || n, ${at}, ${at}, 1, ${at}
        from generate_series(1, 1000) n`,
    );
    await adopt(planted.fleet, { account: ids.google });
    expect(planted.printed()).toEqual(['1000 events of 4 calendars are managed from now on.']);
    expect(await managed()).toHaveLength(1000);
  });

  test('it waits for the first reading, and knows its accounts', async () => {
    await planted.worker((tx) => plantEvent(tx, { n: 1, calendar: ids.work, mark: 'w1' }));
    await expect(adopt(planted.fleet, { account: ids.google })).rejects.toThrow(/list was not read yet/);
    await listed();
    await expect(adopt(planted.fleet, { account: ids.google })).rejects.toThrow(
      /^4 of its calendars are read/,
    );
    await expect(adopt(planted.fleet, { account: ids.work })).rejects.toThrow(
      new UsageError(`There is no account ${ids.work}.`),
    );
    expect(await managed()).toEqual([]);
  });
});

describe('accounts disconnect', () => {
  const wish = { account: ids.google, purge: true, deletesManaged: false };

  test('asks the account to leave, and rings for it', async () => {
    await disconnect(planted.fleet, wish);
    const [row] = await planted.worker(
      (tx) => tx.$queryRaw<object[]>`
        select status, leaving_step, leaving_purge, leaving_deletes from calendar_accounts where id = ${ids.google}::uuid`,
    );
    expect(row).toEqual({
      status: 'disconnecting',
      leaving_step: 'fence',
      leaving_purge: true,
      leaving_deletes: false,
    });
    expect(planted.printed().join('\n')).toMatch(/^(Queued|Marked).*gone from "accounts"\.$/);
  });

  test('of an account that is not there nothing is asked', async () => {
    const account = '00000000-0000-7000-8000-000000000000';
    await expect(disconnect(planted.fleet, { ...wish, account })).rejects.toThrow(UsageError);
  });
});
