/** What a stranger tries at the API's door: slowness, size, false names, other people's browsers; and where administrators go in. */
import { connect } from 'node:net';
import { newId } from '@calfleet/domain';
import { startBeside } from './testing/beside.ts';
import { adminKey, openHouse, prefix, type House } from './testing/house.ts';
import { seedCalendar, seedSingle } from './testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());
// Wrong keys of one test are not the next one's.
beforeEach(() => house.clock.advance(60_000));

const key = `Authorization: Bearer ${adminKey}\r\nX-User-Id: ada\r\n`;

/** Says it, with the last piece again and again if asked. @returns what was heard until the connection was closed */
const say = (port: number, pieces: string[], everyMs: number | null = null): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.on('error', () => undefined);
    for (const piece of pieces) socket.write(piece);
    const timer = everyMs === null ? null : setInterval(() => socket.write(pieces.at(-1) ?? ''), everyMs);
    socket.once('close', () => {
      if (timer) clearInterval(timer);
      resolve(heard);
    });
  });

test.each([
  ['headers', `GET ${prefix}/calendars HTTP/1.1\r\nHost: x\r\n`, 'X-A: b\r\n'],
  [
    'a body',
    `POST ${prefix}/sync HTTP/1.1\r\nHost: x\r\n${key}Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n{`,
    ' ',
  ],
])('slow %s: cut off, and others are answered meanwhile', async (_name, begin, piece) => {
  const patience = { headersMs: 200, requestMs: 400, stalledMs: 60_000, checkEveryMs: 50 };
  const api = await startBeside(house, { patience });
  try {
    const slow = Promise.all(Array.from({ length: 30 }, () => say(api.port, [begin, piece], 20)));
    expect((await fetch(`${api.url}/readyz`)).status).toBe(200);
    for (const heard of await slow) expect(heard).toMatch(/^(HTTP\/1\.1 408 |$)/);
  } finally {
    await api.close({ timeoutMs: 500 });
  }
});

test('10 MB are 413 before they are sent, and nobody unknown sends any', async () => {
  const head = (who: string) =>
    `POST ${prefix}/events HTTP/1.1\r\nHost: x\r\n${who}Content-Type: application/json\r\nConnection: close\r\n`;
  const told = await say(house.api.port, [`${head(key)}Content-Length: 10485760\r\n\r\n`]);
  expect(told).toMatch(/^HTTP\/1\.1 413 /);
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const counted = await say(house.api.port, [
    `${head(key)}Transfer-Encoding: chunked\r\n\r\n`,
    ...Array<string>(6).fill(chunk),
  ]);
  expect(counted).toMatch(/^HTTP\/1\.1 413 /);
  const unknown = await say(house.api.port, [`${head('')}Content-Length: 10485760\r\n\r\n`]);
  expect(unknown).toMatch(/^HTTP\/1\.1 401 /);
});

test('headers beyond 16 KiB are refused', async () => {
  const reply = await house.get('/calendars', { headers: { 'x-filler': 'x'.repeat(20_000) } });
  expect(reply.status).toBe(431);
});

test('X-Forwarded-* is believed by nobody: not by the audit log, not by the count of wrong keys', async () => {
  const claimed = {
    'x-forwarded-for': '203.0.113.7',
    forwarded: 'for=203.0.113.7',
    'x-real-ip': '203.0.113.7',
  };
  await house.send('POST', '/admin/writes/resume', {}, { headers: claimed });
  const rows = await house.worker<{ source: string }>(
    `select source from audit_log where action = 'writes.resumed'`,
  );
  expect(rows.length).toBeGreaterThan(0);
  for (const { source } of rows) expect(source).toMatch(/127\.0\.0\.1$/);
  const guess = (n: number) =>
    house.get('!/admin/queues', {
      key: `guess-${n}`,
      user: null,
      headers: { 'x-forwarded-for': `203.0.113.${n}` },
    });
  for (let n = 0; n < 20; n += 1) expect((await guess(n)).status).toBe(401);
  expect((await guess(21)).status).toBe(429);
});

