/** What the write endpoints refuse, and how they say so; what they do is in event-writes.integration.test.ts. */
import { newId } from '@calfleet/domain';
import { adminKey, openHouse, prefix, type Ask, type House, type Reply } from './testing/house.ts';
import { seedEvent } from './testing/rows.ts';
import { prefer, writableCalendar, type WritableCalendar } from './testing/writable.ts';

let house: House;
let at: WritableCalendar;
let eventId: string;
let writeId: string;

const bounds = {
  start: { date_time: '2026-11-24T09:00:00', time_zone: 'Europe/Berlin' },
  end: { date_time: '2026-11-24T10:00:00', time_zone: 'Europe/Berlin' },
};
const zoned: [string, string, string] = ['2026-11-24T08:00:00Z', '2026-11-24T09:00:00Z', 'UTC'];

beforeAll(async () => {
  house = await openHouse();
  at = await writableCalendar(house);
  eventId = await seedEvent(house, at, { zoned });
  const made = await send('POST', '/events', { calendar_id: at.calendarId, ...bounds });
  expect(made.status).toBe(202);
  writeId = (made.body['write'] as { id: string }).id;
});
afterAll(() => house.close());

const send = (method: string, path: string, body?: unknown, ask: Ask = {}): Promise<Reply> =>
  house.send(method, path, body, { user: at.user, ...ask });

const permit = (write_permissions: string): Promise<Reply> => prefer(house, at.user, { write_permissions });

/** The endpoints, by what may be asked of them. */
const endpoints = (): [method: string, path: string, body: object | undefined][] => [
  ['POST', '/events', { calendar_id: at.calendarId, ...bounds }],
  ['PATCH', `/events/${eventId}`, { summary: 'x' }],
  ['DELETE', `/events/${eventId}`, undefined],
];
const ofWrites = (id = writeId): [method: string, path: string, body: object | undefined][] => [
  ['GET', '/writes', undefined],
  ['GET', `/writes/${id}`, undefined],
  ['POST', `/writes/${id}/retry`, {}],
  ['POST', `/writes/${id}/discard`, {}],
];

/** What a refused request left behind. */
const stored = async (): Promise<unknown> =>
  house.worker(
    `select (select count(*) from calendar_writes) as writes, (select sum(version) from calendar_events) as versions,
       (select count(*) from calendar_changes) as told, (select count(*) from calendar_event_revisions) as kept`,
  );

/** @returns status, code and the paths that each of them names; nothing was done */
async function refusals(
  asked: readonly (readonly [method: string, path: string, body: object | undefined])[],
  ask: Ask = {},
): Promise<unknown[]> {
  const before = await stored();
  const answers: unknown[] = [];
  for (const [method, path, body] of asked) {
    const { status, type, body: problem } = await send(method, path, body, ask);
    expect(type).toContain('application/problem+json');
    expect(problem['status']).toBe(status);
    const named = problem.errors?.map(({ path: name }) => name) ?? [];
    answers.push([status, problem.code, ...named]);
  }
  expect(await stored()).toEqual(before);
  return answers;
}

const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what);

test('401 without a key, and with a wrong one', async () => {
  const all = [...endpoints(), ...ofWrites()];
  for (const key of [null, 'x'.repeat(40)]) {
    expect(await refusals(all, { key })).toEqual(times(all.length, [401, 'not_authenticated']));
  }
});

test('422 without a user', async () => {
  const all = [...endpoints(), ...ofWrites()];
  expect(await refusals(all, { user: null })).toEqual(times(all.length, [422, 'invalid_input', 'X-User-Id']));
});

test('403 for changes and deletions, too, of an event that others made', async () => {
  const [, change, removal] = endpoints();
  const both = [change, removal].flatMap((asked) => (asked ? [asked] : []));
  for (const permissions of ['none', 'managed']) {
    await permit(permissions);
    expect(await refusals(both)).toEqual(times(2, [403, 'not_allowed']));
  }
  await permit('all');
});

test.each([
  ['write_enabled', 'write_enabled = false', 'write_enabled = true'],
  ['the role', `access_role = 'reader'`, `access_role = 'owner'`],
  ['a pause', `state = 'paused'`, `state = 'active'`],
  ['a calendar that is gone', `state = 'gone'`, `state = 'active'`],
  ['a calendar that is not mirrored', 'active = false', 'active = true'],
])('403 of each call by %s', async (_, fact, before) => {
  await house.worker(`update calendars set ${fact} where id = $1`, [at.calendarId]);
  expect(await refusals(endpoints())).toEqual(times(3, [403, 'not_allowed']));
  await house.worker(`update calendars set ${before} where id = $1`, [at.calendarId]);
});

