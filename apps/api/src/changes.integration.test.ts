import { performance } from 'node:perf_hooks';
import { newId } from '@calfleet/domain';
import { eventually } from '@calfleet/testkit';
import { openHouse, type Body, type House } from './testing/house.ts';
import { seedCalendar, seedChange } from './testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
  // Before any row: a week whose rows lie in the default partition gets none of its own.
  await house.worker(`select calfleet_ensure_change_partitions('2026-11-02T00:00:00Z', 8)`);
});
afterAll(() => house.close());

const newUser = () => ({ userId: `user-${newId()}` });
const eventIds = (body: Body) => body.items.map((item) => item.event_id);
const cursorOf = (body: Body) => encodeURIComponent(body.next_cursor ?? '');

test('rows come in order, page by page, with all their members', async () => {
  const at = await seedCalendar(house, newUser());
  const user = at.userId;
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) ids.push(await seedChange(house, at));
  await house.feedSettles();
  const first = await house.get('/changes?after=start&limit=2', { user });
  expect(first.body.items[0]).toEqual({
    cursor: first.body.items[0]?.cursor,
    at: '2026-11-20T11:59:00.000Z',
    kind: 'updated',
    event_id: ids[0],
    calendar_id: at.calendarId,
    account_id: at.accountId,
    series_id: null,
    version: 1,
    fields: ['summary'],
    origin: 'provider',
  });
  const second = await house.get(`/changes?after=${cursorOf(first.body)}&limit=2`, { user });
  const third = await house.get(`/changes?after=${cursorOf(second.body)}&limit=2`, { user });
  const fourth = await house.get(`/changes?after=${cursorOf(third.body)}`, { user });
  expect([first, second, third, fourth].map(({ body }) => eventIds(body))).toEqual([
    ids.slice(0, 2),
    ids.slice(2, 4),
    ids.slice(4),
    [],
  ]);
  const cursor = first.body.items[0]?.cursor ?? '';
  expect(eventIds((await house.get(`/changes?after=${cursor}`, { user })).body)).toEqual(ids.slice(1));
});

test('"now" gives a place to go on from, and a filter keeps to one calendar', async () => {
  const one = await seedCalendar(house, newUser());
  const two = await seedCalendar(house, one);
  const user = one.userId;
  await seedChange(house, one);
  await house.feedSettles();
  const now = await house.get('/changes?after=now', { user });
  expect(now.body).toMatchObject({ items: [], next_cursor: expect.any(String) as string });
  const [first, second] = [await seedChange(house, one), await seedChange(house, two)];
  await house.feedSettles();
  expect(eventIds((await house.get(`/changes?after=${cursorOf(now.body)}`, { user })).body)).toEqual([
    first,
    second,
  ]);
  const filtered = await house.get(`/changes?after=${cursorOf(now.body)}&calendar_id=${two.calendarId}`, {
    user,
  });
  expect(eventIds(filtered.body)).toEqual([second]);
});

test('a reader waits for an older transaction, so that nothing is skipped', async () => {
  const at = await seedCalendar(house, newUser());
  const user = at.userId;
  const older = await house.workerClient();
  await older.query('begin');
  const first = await seedChange(house, at, { by: older });
  const second = await seedChange(house, at);
  const early = await house.get('/changes?after=start', { user });
  expect(early.body.items).toEqual([]);
  await older.query('commit');
  await older.end();
  await house.feedSettles();
  expect(eventIds((await house.get(`/changes?after=${cursorOf(early.body)}`, { user })).body)).toEqual([
    first,
    second,
  ]);
});

test('a reader beside concurrent writers sees every row once', async () => {
  const at = await seedCalendar(house, newUser());
  const user = at.userId;
  const written: string[] = [];
  const writers = Array.from({ length: 4 }, async () => {
    const client = await house.workerClient();
    for (let n = 0; n < 25; n += 1) {
      await client.query('begin');
      for (let row = 0; row <= n % 3; row += 1) written.push(await seedChange(house, at, { by: client }));
      await client.query(n % 7 === 6 ? 'select pg_sleep(0.01)' : 'select 1');
      await client.query('commit');
    }
    await client.end();
  });
  const done = Promise.all(writers);
  const seen: string[] = [];
  let cursor = 'start';
  const read = async () => {
    const { body } = await house.get(`/changes?after=${encodeURIComponent(cursor)}&limit=7`, { user });
    seen.push(...eventIds(body));
    cursor = body.next_cursor ?? '';
    return body.items.length;
  };
  let writing = true;
  void done.finally(() => (writing = false));
  while (writing) await read();
  await done;
  await eventually(async () => (await read()) === 0 && seen.length >= written.length);
  expect(seen).toHaveLength(written.length);
  expect(new Set(seen)).toEqual(new Set(written));
});

