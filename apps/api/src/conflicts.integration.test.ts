/** Conflicts over HTTP: what is listed, who may decide, and that it is decided once. */
import { newId } from '@calfleet/domain';
import { openHouse, type Body, type House } from './testing/house.ts';
import { seedSingle } from './testing/rows.ts';
import { writableCalendar } from './testing/writable.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

interface Opened {
  user: string;
  calendarId: string;
  eventId: string;
  conflictId: string;
  writeId: string;
}

/** An event whose title became "here" here and "there" there, as the engine leaves it for a person. */
async function open(): Promise<Opened> {
  const at = await writableCalendar(house, { conflict_strategy: 'manual' });
  const { user } = at;
  const eventId = await seedSingle(house, at, {
    summary: 'there',
    zoned: ['2026-11-24T09:00:00Z', '2026-11-24T10:00:00Z', 'Europe/Berlin'],
  });
  const [writeId, conflictId] = [newId(), newId()];
  const time = (instant: string) => ({ kind: 'zoned', instant, zone: 'Europe/Berlin' });
  const base = {
    status: 'confirmed',
    summary: 'Planning',
    description: null,
    location: null,
    start: time('2026-11-24T09:00:00Z'),
    end: time('2026-11-24T10:00:00Z'),
    recurrence: [],
    attendees: [],
    visibility: 'default',
    transparency: 'opaque',
  };
  await house.worker(
    `insert into calendar_writes (id, user_id, account_id, calendar_id, event_id, op, patch, base, base_version, state,
       created_at, updated_at) values ($1, $2, $3, $4, $5, 'update', '{"summary": "here"}', $6, '"0"', 'conflict', now(), now())`,
    [writeId, user, at.accountId, at.calendarId, eventId, JSON.stringify(base)],
  );
  await house.worker(
    `insert into calendar_sync_conflicts (id, user_id, account_id, calendar_id, event_id, write_id, fields, base, local,
       provider, strategy, status, created_at)
     values ($1, $2, $3, $4, $5, $6, '{summary}', '{"summary": "Planning"}', '{"summary": "here"}',
       '{"summary": "there"}', 'manual', 'open', now())`,
    [conflictId, user, at.accountId, at.calendarId, eventId, writeId],
  );
  return { user, calendarId: at.calendarId, eventId, conflictId, writeId };
}

const decide = ({ user, conflictId }: Opened, body: object, headers: Record<string, string> = {}) =>
  house.send('POST', `/conflicts/${conflictId}/resolve`, body, { user, headers });

const eventOf = async ({ user, eventId }: Opened): Promise<Body> =>
  (await house.get(`/events/${eventId}`, { user })).body;

const writesOf = async ({ user }: Opened): Promise<Body[]> =>
  (await house.get('/writes', { user })).body.items;

test('it is listed by its status, and found by its user alone', async () => {
  const opened = await open();
  const { user, conflictId, eventId } = opened;
  const [listed] = (await house.get('/conflicts?status=open', { user })).body.items;
  expect(listed).toEqual({
    id: conflictId,
    event_id: eventId,
    fields: ['summary'],
    base: { summary: 'Planning' },
    local: { summary: 'here' },
    provider: { summary: 'there' },
    strategy: 'manual',
    status: 'open',
    resolution: null,
    resolved_by: null,
    created_at: expect.any(String) as unknown,
  });
  expect((await house.get(`/conflicts/${conflictId}`, { user })).body).toEqual(listed);
  expect((await house.get('/conflicts?status=resolved', { user })).body.items).toEqual([]);
  expect((await house.get('/conflicts?status=lost', { user })).body).toMatchObject({
    code: 'invalid_input',
    errors: [{ path: 'status' }],
  });
  expect((await house.get(`/conflicts/${conflictId}`, { user: 'somebody else' })).status).toBe(404);
  const elsewhere = { ...opened, user: 'somebody else' };
  expect((await decide(elsewhere, { resolution: 'provider' })).status).toBe(404);
});

test('local: shown at once, and the write that waited goes with the one that leaves', async () => {
  const opened = await open();
  const decided = await decide(opened, { resolution: 'local' });
  expect([decided.status, decided.body]).toMatchObject([
    200,
    { status: 'resolved', resolution: 'local', resolved_by: opened.user },
  ]);
  expect((await eventOf(opened))['summary']).toBe('here');
  const [leaves, waited] = await writesOf(opened);
  expect(leaves).toMatchObject({ op: 'update', state: 'pending', folded_into: null });
  expect(waited).toMatchObject({ id: opened.writeId, state: 'pending', folded_into: leaves?.id });
});

