import { openHouse, type House } from './testing/house.ts';
import { seedEvent } from './testing/rows.ts';
import { writableCalendar } from './testing/writable.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const start = { date_time: '2026-11-24T09:00:00', time_zone: 'Europe/Berlin' };
const end = { date_time: '2026-11-24T10:00:00', time_zone: 'Europe/Berlin' };

const writable = (write_permissions = 'all') => writableCalendar(house, { write_permissions });

const create = (at: { user: string; calendarId: string }, fields: object = {}, headers = {}) =>
  house.send(
    'POST',
    '/events',
    { calendar_id: at.calendarId, summary: 'Planning', start, end, ...fields },
    { user: at.user, headers },
  );

const listed = async (user: string) =>
  (await house.get('/events?start=2026-11-20T00:00:00Z&end=2026-12-20T00:00:00Z', { user })).body.items;

test('a new event is answered with its write, and is in every list at once', async () => {
  const at = await writable();
  const made = await create(at);
  expect(made.status).toBe(202);
  expect(made.body).toMatchObject({
    summary: 'Planning',
    start: { date_time: '2026-11-24T09:00:00+01:00', time_zone: 'Europe/Berlin' },
    managed: true,
    provider_event_id: null,
    version: 1,
    write: { state: 'pending' },
  });
  expect((await listed(at.user)).map(({ id }) => id)).toEqual([made.body.id]);
  const [write] = (await house.get('/writes?state=pending', { user: at.user })).body.items;
  expect(write).toMatchObject({
    event_id: made.body.id,
    op: 'create',
    folded_into: null,
    attempts: 0,
    error: null,
  });
  const found = await house.get(`/writes/${write?.id}`, { user: at.user });
  expect(found.body).toEqual(write);
  await house.feedSettles();
  const feed = await house.get('/changes?after=start', { user: at.user });
  expect(feed.body.items.filter((item) => item.event_id !== null)).toMatchObject([
    { kind: 'created', event_id: made.body.id, origin: 'local', version: 1 },
  ]);
});

test('a series is there with all its occurrences', async () => {
  const at = await writable();
  const made = await create(at, { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] });
  expect(made.body).toMatchObject({ kind: 'series', recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] });
  expect((await listed(at.user)).map(({ occurrence_id }) => occurrence_id)).toEqual(
    ['20261124T080000Z', '20261201T080000Z', '20261208T080000Z'].map((slot) => `${made.body.id}_${slot}`),
  );
});

test('a change raises the version; one upon another version is refused with 412', async () => {
  const at = await writable();
  const { id } = (await create(at)).body;
  const change = (body: object, ifMatch?: string) =>
    house.send('PATCH', `/events/${id}`, body, {
      user: at.user,
      headers: ifMatch === undefined ? {} : { 'if-match': ifMatch },
    });
  expect((await change({ location: 'Room 2' }, '"1"')).body).toMatchObject({
    version: 2,
    location: 'Room 2',
  });
  const refused = await change({ location: 'Room 3' }, '"1"');
  expect([refused.status, refused.body.code]).toEqual([412, 'version_conflict']);
  const moved = await change({ start: { date: '2026-11-25' }, end: { date: '2026-11-26' } });
  expect(moved.body).toMatchObject({ version: 3, all_day: true, start: { date: '2026-11-25' } });
  // The same again is no change, and no write.
  expect((await change({ location: 'Room 2' })).body).toMatchObject({ version: 3, write: null });
  const writes = (await house.get('/writes', { user: at.user })).body.items;
  const [creation] = writes.slice(-1);
  expect(writes.map(({ op, folded_into }) => [op, folded_into])).toEqual([
    ['update', creation?.id],
    ['update', creation?.id],
    ['create', null],
  ]);
});

test('a deletion takes the event out of the lists; again is 202, and a change of it is 410', async () => {
  const at = await writable();
  const eventId = await seedEvent(house, at, {
    summary: 'old',
    zoned: ['2026-11-24T08:00:00Z', '2026-11-24T09:00:00Z', 'UTC'],
  });
  const remove = () => house.send('DELETE', `/events/${eventId}`, undefined, { user: at.user });
  const removed = await remove();
  expect([removed.status, removed.body['deleted_at']]).toEqual([202, expect.any(String)]);
  expect(await listed(at.user)).toEqual([]);
  expect((await remove()).body).toMatchObject({ write: null });
  const changed = await house.send('PATCH', `/events/${eventId}`, { summary: 'x' }, { user: at.user });
  expect([changed.status, changed.body.code]).toEqual([410, 'gone']);
});

test('the same key does it once', async () => {
  const at = await writable();
  const headers = { 'idempotency-key': 'one' };
  const [first, again] = [await create(at, {}, headers), await create(at, {}, headers)];
  expect(again.body).toEqual(first.body);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect((await create(at, { summary: 'other' }, headers)).body.code).toBe('idempotency_mismatch');
  expect(await listed(at.user)).toHaveLength(1);
});

