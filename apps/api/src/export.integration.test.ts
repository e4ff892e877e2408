/** GET /export: everything of one user, a line each, whatever the size, and nothing of anybody else. */
import { adminKey, openHouse, prefix, type House } from './testing/house.ts';
import { seedCalendar, seedEvent, seedSingle, type SeededCalendar } from './testing/rows.ts';
import { letWrite, preferences } from './testing/writable.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

interface Line extends Record<string, unknown> {
  type: string;
}

const ask = (user: string, signal?: AbortSignal): Promise<Response> =>
  fetch(`${house.api.url}${prefix}/export`, {
    headers: { authorization: `Bearer ${adminKey}`, 'x-user-id': user },
    ...(signal && { signal }),
  });

async function exported(user: string): Promise<Line[]> {
  const response = await ask(user);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/x-ndjson');
  const text = await response.text();
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

const ofType = (lines: readonly Line[], type: string) => lines.filter((line) => line.type === type);

const single = (at: SeededCalendar, summary: string) =>
  seedSingle(house, at, { summary, zoned: ['2026-11-24T09:00:00Z', '2026-11-24T10:00:00Z', 'UTC'] });

test("a user's accounts, calendars, events, history, writes, conflicts and wishes are in it, in the shapes of the lists", async () => {
  const user = 'exporter';
  const at = await seedCalendar(house, { userId: user });
  const eventId = await single(at, 'Planning');
  const deleted = await seedEvent(house, at, {
    summary: 'Gone',
    zoned: ['2026-11-25T09:00:00Z', '2026-11-25T10:00:00Z', 'UTC'],
    deleted: true,
  });
  await letWrite(house, at);
  const changed = await house.send('PATCH', `/events/${eventId}`, { summary: 'Retro' }, { user });
  expect(changed.status).toBe(202);
  const lines = await exported(user);
  expect(ofType(lines, 'preferences')).toMatchObject([preferences]);
  const [account] = ofType(lines, 'account');
  expect({ ...account, type: undefined }).toEqual({
    ...(await house.get(`/accounts/${at.accountId}`, { user })).body,
    type: undefined,
  });
  expect(ofType(lines, 'calendar')).toMatchObject([{ id: at.calendarId, account_id: at.accountId }]);
  expect(ofType(lines, 'event').map(({ id }) => id)).toEqual([eventId, deleted].sort());
  expect(ofType(lines, 'event')).toContainEqual({
    type: 'event',
    ...(await house.get(`/events/${eventId}`, { user })).body,
  });
  expect(ofType(lines, 'revision')).toMatchObject([{ event_id: eventId, fields: ['summary'] }]);
  expect(ofType(lines, 'write')).toMatchObject([{ event_id: eventId, op: 'update', state: 'pending' }]);
  expect(lines.at(-1)).toEqual({ type: 'end', lines: lines.length - 1 });
  expect(JSON.stringify(lines)).not.toMatch(/sealed|refresh_token|data_key/);
});

test('more than a page of events is there once, and nobody else is in it', async () => {
  const [mine, theirs] = [
    await seedCalendar(house, { userId: 'collector' }),
    await seedCalendar(house, { userId: 'somebody else' }),
  ];
  const foreign = await single(theirs, 'foreign');
  await house.worker(
    `insert into calendar_events (id, user_id, calendar_id, provider_event_id, kind, status, summary, all_day, start_date,
       end_date, visibility, transparency, event_type, fingerprint, created_at, updated_at, generation, last_confirmed_at)
     select gen_random_uuid(), 'collector', $1, 'e' || n, 'single', 'confirmed', 'Event ' || n, true, '2026-11-24',
       '2026-11-25', 'default', 'opaque', 'default', '', now(), now(), 1, now() from generate_series(1, 1234) n`,
    [mine.calendarId],
  );
  const lines = await exported('collector');
  const ids = ofType(lines, 'event').map(({ id }) => id);
  expect([ids.length, new Set(ids).size]).toEqual([1234, 1234]);
  for (const id of [foreign, theirs.accountId, theirs.calendarId]) {
    expect(JSON.stringify(lines)).not.toContain(id);
  }
});

test('of a user that has nothing there is an end', async () => {
  expect(await exported('nobody')).toEqual([{ type: 'end', lines: 0 }]);
});

test('who asks for more than there is, or goes away, harms nobody', async () => {
  expect((await house.get('/export?limit=3', { user: 'collector' })).status).toBe(422);
  const gone = new AbortController();
  const response = await ask('collector', gone.signal);
  expect(response.status).toBe(200);
  gone.abort();
  expect((await exported('collector')).length).toBeGreaterThan(1_000);
  expect(house.logs.filter((line) => line.includes('A request failed'))).toEqual([]);
});
