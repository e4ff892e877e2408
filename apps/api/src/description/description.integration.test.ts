import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { CalfleetProblem, createCalfleet, orThrow } from '@calfleet/client';
import { ZoneTable } from '@calfleet/domain';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createApplication } from '../application.ts';
import { createIdentify } from '../auth/caller.ts';
import { createRefusals } from '../auth/refusals.ts';
import { createPlaceableZones } from '../placeable-zones.ts';
import { documentOfRoutes } from '../testing/answer-check.ts';
import { operationsOf } from '../testing/asked-operations.ts';
import { adminKey, openHouse, type House } from '../testing/house.ts';
import { seedCalendar, seedSingle } from '../testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
  const at = await seedCalendar(house);
  const zoned: [string, string, string] = ['2026-11-23T09:00:00Z', '2026-11-23T10:00:00Z', 'Europe/Berlin'];
  await seedSingle(house, at, { zoned, summary: 'Planning' });
});
afterAll(() => house.close());

const bare = { key: null, user: null };

test('the document is served to everybody, as it is committed', async () => {
  const served = await house.get('!/openapi.json', bare);
  expect(served).toMatchObject({ status: 200, body: { openapi: '3.1.0' } });
  expect(served.body).toEqual(JSON.parse(await readFile('docs/openapi.json', 'utf8')));
});

test('the page has every operation, and neither scripts nor anything from elsewhere', async () => {
  const page = await house.get('!/docs', bare);
  const html = String(page.body['text']);
  const { body: document } = await house.get('!/openapi.json', bare);
  const operations = Object.values(document['paths'] as Record<string, Record<string, unknown>>).flatMap(
    (item) => Object.values(item) as { operationId?: string }[],
  );
  const missing = operations.filter(({ operationId: id }) => id && !html.includes(`<details id="${id}">`));
  expect(missing).toEqual([]);
  expect(html).not.toMatch(/<script|javascript:|\bon\w+=|(?:src|href)="(?!#|openapi\.json")/i);
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
});

test('links of the page lead to places that it has', async () => {
  const html = String((await house.get('!/docs', bare)).body['text']);
  const places = new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
  const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((id) => !places.has(id))).toEqual([]);
});

test('Express answers what the document describes, and nothing else', () => {
  const { db, producer, queueBoard, vault, clock } = house;
  const zones = new ZoneTable();
  const logger = createLogger({ service: 'api', level: 'error' });
  const refusals = createRefusals({ db, clock, logger });
  const jwt = { secret: null, keySetUrl: null, issuer: null, audience: null };
  const application = createApplication({
    ...{ db, producer, queueBoard, vault, clock, zones, logger, refusals },
    config: { adminKey, providers: { google: null, microsoft: null } },
    metrics: createMetrics(),
    placeableZones: createPlaceableZones(db, zones),
    identify: createIdentify({ config: { adminKey, jwt }, db, clock, logger, refusals }),
    stopping: new AbortController().signal,
  });
  const layers = application.router.stack as unknown as Layer[];
  const answered = layers.flatMap(({ route }) =>
    route ? Object.keys(route.methods).map((method) => `${method} ${route.path}`) : [],
  );
  const described = operationsOf(documentOfRoutes()).map(({ method, path, scope }) => ({
    isMount: scope === 'page',
    place: `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
  }));
  const own = described.filter(({ isMount }) => !isMount).map(({ place }) => place);
  expect(answered.sort()).toEqual(own.sort());
  // A router that is mounted could answer anything: there is the queue board's, and no other.
  const routers = layers.filter(({ handle }) => 'stack' in handle);
  expect(routers).toHaveLength(described.length - own.length);
});

interface Layer {
  route?: { path: string; methods: Record<string, true> };
  handle: object;
}

test('the client’s example of the README runs, as it stands there', async () => {
  const example = 'packages/client/example.ts';
  const [, shown] =
    /### Call it from TypeScript[\s\S]*?```ts\n([\s\S]*?)```/.exec(await readFile('README.md', 'utf8')) ?? [];
  expect(shown).toBe(await readFile(example, 'utf8'));
  const args = ['--import', 'tsx', example, house.api.url, adminKey];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
  expect(stdout).toBe('Work: active, push\n  Planning\n0 changes since\n');
});

test('a refusal is an error with its code', async () => {
  const client = createCalfleet({ url: `${house.api.url}/`, key: adminKey, userId: 'ada' });
  const refused = orThrow(client.GET('/events', { params: { query: { time_zone: 'Middle/Earth' } } }));
  await expect(refused).rejects.toThrow(CalfleetProblem);
  await expect(refused).rejects.toMatchObject({
    status: 422,
    code: 'invalid_input',
    errors: [{ path: 'time_zone' }],
  });
});