describe('what is not allowed says why', () => {
  const refused = async (at: { user: string; calendarId: string }) => {
    const reply = await create(at);
    return [reply.status, reply.body.code, reply.body['detail']];
  };

  test('by the preferences', async () => {
    const at = await writable('none');
    expect(await refused(at)).toEqual([403, 'not_allowed', expect.stringContaining('write_permissions')]);
  });

  test('managed lets nobody touch what others made', async () => {
    const at = await writable('managed');
    const own = (await create(at)).body.id;
    const foreign = await seedEvent(house, at, {
      zoned: ['2026-11-24T08:00:00Z', '2026-11-24T09:00:00Z', 'UTC'],
    });
    const change = async (id: string) =>
      (await house.send('PATCH', `/events/${id}`, { summary: 'x' }, { user: at.user })).status;
    expect([await change(own), await change(foreign)]).toEqual([202, 403]);
  });

  test.each([
    ['write_enabled = false', 'write_enabled'],
    [`access_role = 'reader'`, 'access_role'],
    [`state = 'paused'`, 'state'],
  ])('by the calendar: %s', async (fact, word) => {
    const at = await writable();
    await house.worker(`update calendars set ${fact} where id = $1`, [at.calendarId]);
    expect(await refused(at)).toEqual([403, 'not_allowed', expect.stringContaining(word)]);
  });

  test('by an account that must be connected again', async () => {
    const at = await writable();
    await house.worker(`update calendar_accounts set status = 'reauth_needed' where id = $1`, [at.accountId]);
    expect((await refused(at)).slice(0, 2)).toEqual([409, 'credentials_revoked']);
  });

  test("another user's calendar, event and write are not there", async () => {
    const at = await writable();
    const { id } = (await create(at)).body;
    const [write] = (await house.get('/writes', { user: at.user })).body.items;
    const other = (await writable()).user;
    const replies = [
      await create({ user: other, calendarId: at.calendarId }),
      await house.send('PATCH', `/events/${id}`, { summary: 'x' }, { user: other }),
      await house.send('DELETE', `/events/${id}`, undefined, { user: other }),
      await house.get(`/writes/${write?.id}`, { user: other }),
      await house.send('POST', `/writes/${write?.id}/discard`, {}, { user: other }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
  });
});

test.each<[string, object]>([
  ['start', { start: undefined }],
  ['end', { end: { date: '2026-11-24' } }],
  ['end', { start: { date: '2026-11-24' }, end: { date: '2026-11-24' } }],
  ['end', { end: { date_time: '2026-11-24T08:00:00', time_zone: 'Europe/Berlin' } }],
  ['start.date_time', { start: { date_time: '2026-11-24T09:00:00' } }],
  ['start.time_zone', { start: { date_time: '2026-11-24T09:00:00', time_zone: 'Mars/Base' } }],
  ['recurrence', { recurrence: ['RRULE:FREQ=SOMETIMES'] }],
  ['attendees', { attendees: [{ email: 'a@x.test' }, { email: 'A@x.test' }] }],
  ['attendees.0.email', { attendees: [{ email: 'nobody' }] }],
  ['summary', { summary: 'bell \u0007' }],
  ['visibility', { visibility: 'secret' }],
  ['held', { held: true }],
])('422 that names %s: %j', async (path, fields) => {
  const at = await writable();
  const reply = await create(at, fields);
  expect([reply.status, reply.body.errors.map((error) => error.path)]).toEqual([422, [path]]);
  expect(await listed(at.user)).toEqual([]);
});

test('a write that is taken back: an event that nobody was told of is gone, another is read again', async () => {
  const at = await writable();
  const { id } = (await create(at)).body;
  const eventId = await seedEvent(house, at, {
    zoned: ['2026-11-25T08:00:00Z', '2026-11-25T09:00:00Z', 'UTC'],
  });
  await house.send('PATCH', `/events/${eventId}`, { summary: 'x' }, { user: at.user });
  const writes = (await house.get('/writes', { user: at.user })).body.items;
  for (const write of writes) {
    const reply = await house.send('POST', `/writes/${write.id}/discard`, {}, { user: at.user });
    expect([reply.status, reply.body['state']]).toEqual([202, 'discarded']);
  }
  const again = await house.send('POST', `/writes/${writes[0]?.id}/discard`, {}, { user: at.user });
  expect(again.status).toBe(422);
  expect((await house.get(`/events/${id}`, { user: at.user })).body['deleted_at']).not.toBeNull();
  const [row] = await house.worker<{ waits: boolean }>(
    'select recheck_at is not null as waits from calendar_events where id = $1',
    [eventId],
  );
  expect(row?.waits).toBe(true);
});

test('a parked write leaves again', async () => {
  const at = await writable();
  await create(at);
  await house.worker(`update calendar_writes set state = 'parked' where calendar_id = $1`, [at.calendarId]);
  const [write] = (await house.get('/writes?state=parked', { user: at.user })).body.items;
  const reply = await house.send('POST', `/writes/${write?.id}/retry`, {}, { user: at.user });
  expect([reply.status, reply.body['state']]).toEqual([202, 'pending']);
});