test('provider: nothing is written, and the write is discarded', async () => {
  const opened = await open();
  expect((await decide(opened, { resolution: 'provider' })).status).toBe(200);
  expect((await eventOf(opened))['summary']).toBe('there');
  expect(await writesOf(opened)).toMatchObject([{ id: opened.writeId, state: 'discarded' }]);
  const history = (await house.get(`/events/${opened.eventId}/history`, { user: opened.user })).body.items;
  expect(history).toMatchObject([
    { origin: 'resolution', fields: ['summary'], before: { summary: 'here' }, after: { summary: 'there' } },
  ]);
});

test('merge: a change of what is there now, read like any', async () => {
  const opened = await open();
  const event = { location: 'Room 5', start: { date_time: '2026-11-24T09:30:00Z' } };
  expect((await decide(opened, { resolution: 'merge', event })).status).toBe(200);
  expect(await eventOf(opened)).toMatchObject({ summary: 'there', location: 'Room 5' });
  const [leaves, waited] = await writesOf(opened);
  expect(leaves).toMatchObject({ op: 'update', state: 'pending' });
  expect(waited).toMatchObject({ id: opened.writeId, state: 'discarded', folded_into: null });
});

test.each<[string, object, string]>([
  ['no resolution', {}, 'resolution'],
  ['another resolution', { resolution: 'both' }, 'resolution'],
  ['merge without an event', { resolution: 'merge' }, 'event'],
  ['merge that says nothing', { resolution: 'merge', event: {} }, 'event'],
  ['an event with another resolution', { resolution: 'local', event: { summary: 'x' } }, 'event'],
  ['an unknown field', { resolution: 'merge', event: { title: 'x' } }, 'event.title'],
  ['no address', { resolution: 'merge', event: { attendees: [{ email: 'x' }] } }, 'event.attendees.0.email'],
  [
    'an end before its start',
    { resolution: 'merge', event: { end: { date_time: '2026-11-24T08:00:00Z' } } },
    'end',
  ],
  ['an end of another kind', { resolution: 'merge', event: { end: { date: '2026-11-25' } } }, 'end'],
  ['no rule', { resolution: 'merge', event: { recurrence: ['RRULE:FREQ=SOMETIMES'] } }, 'recurrence'],
])('%s is refused, and it stays open', async (_, body, path) => {
  const opened = await open();
  const refused = await decide(opened, body);
  expect([refused.status, refused.body]).toMatchObject([422, { code: 'invalid_input', errors: [{ path }] }]);
  expect((await house.get('/conflicts?status=open', { user: opened.user })).body.items).toHaveLength(1);
});

test('said twice it is done once; another word comes too late', async () => {
  const opened = await open();
  const first = await decide(opened, { resolution: 'local' });
  const again = await decide(opened, { resolution: 'local' });
  expect([again.status, again.body]).toEqual([200, first.body]);
  expect(await writesOf(opened)).toHaveLength(2);
  for (const body of [{ resolution: 'provider' }, { resolution: 'merge', event: { summary: 'both' } }]) {
    const late = await decide(opened, body);
    expect([late.status, late.body]).toMatchObject([422, { errors: [{ path: 'id' }] }]);
  }
});

test('the same merge with its key is answered as before', async () => {
  const opened = await open();
  const body = { resolution: 'merge', event: { summary: 'both' } };
  const key = { 'idempotency-key': 'once' };
  const first = await decide(opened, body, key);
  const again = await decide(opened, body, key);
  expect([first.status, again.status, again.body]).toEqual([200, 200, first.body]);
  expect(await writesOf(opened)).toHaveLength(2);
});

test('two people at once: one of them decides', async () => {
  const opened = await open();
  const said = await Promise.all([
    decide(opened, { resolution: 'local' }),
    decide(opened, { resolution: 'provider' }),
  ]);
  expect(said.map(({ status }) => status).sort()).toEqual([200, 422]);
});

test('who may not write any more may still take what the provider has', async () => {
  const opened = await open();
  await house.worker('update calendars set write_enabled = false where id = $1', [opened.calendarId]);
  expect((await decide(opened, { resolution: 'local' })).body.code).toBe('not_allowed');
  expect((await decide(opened, { resolution: 'provider' })).status).toBe(200);
});

test('a write that is discarded leaves nothing to decide', async () => {
  const opened = await open();
  const { user, writeId, conflictId } = opened;
  expect((await house.send('POST', `/writes/${writeId}/discard`, {}, { user })).status).toBe(202);
  expect((await house.get(`/conflicts/${conflictId}`, { user })).body).toMatchObject({
    status: 'resolved',
    resolution: 'provider',
    resolved_by: user,
  });
});
