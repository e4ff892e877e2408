/** What an event was, and the way back, over HTTP. */
import { newId } from '@calfleet/domain';
import { openHouse, type House } from './testing/house.ts';
import { seedEvent } from './testing/rows.ts';
import { writableCalendar, type WritableCalendar } from './testing/writable.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const writable = (write_permissions = 'all') => writableCalendar(house, { write_permissions });

const time = (hour: string) => ({ date_time: `2026-11-24T${hour}:00:00`, time_zone: 'Europe/Berlin' });

async function create(at: WritableCalendar): Promise<string> {
  const body = { calendar_id: at.calendarId, summary: 'one', start: time('09'), end: time('10') };
  return (await house.send('POST', '/events', body, { user: at.user })).body.id;
}

const change = async (at: WritableCalendar, id: string, body: object): Promise<void> => {
  expect((await house.send('PATCH', `/events/${id}`, body, { user: at.user })).status).toBe(202);
};

const history = (at: { user: string }, id: string, query = '') =>
  house.get(`/events/${id}/history${query}`, { user: at.user });

const restore = (at: { user: string }, id: string, revision: unknown, headers = {}) =>
  house.send('POST', `/events/${id}/restore`, { revision }, { user: at.user, headers });

test('history is newest first, page by page, in the words of the events; of a deleted event, too', async () => {
  const at = await writable();
  const id = await create(at);
  await change(at, id, { summary: 'two', start: time('08') });
  await change(at, id, { attendees: [{ email: 'kim@guests.test' }] });
  await house.send('DELETE', `/events/${id}`, undefined, { user: at.user });
  const first = await history(at, id, '?limit=2');
  const second = await history(at, id, `?limit=2&cursor=${first.body.next_cursor}`);
  const guest = { email: 'kim@guests.test', response: 'needs_action' };
  expect([...first.body.items, ...second.body.items]).toMatchObject([
    {
      n: 4,
      at: '2026-11-20T12:00:00.000Z',
      origin: 'local',
      fields: ['status'],
      before: {
        summary: 'two',
        event_type: 'default',
        meeting_url: null,
        ical_uid: null,
        attendees: [guest],
      },
      after: null,
    },
    { n: 3, fields: ['attendees'], before: { attendees: [] }, after: { attendees: [guest] } },
    {
      n: 2,
      fields: ['summary', 'start'],
      before: {
        summary: 'one',
        start: { date_time: '2026-11-24T09:00:00+01:00', time_zone: 'Europe/Berlin' },
      },
      after: {
        summary: 'two',
        start: { date_time: '2026-11-24T08:00:00+01:00', time_zone: 'Europe/Berlin' },
      },
    },
    { n: 1, fields: ['status'], before: null, after: { summary: 'one', recurrence: [] } },
  ]);
  expect(Object.keys(first.body.items[0] ?? {})).toEqual(['n', 'at', 'origin', 'fields', 'before', 'after']);
  expect(second.body.next_cursor).toBeNull();
});

test("another user's event has no history, and a cursor is its event's own", async () => {
  const at = await writable();
  const [id, other] = [await create(at), await create(at)];
  await change(at, id, { summary: 'two' });
  const stranger = { user: `user-${newId()}` };
  expect([(await history(stranger, id)).status, (await history(at, newId())).status]).toEqual([404, 404]);
  expect((await restore(stranger, id, 1)).status).toBe(404);
  const { next_cursor: cursor } = (await history(at, id, '?limit=1')).body;
  const replies = [await history(at, other, `?cursor=${cursor}`), await history(at, id, '?state=all')];
  expect(replies.map(({ status, body }) => [status, body.errors.map(({ path }) => path)])).toEqual([
    [422, ['cursor']],
    [422, ['state']],
  ]);
});

test('a restored event is answered as any write, upon the version that was read, and once per key', async () => {
  const at = await writable();
  const id = await create(at);
  await change(at, id, { summary: 'two' });
  expect((await restore(at, id, 1, { 'if-match': '"1"' })).body.code).toBe('version_conflict');
  const headers = { 'if-match': '"2"', 'idempotency-key': 'back' };
  const restored = await restore(at, id, 1, headers);
  expect([restored.status, restored.body]).toMatchObject([
    202,
    { summary: 'one', version: 3, write: { state: 'pending' } },
  ]);
  expect((await restore(at, id, 1, headers)).body).toEqual(restored.body);
  // It is that already.
  expect((await restore(at, id, 1)).body).toMatchObject({ version: 3, write: null });
  expect((await history(at, id)).body.items).toMatchObject([
    { n: 3, origin: 'local', before: { summary: 'two' }, after: { summary: 'one' } },
    {},
    {},
  ]);
});

test('a deleted event is there again under its id, and what was made can be unmade', async () => {
  const at = await writable();
  const id = await create(at);
  await house.send('DELETE', `/events/${id}`, undefined, { user: at.user });
  expect((await restore(at, id, 1)).body).toMatchObject({ id, summary: 'one', deleted_at: null });
  expect((await restore(at, id, 0)).body['deleted_at']).not.toBeNull();
});

test('one that is on its way to be deleted is there again, too: the deletion goes on without it', async () => {
  const at = await writable();
  const id = await seedEvent(house, at, { zoned: ['2026-11-24T08:00:00Z', '2026-11-24T09:00:00Z', 'UTC'] });
  await house.send('DELETE', `/events/${id}`, undefined, { user: at.user });
  await house.worker(`update calendar_writes set state = 'pushing', attempts = 1 where event_id = $1`, [id]);
  const restored = await restore(at, id, 0);
  expect(restored.body).toMatchObject({ id, deleted_at: null, provider_event_id: null });
  const writes = await house.worker<{ op: string; own: boolean; name: string | null }>(
    `select w.op, w.event_id = $2 as own, e.provider_event_id as name
     from calendar_writes w join calendar_events e on e.id = w.event_id where w.calendar_id = $1 order by w.id`,
    [at.calendarId, id],
  );
  expect(writes).toEqual([
    { op: 'delete', own: false, name: id },
    { op: 'create', own: true, name: null },
  ]);
});

test.each<[unknown, string]>([
  [undefined, 'revision'],
  ['1', 'revision'],
  [-1, 'revision'],
  [1.5, 'revision'],
  [2, 'revision'],
  [1e15, 'revision'],
])('422 that names the revision: %j', async (revision, path) => {
  const at = await writable();
  const reply = await restore(at, await create(at), revision);
  expect([reply.status, reply.body.errors.map((error) => error.path)]).toEqual([422, [path]]);
});

test('who may not write may not restore', async () => {
  const at = await writable('managed');
  const id = await seedEvent(house, at, { zoned: ['2026-11-24T08:00:00Z', '2026-11-24T09:00:00Z', 'UTC'] });
  expect((await restore(at, id, 0)).body.code).toBe('not_allowed');
});