test('transactions are read in the order of their numbers, not of their digits', async () => {
  const at = await seedCalendar(house, newUser());
  const user = at.userId;
  // As text, 10 and 100 come before 9.
  for (const xid of [9, 100, 10]) {
    await house.worker(
      `insert into calendar_changes (at, xid, user_id, kind, calendar_id, version, origin)
       values ('2026-11-20T11:59:00Z', $1::text::xid8, $2, 'calendar_changed', $3, $4, 'system')`,
      [String(xid), user, at.calendarId, xid],
    );
  }
  const read: unknown[] = [];
  let cursor = 'start';
  for (let page = 0; page < 4; page += 1) {
    const { body } = await house.get(`/changes?after=${encodeURIComponent(cursor)}&limit=1`, { user });
    read.push(...body.items.map(({ version }) => version));
    cursor = body.next_cursor ?? '';
  }
  expect(read).toEqual([9, 10, 100]);
});

describe('a long poll', () => {
  test('wakes on a new change', async () => {
    const at = await seedCalendar(house, newUser());
    const user = at.userId;
    const now = await house.get('/changes?after=now', { user });
    const waiting = house.get(`/changes?after=${cursorOf(now.body)}&wait_seconds=30`, { user });
    const id = await seedChange(house, at);
    // An answer that only ended would be empty.
    expect(eventIds((await waiting).body)).toEqual([id]);
  });

  test('ends empty when its time is over', async () => {
    const started = performance.now();
    const reply = await house.get('/changes?after=now&wait_seconds=1', newUserCall());
    expect(reply).toMatchObject({
      status: 200,
      body: { items: [], next_cursor: expect.any(String) as string },
    });
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  test('holds no transaction while it waits, and stops reading when the client is gone', async () => {
    const client = new AbortController();
    const waiting = house.get('/changes?after=now&wait_seconds=30', {
      ...newUserCall(),
      signal: client.signal,
    });
    const reads = async () => {
      const [row] = await house.worker<{ reads: string }>(
        `select xact_commit as reads from pg_stat_database where datname = current_database()`,
      );
      return Number(row?.reads);
    };
    // Ten looks while it waits; a read of a millisecond may be met, a transaction that is held would be met always.
    let idle = 0;
    await eventually(async () => {
      const open = (await house.activity('api-test')).filter(({ inTransaction }) => inTransaction);
      if (open.length === 0) idle += 1;
      return idle === 10;
    });
    client.abort();
    await expect(waiting).rejects.toThrow('aborted');
    let before = await reads();
    // Statistics arrive late; once they rest, nobody is reading any more.
    await eventually(
      async () => {
        const after = await reads();
        const rests = after - before <= 1;
        before = after;
        return rests;
      },
      { everyMs: 1500 },
    );
  });

  const newUserCall = () => ({ user: newUser().userId });
});

describe('a cursor is gone', () => {
  test('after 30 days, in another feed, or ahead of this one', async () => {
    const at = await seedCalendar(house, newUser());
    const user = at.userId;
    const { body } = await house.get('/changes?after=now', { user });
    const [epoch, xid, seq, seconds] = (body.next_cursor ?? '').split('.');
    const ask = (cursor: string) => house.get(`/changes?after=${cursor}`, { user });
    expect((await ask(`other.${xid}.${seq}.${seconds}`)).body).toMatchObject({ status: 410, code: 'gone' });
    expect((await ask(`${epoch}.${Number(xid) + 1_000_000}.${seq}.${seconds}`)).status).toBe(410);
    const month = 30 * 86_400_000;
    house.clock.advance(month);
    expect((await ask(body.next_cursor ?? '')).status).toBe(200);
    house.clock.advance(1000);
    const late = await ask(body.next_cursor ?? '');
    const again = await ask('start');
    house.clock.advance(-month - 1000);
    expect(late).toMatchObject({ status: 410, body: { code: 'gone' } });
    expect(again.status).toBe(200);
  });

  test('when the week it stood in was dropped', async () => {
    const at = await seedCalendar(house, newUser());
    const user = at.userId;
    await seedChange(house, at, { when: '2026-11-03T12:00:00Z' });
    await seedChange(house, at, { when: '2026-11-19T12:00:00Z' });
    await house.feedSettles();
    const { body } = await house.get('/changes?after=start', { user });
    const [old, recent] = body.items.map(({ cursor }) => cursor);
    expect((await house.get(`/changes?after=${old}`, { user })).status).toBe(200);
    await house.worker(`select calfleet_drop_change_partitions('2026-11-16T00:00:00Z')`);
    expect((await house.get(`/changes?after=${old}`, { user })).status).toBe(410);
    expect((await house.get(`/changes?after=${recent}`, { user })).status).toBe(200);
  });
});