test('plain http is answered as such: nobody is sent on to https', async () => {
  const claims = { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example' };
  for (const path of ['!/', '/calendars', '!//evil.example/x', '!/admin/queues', '/oauth/google/callback']) {
    const { status, headers } = await house.get(path, { key: null, headers: claims });
    expect([path, headers.get('location'), status >= 300 && status < 400]).toEqual([path, null, false]);
  }
  expect(await say(house.api.port, ['\u0016\u0003\u0001\u0000\u0005\r\n\r\n'])).toMatch(/^HTTP\/1\.1 400 /);
});

test('no answer sets a cookie: there is no session to steal, to fix or to ride', async () => {
  const basic = `Basic ${Buffer.from(`ops:${adminKey}`).toString('base64')}`;
  for (const [path, ask] of [
    ['!/admin/queues', { key: null }],
    ['!/admin/queues', { key: null, headers: { authorization: basic } }],
    ['!/admin/queues/api/queues', {}],
    ['!/admin/queues', { headers: { cookie: 'session=stolen' } }],
    ['/oauth/google/callback?state=x&code=y', { key: null }],
    ['/calendars', {}],
    ['/calendars', { key: null, headers: { cookie: `key=${adminKey}` } }],
    ['!/healthz', { key: null }],
  ] as const) {
    const { headers } = await house.get(path, { user: 'ada', ...ask });
    expect(headers.getSetCookie()).toEqual([]);
  }
});

test('every answer keeps its type, loads nothing, stands in no frame and names no software', async () => {
  for (const path of [
    '!/healthz',
    '!/metrics',
    '!/nothing',
    '/calendars',
    '/export',
    '!/admin/queues',
    '/oauth/google/callback',
  ]) {
    const { headers } = await house.get(path);
    expect([path, headers.get('x-content-type-options')]).toEqual([path, 'nosniff']);
    const policy = headers.get('content-security-policy') ?? '';
    expect([path, policy]).toEqual([path, expect.stringContaining("default-src 'none'")]);
    expect([path, policy]).toEqual([path, expect.stringContaining("frame-ancestors 'none'")]);
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*(unsafe-inline|https?:|\*)/);
    expect([headers.get('x-powered-by'), headers.get('server')]).toEqual([null, null]);
  }
});

