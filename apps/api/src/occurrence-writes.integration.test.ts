/** Writes of occurrences over the API: which ones a request means, and what it is told when it means none. */
import { newId } from '@calfleet/domain';
import { openHouse, type House } from './testing/house.ts';
import { writableCalendar } from './testing/writable.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const at = (day: number, hour = '09') => ({
  date_time: `2026-11-${day}T${hour}:00:00`,
  time_zone: 'Europe/Berlin',
});
const slot = (day: number): string => `202611${day}T080000Z`;

/** Four days at nine, in a calendar that its user lets us write to. */
async function daily() {
  const { user, calendarId } = await writableCalendar(house);
  const recurrence = ['RRULE:FREQ=DAILY;COUNT=4'];
  const event = { calendar_id: calendarId, summary: 'Daily', start: at(24), end: at(24, '10'), recurrence };
  const { id } = (await house.send('POST', '/events', event, { user })).body;
  const send = (method: 'PATCH' | 'DELETE', path: string, body?: object, headers = {}) =>
    house.send(method, `/events/${path}`, body, { user, headers });
  const shown = async (): Promise<string[]> => {
    const path = '/events?start=2026-11-20T00:00:00Z&end=2026-12-20T00:00:00Z';
    const { items } = (await house.get(path, { user })).body;
    return items.map((item) => {
      const { start } = item['occurrence'] as { start: { date_time: string } };
      return `${start.date_time.slice(8, 13)} ${String(item['summary'])}`;
    });
  };
  return { user, id, send, shown };
}

test('one occurrence: an event of its own, under the same occurrence id', async () => {
  const { user, id, send, shown } = await daily();
  const changed = await send('PATCH', `${id}_${slot(25)}?scope=this`, { summary: 'Changed' });
  expect(changed.status).toBe(202);
  expect(changed.body).toMatchObject({
    kind: 'exception',
    series_id: id,
    original_start: { date_time: '2026-11-25T09:00:00+01:00', time_zone: 'Europe/Berlin' },
    recurrence: [],
    managed: true,
    write: { state: 'pending' },
  });
  const read = await house.get(`/events/${id}_${slot(25)}`, { user });
  expect(read.body).toMatchObject({
    id: changed.body.id,
    summary: 'Changed',
    occurrence_id: `${id}_${slot(25)}`,
  });
  expect(await shown()).toEqual(['24T09 Daily', '25T09 Changed', '26T09 Daily', '27T09 Daily']);
  await house.feedSettles();
  const feed = (await house.get('/changes?after=start', { user })).body.items;
  expect(feed.at(-1)).toMatchObject({
    kind: 'created',
    event_id: changed.body.id,
    series_id: id,
    origin: 'local',
  });
});

test('one occurrence is called off: gone for those who change it, and done already for those who delete it', async () => {
  const { id, send, shown } = await daily();
  const path = `${id}_${slot(25)}?scope=this`;
  expect((await send('DELETE', path)).body).toMatchObject({
    write: { state: 'pending' },
    status: 'cancelled',
  });
  expect(await shown()).toEqual(['24T09 Daily', '26T09 Daily', '27T09 Daily']);
  expect(await send('DELETE', path)).toMatchObject({ status: 202, body: { write: null } });
  expect(await send('PATCH', path, { summary: 'x' })).toMatchObject({ status: 410, body: { code: 'gone' } });
});

test('this and following, and the first of all, which is the series itself', async () => {
  const { id, send, shown } = await daily();
  const later = await send('PATCH', `${id}_${slot(26)}?scope=following`, { summary: 'Later' });
  expect(later.body).toMatchObject({ kind: 'series', recurrence: ['RRULE:FREQ=DAILY;COUNT=2'] });
  expect(await shown()).toEqual(['24T09 Daily', '25T09 Daily', '26T09 Later', '27T09 Later']);
  const whole = await send('PATCH', `${id}_${slot(24)}?scope=following`, { location: 'Room 1' });
  expect(whole.body).toMatchObject({ id, location: 'Room 1', recurrence: ['RRULE:FREQ=DAILY;COUNT=2'] });
});

