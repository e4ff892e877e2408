/** The kill switch over HTTP: an operator stops what leaves, for all or for one account; users go on writing. */
import { newId } from '@calfleet/domain';
import { createQueueMonitor } from '@calfleet/jobs';
import { openHouse, type House } from './testing/house.ts';
import { seedCalendar, seedEvent, type SeededCalendar } from './testing/rows.ts';
import { writableCalendar } from './testing/writable.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());
afterEach(() => house.worker('update calendar_fleet set writes_stopped_at = null'));

/** As an operator: no user is named. */
const act = (what: 'stop' | 'resume', body: unknown = {}) =>
  house.send('POST', `/admin/writes/${what}`, body, { user: null });

async function account(): Promise<SeededCalendar> {
  return seedCalendar(house, { userId: `user-${newId()}` });
}

const shown = async ({ userId, accountId }: SeededCalendar) =>
  (await house.get(`/accounts/${accountId}`, { user: userId })).body['status_reason'];

test('the whole fleet is stopped and resumed; again changes nothing', async () => {
  const since = house.clock.now().toISOString();
  expect((await act('stop')).body).toEqual({ stopped: true, since });
  house.clock.advance(60_000);
  const again = await house.send('POST', '/admin/writes/stop', undefined, { user: null });
  expect([again.status, again.body]).toEqual([200, { stopped: true, since }]);
  expect(await house.worker('select writes_stopped_at from calendar_fleet')).toEqual([
    { writes_stopped_at: new Date(since) },
  ]);
  expect((await act('resume')).body).toEqual({ stopped: false });
  expect((await act('resume')).body).toEqual({ stopped: false });
  expect(await house.worker('select writes_stopped_at from calendar_fleet')).toEqual([
    { writes_stopped_at: null },
  ]);
});

test('one account is stopped: its user sees why, in the account and in the feed, and nobody else is', async () => {
  const [one, other] = [await account(), await account()];
  const since = house.clock.now().toISOString();
  const body = { account_id: one.accountId };
  expect((await act('stop', body)).body).toEqual({ stopped: true, ...body, since });
  await act('stop', body);
  expect([await shown(one), await shown(other)]).toEqual(['writes are stopped: by an administrator', null]);
  expect((await act('resume', body)).body).toEqual({ stopped: false, ...body });
  await act('resume', body);
  expect(await shown(one)).toBeNull();
  await house.feedSettles();
  const feed = await house.get('/changes?after=start', { user: one.userId });
  expect(feed.body.items).toMatchObject(
    ['stop', 'resume'].map(() => ({
      kind: 'account_changed',
      account_id: one.accountId,
      fields: ['status_reason'],
      origin: 'system',
    })),
  );
});

test('all are resumed: an account that was stopped on its own stays so', async () => {
  const one = await account();
  await act('stop', { account_id: one.accountId });
  await act('stop');
  await act('resume');
  expect(await shown(one)).toBe('writes are stopped: by an administrator');
});

test('who writes meanwhile is answered as always', async () => {
  const { user, calendarId } = await writableCalendar(house);
  await act('stop');
  const time = (hour: number) => ({ date_time: `2026-11-24T${hour}:00:00Z` });
  const event = { calendar_id: calendarId, summary: 'x', start: time(10), end: time(11) };
  const made = await house.send('POST', '/events', event, { user });
  expect([made.status, made.body['write']]).toEqual([
    202,
    { id: expect.any(String) as string, state: 'pending' },
  ]);
});

test('what waits is rung for when it is resumed, and not before', async () => {
  const one = await account();
  const eventId = await seedEvent(house, one, { date: ['2026-11-24', '2026-11-25'] });
  await house.worker(
    `insert into calendar_writes (id, user_id, account_id, calendar_id, event_id, op, base, created_at, updated_at)
     values ($1, $2, $3, $4, $5, 'delete', '{}', now(), now())`,
    [newId(), one.userId, one.accountId, one.calendarId, eventId],
  );
  const { redisUrl, redisPrefix: prefix } = house;
  const monitor = createQueueMonitor({ redisUrl, prefix, onError: () => undefined });
  const rung = async () => {
    const push = (await monitor.read(house.clock.now())).find(({ queue }) => queue === 'push');
    return (push?.jobs.waiting ?? 0) + (push?.jobs.prioritized ?? 0);
  };
  const before = await rung();
  await act('stop');
  await act('stop', { account_id: one.accountId });
  await act('resume', { account_id: one.accountId });
  expect(await rung()).toBe(before);
  await act('resume');
  expect(await rung()).toBe(before + 1);
  await monitor.close();
});

test.each([
  ['an unknown account', 404, { account_id: newId() }],
  ['what is no id', 422, { account_id: 'x' }],
  ['an unknown field', 422, { reason: 'x' }],
])('%s is %i', async (_, status, body) => {
  expect([(await act('stop', body)).status, (await act('resume', body)).status]).toEqual([status, status]);
});

test('without an admin key it is 401, and nothing is stopped', async () => {
  for (const key of [null, 'another-key-of-more-than-32-characters']) {
    expect((await house.send('POST', '/admin/writes/stop', {}, { user: 'ada', key })).status).toBe(401);
  }
  expect(await house.worker('select writes_stopped_at from calendar_fleet')).toEqual([
    { writes_stopped_at: null },
  ]);
});