test('scripts in an event are text wherever it is shown', async () => {
  const user = `user-${newId()}`;
  const script = '<script>alert(1)</script><img src=x onerror=alert(1)>';
  const at = await seedCalendar(house, { userId: user });
  const id = await seedSingle(house, at, {
    summary: script,
    attendees: [{ email: `"${script}"@example.test`, name: script }],
    icalUid: script,
    zoned: ['2026-11-24T09:00:00Z', '2026-11-24T10:00:00Z', 'Europe/Berlin'],
  });
  await house.worker(
    'update calendar_events set location = $2, description = $2, recurrence = array[$2] where id = $1',
    [id, `RRULE:${script}`],
  );
  const range = 'start=2026-11-23T00:00:00Z&end=2026-11-30T00:00:00Z';
  for (const path of [`/events/${id}`, `/events?${range}`, '/export']) {
    const { headers, text } = await fetch(house.api.url + prefix + path, {
      headers: { authorization: `Bearer ${adminKey}`, 'x-user-id': user },
    }).then(async (response) => ({ headers: response.headers, text: await response.text() }));
    expect(text).toContain('<script>alert(1)');
    expect(headers.get('content-type')).toMatch(/^application\/(json|x-ndjson)/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
  const query = new URLSearchParams({ state: script, error: script, error_description: script });
  const page = await house.get(`/oauth/google/callback?${query.toString()}`, { key: null });
  expect(JSON.stringify(page.body)).not.toContain('<script>');
});

test('a rule that never ends is bounded by the window; one by the minute or second is refused', async () => {
  const user = `user-${newId()}`;
  const { calendarId } = await seedCalendar(house, { userId: user });
  const wish = { auto_sync_enabled: false, sync_frequency_minutes: 60, conflict_strategy: 'manual' };
  await house.send('POST', '/sync/schedule', { ...wish, write_permissions: 'all' }, { user });
  await house.send('PATCH', `/calendars/${calendarId}`, { write_enabled: true }, { user });
  const time = (hour: string) => ({ date_time: `2026-11-24T${hour}:00:00Z`, time_zone: 'UTC' });
  const create = (rule: string) => {
    const event = { calendar_id: calendarId, summary: 'bomb', start: time('09'), end: time('10') };
    return house.send('POST', '/events', { ...event, recurrence: [rule] }, { user });
  };
  const { status, body } = await create('RRULE:FREQ=DAILY');
  expect(status).toBe(202);
  expect(await house.worker('select from calendar_occurrences where owner_id = $1', [body.id])).toHaveLength(
    361,
  );
  for (const rule of ['RRULE:FREQ=SECONDLY', 'RRULE:FREQ=MINUTELY', 'RRULE:FREQ=SECONDLY;COUNT=1000000000']) {
    expect(await create(rule)).toMatchObject({ status: 422, body: { errors: [{ path: 'recurrence' }] } });
  }
  expect(await house.worker('select from calendar_events where user_id = $1', [user])).toHaveLength(1);
});

test('free/busy tells when, and never what', async () => {
  const user = `user-${newId()}`;
  const at = await seedCalendar(house, { userId: user });
  const id = await seedSingle(house, at, {
    summary: 'canary title',
    attendees: [{ email: 'canary@example.test', name: 'canary guest' }],
    zoned: ['2026-11-24T09:00:00Z', '2026-11-24T10:00:00Z', 'Europe/Berlin'],
  });
  await house.worker(
    `update calendar_events set visibility = 'private', location = 'canary place', description = 'canary' where id = $1`,
    [id],
  );
  const range = 'start=2026-11-23T00:00:00Z&end=2026-11-30T00:00:00Z';
  const { body } = await house.get(`/freebusy?${range}`, { user });
  expect(body.calendars[0]?.busy).toHaveLength(1);
  expect(JSON.stringify(body)).not.toMatch(/canary|private/);
  expect(JSON.stringify(body)).not.toContain(id);
  expect(house.logs.join('')).not.toContain('canary');
});

describe('a port of their own for administrators', () => {
  const admin = { authorization: `Bearer ${adminKey}` };
  const post = { method: 'POST', headers: { ...admin, 'content-type': 'application/json' }, body: '{}' };

  test('the public port answers 404 on the admin endpoints and the queue board, key or no key', async () => {
    const api = await startBeside(house, { adminPort: 0 });
    try {
      expect(api.adminUrl).not.toBe(api.url);
      for (const path of ['', '/', '/api/queues', '/static/favicon.ico']) {
        for (const headers of [admin, {}]) {
          expect((await fetch(`${api.url}/admin/queues${path}`, { headers })).status).toBe(404);
        }
      }
      const stop = `${prefix}/admin/writes/stop`;
      expect((await fetch(api.url + stop, post)).status).toBe(404);
      expect((await fetch(api.url + stop, { method: 'POST' })).status).toBe(401);
      expect(
        (await fetch(`${api.url}${prefix}/calendars`, { headers: { ...admin, 'x-user-id': 'ada' } })).status,
      ).toBe(200);
      // And the other way round.
      expect((await fetch(`${api.adminUrl}/admin/queues/api/queues`, { headers: admin })).status).toBe(200);
      expect((await fetch(`${api.adminUrl}/admin/queues`)).status).toBe(401);
      expect((await fetch(api.adminUrl + `${prefix}/admin/writes/resume`, post)).status).toBe(200);
      const { status } = await fetch(`${api.adminUrl}${prefix}/calendars`, {
        headers: { ...admin, 'x-user-id': 'ada' },
      });
      expect(status).toBe(404);
      for (const url of [api.url, api.adminUrl]) expect((await fetch(`${url}/readyz`)).status).toBe(200);
    } finally {
      await api.close({ timeoutMs: 500 });
    }
    await expect(fetch(`${api.adminUrl}/healthz`)).rejects.toThrow();
  });

  test('without one both are on the one port; one that is taken stops the process, and leaves nothing open', async () => {
    expect(house.api.adminUrl).toBe(house.api.url);
    expect((await house.get('!/admin/queues')).status).toBe(200);
    await expect(startBeside(house, { adminPort: house.api.port })).rejects.toThrow(/EADDRINUSE/);
  });
});
