import { request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { adminKey, openHouse, prefix, type House } from './testing/house.ts';
import { seedCalendar, seedSingle } from './testing/rows.ts';

/** 2,000 on every run; the nightly one sets 50,000. */
const runs = Number(process.env['FUZZ_REQUESTS'] ?? 2000);

let house: House;
let ids: string[];

beforeAll(async () => {
  house = await openHouse();
  const at = await seedCalendar(house);
  const event = await seedSingle(house, at, {
    zoned: ['2026-11-23T09:00:00Z', '2026-11-23T10:00:00Z', 'Europe/Berlin'],
  });
  ids = [at.accountId, at.calendarId, event];
});
afterAll(() => house.close());

interface Shot {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

const paths = [
  '/accounts',
  '/accounts/ID',
  '/calendars',
  '/calendars/ID',
  '/calendars/ID/held-deletes',
  '/events',
  '/events/ID',
  '/events/ID_20261123',
  '/events/ID/history',
  '/events/ID/restore',
  '/sync',
  '/sync/schedule',
  '/sync/status',
  '/sync/runs',
  '/changes',
  '/freebusy',
  '/quarantine',
  '/quarantine/ID/retry',
];
const names = [
  'limit', 'cursor', 'start', 'end', 'time_zone', 'calendar_id', 'account_id', 'expand', 'managed', 'q', 'ical_uid',
  'include_deleted', 'after', 'wait_seconds', '__proto__', 'constructor', 'a[b]',
]; // prettier-ignore
const fields = [
  'provider', 'refresh_token', 'scopes', 'active', 'incremental_enabled', 'action', 'calendar_id', 'background', 'mode',
  'auto_sync_enabled', 'sync_frequency_minutes', 'conflict_strategy', 'write_permissions', 'working_hours', 'revision',
  '__proto__', 'toString',
]; // prettier-ignore
const values = [
  '', '0', '1', '-1', '500', '1e9', '9'.repeat(40), 'true', 'false', 'start', 'now', 'null', 'UTC', 'Europe/Berlin',
  'Factory', 'posixrules', '+02:00', '2026-11-23T00:00:00Z', '2026-11-24T00:00:00+14:00', '2026-11-23', '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z', '2026-02-30', 'XXXXXXXX.0.0.1790000000', 'XXXXXXXX.18446744073709551615.1.1790000000',
  'WyJldmVudHMiXQ', 'google', 'microsoft', 'apply', 'discard', 'full', '\u0000', '%', "'; --", '\ud800', '𝒳'.repeat(300),
]; // prettier-ignore

const text = fc.oneof(
  fc.constantFrom(...values),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const id = fc.oneof(
  fc.nat(2).map((n) => `#${n}`),
  fc.uuid(),
  text,
);
const encoded = (raw: string) => encodeURIComponent(raw.toWellFormed());
const path = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom(...paths), id)
      .map(([each, one]) => prefix + each.replace('ID', encoded(one))),
  },
  { weight: 1, arbitrary: fc.webPath().map((each) => prefix + each) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/',
      '/healthz',
      '/%E0%A4%A',
      `${prefix}/events/%E0%A4%A`,
      `${prefix}//events`,
      '/metrics',
    ),
  },
);
const query = fc
  .array(
    fc.tuple(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: text }),
      id,
    ),
    { maxLength: 4 },
  )
  .map((pairs) => pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&'));
const json = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.dictionary(fc.constantFrom(...fields), fc.oneof(id, fc.boolean(), fc.jsonValue()), {
      maxKeys: 4,
    }),
  },
  { weight: 1, arbitrary: fc.jsonValue() },
);
const body = fc.oneof(
  { weight: 8, arbitrary: json.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string() },
  {
    weight: 1,
    arbitrary: fc.constantFrom('{', '[[[['.repeat(2000), '"\\ud800"', '{"a":1}{"b":2}', '\u0000'),
  },
);
const visible = fc
  .string({ unit: 'grapheme-ascii', maxLength: 300 })
  .map((raw) => raw.replaceAll(/[^\x20-\x7e]/g, ''));
const headers = fc.record(
  {
    authorization: fc.oneof(
      { weight: 12, arbitrary: fc.constant(`Bearer ${adminKey}`) },
      { weight: 1, arbitrary: visible },
    ),
    'x-user-id': fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom('ada', 'eve') },
      { weight: 1, arbitrary: visible },
    ),
    'idempotency-key': visible,
    'x-request-id': visible,
    'content-type': fc.constantFrom(
      'application/json',
      'text/plain',
      'application/json; charset=utf-16',
      'x',
    ),
    'content-encoding': fc.constantFrom('identity', 'gzip', 'br', 'zip'),
    accept: fc.constantFrom('*/*', 'text/html'),
  },
  { requiredKeys: ['authorization', 'x-user-id'] },
);
const shot: fc.Arbitrary<Shot> = fc
  .record({
    method: fc.constantFrom(
      'GET',
      'GET',
      'GET',
      'POST',
      'POST',
      'PATCH',
      'PATCH',
      'PUT',
      'DELETE',
      'OPTIONS',
      'HEAD',
    ),
    path,
    query,
    headers,
    body: fc.option(body, { nil: undefined }),
  })
  .map(({ query: search, ...rest }) => ({
    ...rest,
    path: search === '' ? rest.path : `${rest.path}?${search}`,
  }));

/** Not fetch: it would mend or refuse what is to be sent. */
function fire({ method, path: target, headers: sent, body: content }: Shot) {
  const payload = content?.replace(/#([012])/g, (_whole, n: string) => ids[Number(n)] ?? '').toWellFormed();
  return new Promise<{ status: number; type: string; text: string }>((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port: house.api.port,
        method,
        path: target.replace(/(?:%23|#)([012])/g, (_whole, n: string) => ids[Number(n)] ?? ''),
        headers: {
          'content-type': 'application/json',
          ...sent,
          // Node names no length for the bodies of GET, HEAD and DELETE.
          ...(payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

test(`${runs} random requests: never a 5xx, always a problem, nothing of the inside shown`, async () => {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(shot, async (each) => {
      // A long poll is slow on purpose; its waiting has tests of its own.
      const asked = { ...each, path: each.path.replace(/wait_seconds=\d+/, 'wait_seconds=0') };
      const reply = await fire(asked);
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
      expect(reply.status).toBeLessThan(500);
      if (reply.status >= 400) {
        expect(reply.type).toBe('application/problem+json; charset=utf-8');
        if (asked.method !== 'HEAD') expect(JSON.parse(reply.text)).toMatchObject({ status: reply.status });
      }
      expect(reply.text).not.toMatch(/\bat .+\.ts:\d+|select .+ from|node_modules|prisma/i);
    }),
    { numRuns: runs, endOnFailure: true },
  );
  // The shots reach the handlers and are not all turned away at the door.
  expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 404, 422]));
  expect(await house.get('/calendars')).toMatchObject({ status: 200, body: { items: [{ id: ids[1] }] } });
}, 3_600_000);