test('all, by way of one: its times move the series by as much on the clock', async () => {
  const { id, send, shown } = await daily();
  const moved = await send('PATCH', `${id}_${slot(26)}?scope=all`, {
    start: at(26, '11'),
    end: at(26, '13'),
  });
  expect(moved.body).toMatchObject({
    id,
    start: { date_time: '2026-11-24T11:00:00+01:00' },
    end: { date_time: '2026-11-24T13:00:00+01:00' },
  });
  expect((await shown())[0]).toBe('24T11 Daily');
});

test('an exception by its own id: this is the default, the others of its series may be meant', async () => {
  const { id, send, shown } = await daily();
  const { body } = await send('PATCH', `${id}_${slot(25)}?scope=this`, { summary: 'Changed' });
  expect((await send('PATCH', body.id, { location: 'Room 2' })).body).toMatchObject({ id: body.id });
  expect((await send('DELETE', `${body.id}?scope=following`)).status).toBe(202);
  expect(await shown()).toEqual(['24T09 Daily']);
});

test.each([
  ['no scope', (id: string) => `${id}_${slot(25)}`, 422, 'scope'],
  ['an unknown scope', (id: string) => `${id}_${slot(25)}?scope=some`, 422, 'scope'],
  ['one occurrence of a whole series', (id: string) => `${id}?scope=this`, 422, 'scope'],
  ['those that follow a whole series', (id: string) => `${id}?scope=following`, 422, 'scope'],
  ['a slot that the series does not have', (id: string) => `${id}_20261125T090000Z?scope=this`, 404, null],
  ['no slot', (id: string) => `${id}_x?scope=this`, 404, null],
  ['a series that nobody knows', () => `${newId()}_${slot(25)}?scope=this`, 404, null],
])('%s is refused', async (_name, path, status, field) => {
  const { id, send, shown } = await daily();
  for (const answer of [await send('PATCH', path(id), { summary: 'x' }), await send('DELETE', path(id))]) {
    expect(answer.status).toBe(status);
    expect(answer.body.errors?.[0]?.path ?? null).toBe(field);
  }
  expect(await shown()).toHaveLength(4);
});

test('one occurrence has no recurrence, and series without one rule are not cut', async () => {
  const { user, id, send } = await daily();
  const recurrence = ['RRULE:FREQ=DAILY'];
  const refused = await send('PATCH', `${id}_${slot(25)}?scope=this`, { recurrence });
  expect([refused.status, refused.body.errors?.[0]?.path]).toEqual([422, 'recurrence']);
  const { body } = await send('PATCH', id, {
    recurrence: ['RRULE:FREQ=DAILY;COUNT=2', 'RDATE:20261128T080000Z'],
  });
  const added = await send('DELETE', `${body.id}_${slot(28)}?scope=following`);
  expect([added.status, added.body.errors?.[0]?.path]).toEqual([422, 'scope']);
  expect((await house.get(`/events/${id}`, { user })).body).toMatchObject({ deleted_at: null });
});

test('If-Match is the version that was shown: of the series, or of what replaces the occurrence', async () => {
  const { id, send } = await daily();
  const path = `${id}_${slot(25)}?scope=this`;
  expect((await send('PATCH', path, { summary: 'x' }, { 'if-match': '"2"' })).status).toBe(412);
  expect((await send('PATCH', path, { summary: 'x' }, { 'if-match': '"1"' })).status).toBe(202);
  await send('PATCH', path, { summary: 'y' });
  expect((await send('DELETE', path, undefined, { 'if-match': '"1"' })).status).toBe(412);
  expect((await send('DELETE', path, undefined, { 'if-match': '"2"' })).status).toBe(202);
});

test('nobody else may mean it', async () => {
  const { id } = await daily();
  const other = await house.send('DELETE', `/events/${id}_${slot(25)}?scope=this`, undefined, {
    user: 'somebody',
  });
  expect(other.status).toBe(404);
});

test('a wish that is discarded before it left gives the occurrence back to its series', async () => {
  const { user, id, send, shown } = await daily();
  const writes = [
    (await send('PATCH', `${id}_${slot(25)}?scope=this`, { summary: 'Changed' })).body['write'],
    (await send('DELETE', `${id}_${slot(26)}?scope=this`)).body['write'],
  ] as { id: string }[];
  for (const write of writes) {
    expect((await house.send('POST', `/writes/${write.id}/discard`, undefined, { user })).status).toBe(202);
  }
  expect(await shown()).toEqual(['24T09 Daily', '25T09 Daily', '26T09 Daily', '27T09 Daily']);
});