test('409 of each call while the account has to be connected again', async () => {
  const become = (status: string) =>
    house.worker('update calendar_accounts set status = $1 where id = $2', [status, at.accountId]);
  await become('reauth_needed');
  expect(await refusals(endpoints())).toEqual(times(3, [409, 'credentials_revoked']));
  await become('active');
});

test('404 for what is not there, and for what is no id', async () => {
  for (const id of [newId(), 'no-id', `${newId()}_20261124`]) {
    const asked = [
      ['PATCH', `/events/${id}?scope=this`, { summary: 'x' }] as const,
      ['DELETE', `/events/${id}?scope=this`, undefined] as const,
      ...ofWrites(id).slice(1),
    ];
    expect(await refusals(asked)).toEqual(times(asked.length, [404, 'not_found']));
  }
  const elsewhere = [['POST', '/events', { calendar_id: newId(), ...bounds }]] as const;
  expect(await refusals(elsewhere)).toEqual([[404, 'not_found']]);
});

test('409 for a key that belongs to another request: another body, another event, another method', async () => {
  const headers = { 'idempotency-key': `key-${newId()}` };
  expect((await send('PATCH', `/events/${eventId}`, { location: 'Room 1' }, { headers })).status).toBe(202);
  const others = [
    ['PATCH', `/events/${eventId}`, { location: 'Room 2' }],
    ['DELETE', `/events/${eventId}`, undefined],
    ['POST', '/events', { calendar_id: at.calendarId, ...bounds }],
    ['POST', `/writes/${writeId}/retry`, {}],
  ] as const;
  expect(await refusals(others, { headers })).toEqual(times(4, [409, 'idempotency_mismatch']));
});

test.each([
  ['empty', ''],
  ['too long', 'x'.repeat(256)],
])('422 for an Idempotency-Key that is %s', async (_, key) => {
  const answers = await refusals(endpoints(), { headers: { 'idempotency-key': key } });
  expect(answers).toEqual(times(3, [422, 'invalid_input', 'Idempotency-Key']));
});

describe('If-Match', () => {
  const both = () => endpoints().slice(1);

  test.each(['"99"', 'W/"1"', '"98", "99"', '""'])('412 for %s', async (ifMatch) => {
    const answers = await refusals(both(), { headers: { 'if-match': ifMatch } });
    expect(answers).toEqual(times(2, [412, 'version_conflict']));
  });

  test.each(['1', '"1', 'version 1', '"1" "2"', '', '"1",'])('422 for %j', async (ifMatch) => {
    const answers = await refusals(both(), { headers: { 'if-match': ifMatch } });
    expect(answers).toEqual(times(2, [422, 'invalid_input', 'If-Match']));
  });

  test('holds for any version, and for one of a list', async () => {
    const id = await seedEvent(house, at, { zoned });
    for (const [n, ifMatch] of ['*', '"1", "2"', '"3"'].entries()) {
      const headers = { 'if-match': ifMatch };
      const reply = await send('PATCH', `/events/${id}`, { summary: `title ${n}` }, { headers });
      expect([reply.status, reply.body['version']]).toEqual([202, n + 2]);
    }
  });
});

test('410 for a change of what was deleted, by If-Match, too', async () => {
  const id = await seedEvent(house, at, { zoned });
  expect((await send('DELETE', `/events/${id}`)).status).toBe(202);
  const change = [['PATCH', `/events/${id}`, { summary: 'x' }]] as const;
  expect(await refusals(change)).toEqual([[410, 'gone']]);
  expect(await refusals(change, { headers: { 'if-match': '"1"' } })).toEqual([[410, 'gone']]);
});

const long = (length: number): string => 'x'.repeat(length);
const date = (day: string) => ({ date: `2026-11-${day}` });

