/** DELETE /accounts/{id}: what is asked of a leaving account, and what of everybody else's. */
import { openHouse, type House } from './testing/house.ts';
import { seedCalendar } from './testing/rows.ts';
import { letWrite } from './testing/writable.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

let users = 0;
const newUser = () => ({ userId: `leaver-${(users += 1)}` });

const wishOf = async (accountId: string) => {
  const rows = await house.worker(
    `select status, leaving_purge as purge, leaving_deletes as deletes from calendar_accounts where id = $1`,
    [accountId],
  );
  return rows[0];
};

test.each([
  ['', { purge: true, deletes: false }],
  ['?purge=false', { purge: false, deletes: false }],
  ['?purge=true&delete_managed_events=true', { purge: true, deletes: true }],
])('DELETE /accounts/{id}%s is taken', async (query, wish) => {
  const { userId: user, accountId } = await seedCalendar(house, newUser());
  const left = await house.send('DELETE', `/accounts/${accountId}${query}`, undefined, { user });
  expect(left).toMatchObject({ status: 202, body: { status: 'disconnecting' } });
  expect(await wishOf(accountId)).toEqual({ status: 'disconnecting', ...wish });
  expect(await house.get(`/accounts/${accountId}`, { user })).toMatchObject({
    status: 200,
    body: { status: 'disconnecting', status_reason: null },
  });
});

test('asked again it leaves the more thoroughly, and the feed says it once', async () => {
  const { userId: user, accountId } = await seedCalendar(house, newUser());
  for (const query of ['purge=false', 'purge=true', 'purge=false']) {
    await house.send('DELETE', `/accounts/${accountId}?${query}`, undefined, { user });
  }
  expect(await wishOf(accountId)).toMatchObject({ purge: true });
  const said = await house.worker(
    `select fields from calendar_changes where account_id = $1 and kind = 'account_changed'`,
    [accountId],
  );
  expect(said).toEqual([{ fields: ['status'] }]);
});

test("another user's account, an unknown one and a misshapen wish are refused", async () => {
  const { userId: user, accountId } = await seedCalendar(house, newUser());
  const remove = (path: string, as: string) => house.send('DELETE', path, undefined, { user: as });
  expect((await remove(`/accounts/${accountId}`, 'somebody else')).status).toBe(404);
  expect((await remove('/accounts/00000000-0000-7000-8000-000000000000', user)).status).toBe(404);
  expect(await remove(`/accounts/${accountId}?purge=yes`, user)).toMatchObject({
    status: 422,
    body: { errors: [{ path: 'purge' }] },
  });
  expect(await wishOf(accountId)).toMatchObject({ status: 'active' });
});

test('nothing is written to its calendars any more', async () => {
  const at = await seedCalendar(house, newUser());
  const { userId: user, accountId, calendarId } = at;
  await letWrite(house, at);
  const event = {
    calendar_id: calendarId,
    summary: 'too late',
    start: { date_time: '2026-11-24T09:00:00Z', time_zone: 'UTC' },
    end: { date_time: '2026-11-24T10:00:00Z', time_zone: 'UTC' },
  };
  expect((await house.send('POST', '/events', event, { user })).status).toBe(202);
  await house.send('DELETE', `/accounts/${accountId}?purge=false`, undefined, { user });
  expect(await house.send('POST', '/events', event, { user })).toMatchObject({
    status: 403,
    body: { code: 'not_allowed' },
  });
});

test('a replay gets the first answer; the same key with another wish is refused', async () => {
  const { userId: user, accountId } = await seedCalendar(house, newUser());
  const remove = (query: string) =>
    house.send('DELETE', `/accounts/${accountId}?${query}`, undefined, {
      user,
      headers: { 'idempotency-key': 'goodbye' },
    });
  const first = await remove('purge=false');
  expect([first.status, await remove('purge=false')]).toMatchObject([202, { status: 202, body: first.body }]);
  expect(await remove('purge=true')).toMatchObject({ status: 409, body: { code: 'idempotency_mismatch' } });
  expect(await wishOf(accountId)).toMatchObject({ purge: false });
});