describe('422 that names the field', () => {
  test.each<[string, object]>([
    ['summary', { summary: long(1_025) }],
    ['summary', { summary: 7 }],
    ['description', { description: long(8_193) }],
    ['description', { description: 'bell \u0007' }],
    ['location', { location: long(1_025) }],
    ['location', { location: ['Room'] }],
    ['status', { status: 'cancelled' }],
    ['transparency', { transparency: 'busy' }],
    ['visibility', { visibility: null }],
    ['start', { start: 'tomorrow' }],
    ['start.date', { start: { date: '2026-02-30' } }],
    ['start', { start: { ...date('24'), date_time: '2026-11-24T09:00:00Z' } }],
    ['start.date_time', { start: { date_time: 'noon', time_zone: 'UTC' } }],
    ['start.date_time', { start: { date_time: '0001-01-01T00:00:00Z' } }],
    ['end.time_zone', { end: { date_time: '2026-11-24T10:00:00', time_zone: 'W. Europe Standard Time' } }],
    ['end', { start: date('25'), end: date('24') }],
    ['recurrence', { recurrence: 'RRULE:FREQ=DAILY' }],
    ['recurrence', { recurrence: times(51, 'RRULE:FREQ=DAILY') }],
    ['recurrence.0', { recurrence: [long(1_025)] }],
    ['recurrence.0', { recurrence: [''] }],
    ['attendees', { attendees: 'a@x.test' }],
    ['attendees', { attendees: Array.from({ length: 201 }, (_, n) => ({ email: `a${n}@x.test` })) }],
    ['attendees.0.optional', { attendees: [{ email: 'a@x.test', optional: 'yes' }] }],
    ['attendees.0.name', { attendees: [{ email: 'a@x.test', name: '' }] }],
    ['attendees.0.response', { attendees: [{ email: 'a@x.test', response: 'accepted' }] }],
    ['meeting_url', { meeting_url: 'https://meet.test' }],
    ['organizer', { organizer: null }],
    ['version', { version: 1 }],
  ])('%s (case %#)', async (name, fields) => {
    const asked = [
      ['POST', '/events', { calendar_id: at.calendarId, ...bounds, ...fields }],
      ['PATCH', `/events/${eventId}`, fields],
    ] as const;
    expect(await refusals(asked)).toEqual(times(2, [422, 'invalid_input', name]));
  });

  test('a missing calendar, one that is no id, a change of it, and a change of nothing', async () => {
    const asked = [
      ['POST', '/events', bounds],
      ['POST', '/events', { calendar_id: 'work', ...bounds }],
      ['PATCH', `/events/${eventId}`, { calendar_id: at.calendarId }],
      ['PATCH', `/events/${eventId}`, {}],
      ['POST', `/writes/${writeId}/retry`, { now: true }],
      ['POST', `/writes/${writeId}/discard`, { reason: 'x' }],
    ] as const;
    expect(await refusals(asked)).toEqual(
      ['calendar_id', 'calendar_id', 'calendar_id', '', 'now', 'reason'].map((name) => [
        422,
        'invalid_input',
        name,
      ]),
    );
  });

  test('parameters that nobody knows, and values that make no sense', async () => {
    const asked = [
      ['POST', '/events?notify=true', { calendar_id: at.calendarId, ...bounds }, 'notify'],
      ['PATCH', `/events/${eventId}?notify=true`, { summary: 'x' }, 'notify'],
      ['DELETE', `/events/${eventId}?force=true`, undefined, 'force'],
      ['PATCH', `/events/${eventId}?scope=some`, { summary: 'x' }, 'scope'],
      ['DELETE', `/events/${eventId}?scope=some`, undefined, 'scope'],
      ['PATCH', `/events/${eventId}_20261124T080000Z`, { summary: 'x' }, 'scope'],
      ['GET', '/writes?state=lost', undefined, 'state'],
      ['GET', '/writes?event_id=x', undefined, 'event_id'],
      ['GET', '/writes?limit=0', undefined, 'limit'],
      ['GET', '/writes?cursor=x', undefined, 'cursor'],
      ['GET', `/writes/${writeId}?verbose=1`, undefined, 'verbose'],
      ['POST', `/writes/${writeId}/retry?now=1`, {}, 'now'],
      ['POST', `/writes/${writeId}/discard?now=1`, {}, 'now'],
    ] as const;
    const answers = await refusals(asked.map(([method, path, body]) => [method, path, body] as const));
    expect(answers).toEqual(asked.map(([, , , name]) => [422, 'invalid_input', name]));
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['nothing at all', 'null'],
  ])('a body that is %s', async (_, body) => {
    const response = await fetch(`${house.api.url}${prefix}/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${adminKey}`,
        'x-user-id': at.user,
        'content-type': 'application/json',
      },
      body,
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      422,
      'invalid_input',
    ]);
  });
});

test('422 for what is done already: a write that was applied is neither tried again nor taken back', async () => {
  await house.worker(`update calendar_writes set state = 'applied', applied_at = now() where id = $1`, [
    writeId,
  ]);
  expect(await refusals(ofWrites().slice(2))).toEqual(times(2, [422, 'invalid_input', 'id']));
});
