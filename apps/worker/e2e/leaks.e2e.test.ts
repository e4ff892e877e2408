/**
 * Through all doors with every process at its most talkative: then no secret is in any log line, metric, trace, job, key of
 * Redis, error body or row, and what events say is in the tables that are meant for it, and nowhere else.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { systemClock, type AccountId } from '@calfleet/domain';
import { googlePath } from '@calfleet/ingress';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  startTraceReceiver,
  type TestDatabase,
  type TestRedis,
  type TraceReceiver,
} from '@calfleet/testkit';
import { createVault, type Vault } from '@calfleet/vault';
import { sandboxClient } from '@calfleet/sandbox';
import { freePort } from '../../../packages/embedded/src/free-port.ts';
import { listening } from './balancer.ts';
import { bundleProgram, type Program, type RunningProgram } from './bundle.ts';
import { dumpPostgres, dumpRedis, placesOf, tapRedis, type RedisTap } from './everything-kept.ts';
import { openHouse, type House } from './house.ts';
import { notificationHeaders } from './notifications.ts';

type Provider = 'google' | 'microsoft';
const providers: readonly Provider[] = ['google', 'microsoft'];
type Role = 'ingress' | 'api' | 'worker';
const roles: readonly Role[] = ['ingress', 'api', 'worker'];

/** In whatever a user or an owner writes. */
const word = `canary${randomBytes(4).toString('hex')}`;
/** Where the users' own words belong. */
const meantForWords = [
  'calendar_accounts',
  'calendar_event_revisions',
  'calendar_events',
  'calendar_idempotency_keys',
  'calendar_sync_conflicts',
  'calendar_writes',
  'calendars',
];
const adminKey = `admin-${randomBytes(24).toString('base64url')}`;
const jwtSecret = randomBytes(32).toString('base64url');

let database: TestDatabase;
let redis: TestRedis;
let traces: TraceReceiver;
let tap: RedisTap;
let house: House;
let vault: Vault;
let apiUrl: string;
let programs: Program[] = [];
const running: Partial<Record<Role, RunningProgram>> = {};
const urls: Partial<Record<Role, string>> = {};
const secrets = new Map<string, string>();
/** Bodies of answers that are no success, and everything that the ingress answered. */
const refusals: string[] = [];

beforeAll(async () => {
  [database, redis, traces] = await Promise.all([
    createTestDatabase(),
    createTestRedis(),
    startTraceReceiver(),
  ]);
  tap = await tapRedis(redis.url);
  house = await openHouse(
    { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix },
    { drainSeconds: 1 },
  );
  programs = await Promise.all(roles.map((role) => bundleProgram(`apps/${role}/src/main.ts`)));
  const apiPort = await freePort();
  apiUrl = `http://127.0.0.1:${apiPort}`;
  await start('ingress', {});
  const environment = {
    API_BASE_URL: urls.ingress ?? '',
    API_PORT: String(apiPort),
    API_PUBLIC_URL: apiUrl,
    CALFLEET_ADMIN_KEY: adminKey,
    AUTH_JWT_SECRET: jwtSecret,
    GOOGLE_AUTH_URL: `${house.sandbox.googleRootUrl}oauth2/auth`,
    OAUTH_REDIRECT_URIS: `${house.sandbox.url}/healthz`,
  };
  await Promise.all([start('api', environment), start('worker', environment)]);
  const ring = house.environment()['TOKEN_ENCRYPTION_KEYS']?.split(':')[1] ?? '';
  vault = createVault([{ id: 'e2e', key: Buffer.from(ring, 'base64') }]);
  secrets.set('token encryption key', ring);
  secrets.set('signing key', house.environment()['CHANNEL_SIGNING_KEYS']?.split(':')[1] ?? '');
  secrets.set('client secret', sandboxClient.secret);
  secrets.set('admin key', adminKey);
  secrets.set('secret of tokens of users', jwtSecret);
  secrets.set('password of the database', new URL(database.url).password);
});

afterAll(async () => {
  for (const each of Object.values(running)) each.process.kill('SIGKILL');
  await Promise.all(programs.map((program) => program.remove()));
  tap.close();
  await house.close();
  await traces.close();
  await redis.clear();
  await database.drop();
});

async function start(role: Role, changes: Record<string, string>): Promise<void> {
  const program = programs[roles.indexOf(role)];
  if (!program) throw new Error(`${role} was not built.`);
  const each = program.start(
    house.environment({
      LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: traces.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      ...changes,
    }),
  );
  running[role] = each;
  urls[role] = (await listening(each)).url;
}

interface Reply {
  status: number;
  body: Record<string, unknown> & { items: Record<string, unknown>[] };
}

interface Ask {
  body?: unknown;
  bearer?: string;
  key?: string;
}

async function ask(
  userId: string,
  line: `${string} /${string}`,
  { body, bearer = adminKey, key }: Ask = {},
): Promise<Reply> {
  const [method, path] = line.split(' ');
  const response = await fetch(`${apiUrl}/integrations/calendar${path ?? ''}`, {
    method: method ?? 'GET',
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(!bearer.startsWith('ey') && { 'x-user-id': userId }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) refusals.push(text);
  return { status: response.status, body: JSON.parse(text) as Reply['body'] };
}

/** Whatever is stored sealed just now is looked for at the end, opened. */
async function noteTokens(): Promise<void> {
  const rows = await house.db.transaction(
    { role: 'worker' },
    (tx) =>
      tx.$queryRaw<
        { id: AccountId; data_key: Uint8Array; refresh_token: Uint8Array; access_token: Uint8Array | null }[]
      >`select id, data_key, refresh_token, access_token from calendar_accounts where length(refresh_token) > 0`,
  );
  for (const { id, data_key, ...fields } of rows) {
    for (const [field, sealed] of Object.entries(fields)) {
      if (!sealed) continue;
      const of = { accountId: id, dataKey: Buffer.from(data_key), field };
      const token = vault.open({ ...of, sealed: Buffer.from(sealed) });
      // A part of it would be as bad; a JWT's first parts are no secret by themselves.
      secrets.set(`${field} of ${id} ${secrets.size}`, token.split('.').at(-1)?.slice(0, 40) ?? token);
    }
  }
}

/** What channels prove themselves with; the ids before it are no secret. */
function noteChannels(): void {
  const { push, microsoft } = house.sandbox;
  const proofs = [
    ...push.channels.all().map(({ token }) => token),
    ...microsoft.subscriptions.allLiving().map(({ clientState }) => clientState),
  ];
  for (const proof of proofs) {
    if (proof != null) secrets.set(`channel token ${secrets.size}`, proof.split('.').at(-1) ?? proof);
  }
}

const inDays = (days: number): string =>
  new Date(systemClock.now().getTime() + days * 86_400_000).toISOString().slice(0, 10);
const [start0, end0] = [`${inDays(1)}T09:00:00`, `${inDays(1)}T10:00:00`];

interface Person {
  provider: Provider;
  userId: string;
  email: string;
  accountId: string;
  calendarId: string;
  eventId: string;
  rename(to: string): void;
  revoke(): void;
  expireTokens(): void;
}

/** A mailbox whose every text bears the word. */
function plant(provider: Provider): Omit<Person, 'accountId' | 'calendarId' | 'eventId'> {
  const userId = `user-${provider}`;
  const email = `${word}-${provider}@example.test`;
  const guest = `${word}-guest@example.test`;
  if (provider === 'google') {
    const account = house.sandbox.google.createAccount({ email, name: `${word} Ada`, scopes: [] });
    const owner = account.createCalendar({ primary: true, summary: `${word} calendar` });
    const created = owner.insert({
      summary: `${word} title`,
      description: `${word} description`,
      location: `${word} street`,
      attendees: [{ email: guest, displayName: `${word} guest` }],
      start: { dateTime: `${start0}Z` },
      end: { dateTime: `${end0}Z` },
    });
    const rename = (summary: string) => void owner.patch(created.id, { summary });
    const expireTokens = () => account.expireAccessTokens();
    return { provider, userId, email, rename, expireTokens, revoke: () => account.revoke() };
  }
  const mailbox = house.sandbox.microsoft.createMailbox({ email, name: `${word} Lin`, scopes: [] });
  const calendar = mailbox.createCalendar({ name: `${word} calendar`, isDefault: true });
  const created = calendar.create({
    subject: `${word} title`,
    body: { contentType: 'text', content: `${word} description` },
    location: { displayName: `${word} street` },
    attendees: [{ emailAddress: { address: guest, name: `${word} guest` } }],
    start: { dateTime: start0, timeZone: 'UTC' },
    end: { dateTime: end0, timeZone: 'UTC' },
  });
  const rename = (subject: string) => void calendar.patch(created.id, { subject });
  const expireTokens = () => mailbox.expireAccessTokens();
  return { provider, userId, email, rename, expireTokens, revoke: () => mailbox.revoke() };
}

/** Over the provider's page and back; once more with the same code, and once with a state that nobody gave out. */
async function consent({ provider, userId, email }: Pick<Person, 'provider' | 'userId' | 'email'>) {
  const wish = { access: 'read_write', redirect_uri: `${house.sandbox.url}/healthz`, login_hint: email };
  const { status, body } = await ask(userId, `POST /accounts/${provider}/authorize`, {
    body: wish,
    key: `connect ${randomBytes(4).toString('hex')}`,
  });
  expect(status).toBe(200);
  const authorizationUrl = String(body['authorization_url']);
  const back = new URL(house.sandbox.consent({ authorizationUrl, account: email }));
  secrets.set(`state ${secrets.size}`, back.searchParams.get('state') ?? '');
  secrets.set(`code ${secrets.size}`, back.searchParams.get('code') ?? '');
  const arrived = await fetch(back, { redirect: 'manual' });
  expect(arrived.status).toBe(302);
  refusals.push(await (await fetch(back, { redirect: 'manual' })).text());
  back.searchParams.set('state', `${back.searchParams.get('state') ?? ''}x`);
  refusals.push(await (await fetch(back, { redirect: 'manual' })).text());
  return new URL(arrived.headers.get('location') ?? '').searchParams.get('account_id') ?? '';
}

/** Mirrored, watched, and nothing to do. */
const settled = (userId: string): Promise<void> =>
  eventually(async () => {
    const { items } = (await ask(userId, 'GET /sync/status')).body;
    expect(items).toMatchObject([{ state: 'active', coverage: 'push' }]);
    expect(items[0]?.['dirty_seq']).toBe(items[0]?.['synced_seq']);
  });

async function connect(provider: Provider): Promise<Person> {
  const planted = plant(provider);
  const { userId } = planted;
  const accountId = await consent(planted);
  await settled(userId);
  const [calendar] = (await ask(userId, 'GET /calendars')).body.items;
  const [event] = (await ask(userId, 'GET /events?expand=false')).body.items;
  expect(event).toMatchObject({ summary: `${word} title` });
  const preferences = {
    auto_sync_enabled: false,
    sync_frequency_minutes: 60,
    conflict_strategy: 'manual',
    write_permissions: 'all',
  };
  await ask(userId, 'POST /sync/schedule', { body: preferences });
  const calendarId = String(calendar?.['id']);
  await ask(userId, `PATCH /calendars/${calendarId}`, { body: { write_enabled: true } });
  return { ...planted, accountId, calendarId, eventId: String(event?.['id']) };
}

const newEvent = ({ calendarId }: Person, summary: string) => ({
  calendar_id: calendarId,
  summary: `${word} ${summary}`,
  description: `${word} written`,
  location: `${word} street`,
  start: { date_time: `${inDays(2)}T09:00:00Z` },
  end: { date_time: `${inDays(2)}T10:00:00Z` },
});

const hush = (isHushed: boolean): void => {
  house.sandbox.setQuirks({ pushHold: isHushed });
  house.sandbox.microsoft.setQuirks({ notificationHold: isHushed });
};

const newest = async ({ userId }: Person, what: string): Promise<Record<string, unknown> | undefined> =>
  (await ask(userId, `GET /${what}`)).body.items[0];

/** One that goes through, one that the provider refuses, one that its owner has overtaken. */
async function write(person: Person): Promise<void> {
  const { provider, userId, eventId } = person;
  await ask(userId, 'POST /events', { body: newEvent(person, 'written'), key: 'a write' });
  await eventually(async () => expect(await newest(person, 'writes')).toMatchObject({ state: 'applied' }));
  await settled(userId);
  const operation = provider === 'google' ? 'events.insert' : 'graph.event.create';
  const effect = { kind: 'status' as const, status: 400, message: `${word} refused` };
  house.sandbox.faults.add({ operation, count: 1, effect });
  await ask(userId, 'POST /events', { body: newEvent(person, 'refused') });
  await eventually(async () => expect(await newest(person, 'writes?state=parked')).toBeDefined());
  hush(true);
  person.rename(`${word} there`);
  await ask(userId, `PATCH /events/${eventId}`, { body: { summary: `${word} here` } });
  await eventually(async () => expect(await newest(person, 'conflicts?status=open')).toBeDefined());
  hush(false);
}

async function fail(person: Person): Promise<void> {
  const { provider, userId } = person;
  const [list, token] =
    provider === 'google'
      ? (['events.list', 'oauth.token'] as const)
      : (['graph.delta', 'login.token'] as const);
  for (const effect of [
    { kind: 'status' as const, status: 500, message: `${word} inside` },
    { kind: 'torn_body' as const },
  ]) {
    house.sandbox.faults.add({ operation: list, count: 1, effect });
    await ask(userId, 'POST /sync', { body: {} });
    await eventually(() => house.sandbox.faults.list().every(({ left }) => left === 0));
    await settled(userId);
  }
  person.expireTokens();
  house.sandbox.faults.add({
    operation: token,
    count: 1,
    effect: { kind: 'status', status: 503, message: `${word} token endpoint` },
  });
  await ask(userId, 'POST /sync', { body: {} });
  await eventually(() => house.sandbox.faults.list().every(({ left }) => left === 0));
  await settled(userId);
}

/** Callers of every kind, and strangers at every door. */
async function knock(person: Person): Promise<void> {
  const { userId } = person;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: userId, exp: Math.floor(systemClock.now().getTime() / 1_000) + 600 };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  const jwt = `${signed}.${createHmac('sha256', jwtSecret).update(signed).digest('base64url')}`;
  secrets.set(`token of a user ${secrets.size}`, jwt.split('.')[2] ?? jwt);
  expect((await ask(userId, 'GET /calendars', { bearer: jwt })).status).toBe(200);
  const forged = `cf_0123456789abcdef_${randomBytes(32).toString('base64url')}`;
  secrets.set(`forged key ${secrets.size}`, forged.slice(20));
  for (const bearer of [forged, `${jwt}x`, `wrong-${adminKey}`]) {
    expect((await ask(userId, 'GET /calendars', { bearer })).status).toBe(401);
  }
  // A field or parameter that is not known is named; what stands in it is not repeated.
  await ask(userId, `POST /accounts`, { body: { provider: 'google', refresh_token: 7, unknown: word } });
  await ask(userId, `GET /events?q=${word}&unknown=${word}`);
  await ask(userId, 'POST /events', { body: { ...newEvent(person, 'odd'), start: word } });
  const door = `${urls.ingress ?? ''}/integrations/calendar/webhooks`;
  const knockAt = async (path: string, init: RequestInit): Promise<void> => {
    refusals.push(await (await fetch(`${door}/${path}`, { method: 'POST', ...init })).text());
  };
  await knockAt('google', { headers: { 'x-goog-channel-token': word } });
  await knockAt('microsoft', { body: `{"value":[{"clientState":"${word}"}]}` });
  if (person.provider !== 'google') return;
  const [calendar] = house.sandbox.push.channels.all();
  const good = notificationHeaders(house.sandbox, calendar?.calendarId ?? '');
  expect((await fetch(`${urls.ingress ?? ''}${googlePath}`, { method: 'POST', headers: good })).status).toBe(
    200,
  );
  const token = good['x-goog-channel-token'] ?? '';
  const bad = { ...good, 'x-goog-channel-token': `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}` };
  expect((await fetch(`${urls.ingress ?? ''}${googlePath}`, { method: 'POST', headers: bad })).status).toBe(
    401,
  );
}

async function reauthorise(person: Person): Promise<void> {
  const { userId, accountId } = person;
  person.revoke();
  person.expireTokens();
  await ask(userId, 'POST /sync', { body: {} });
  await eventually(async () =>
    expect((await ask(userId, `GET /accounts/${accountId}`)).body['status']).toBe('reauth_needed'),
  );
  expect((await ask(userId, 'POST /sync', { body: { background: false } })).status).toBe(409);
  expect(await consent(person)).toBe(accountId);
  await settled(userId);
}

async function run(provider: Provider): Promise<Person> {
  const person = await connect(provider);
  await noteTokens();
  noteChannels();
  await write(person);
  await fail(person);
  await knock(person);
  await noteTokens();
  await reauthorise(person);
  await noteTokens();
  noteChannels();
  return person;
}

test('no secret is anywhere, and what events say is only where it belongs', async () => {
  // One after the other: what fails at a provider, fails for whoever comes next.
  const people: Person[] = [];
  for (const provider of providers) people.push(await run(provider));
  const metrics = await Promise.all(
    roles.map(async (role) => (await fetch(`${urls[role] ?? ''}/metrics`)).text()),
  );
  const kept = new Map([...(await dumpPostgres(database.adminUrl)), ['redis', await dumpRedis(redis.url)]]);
  for (const { userId, accountId } of people) {
    expect((await ask(userId, `DELETE /accounts/${accountId}`)).status).toBe(202);
    await eventually(async () => expect((await ask(userId, `GET /accounts/${accountId}`)).status).toBe(404));
  }
  const after = new Map([
    ...[...(await dumpPostgres(database.adminUrl))].map(
      ([name, rows]) => [`${name} afterwards`, rows] as const,
    ),
    ['redis afterwards', await dumpRedis(redis.url)] as const,
  ]);
  for (const each of Object.values(running)) each.process.kill('SIGTERM');
  await Promise.all(Object.values(running).map(({ ended }) => ended));
  const said = new Map<string, string>([
    ...roles.map((role) => [`log of ${role}`, running[role]?.output() ?? ''] as const),
    ...roles.map((role, n) => [`metrics of ${role}`, metrics[n] ?? ''] as const),
    ['traces', traces.bodies.join('\n')],
    ['what Redis was sent', tap.heard()],
    ['refusals', refusals.join('\n')],
  ]);

  // What is searched is there, and whoever searches finds it.
  const [person] = people;
  if (!person) throw new Error('There is nobody.');
  expect(placesOf(person.calendarId, said)).toEqual(
    expect.arrayContaining(['log of worker', 'what Redis was sent']),
  );
  expect(placesOf('"level":"debug"', said)).toEqual(expect.arrayContaining(['log of worker']));
  expect(placesOf('# TYPE', said)).toEqual(roles.map((role) => `metrics of ${role}`));
  for (const service of roles) expect(said.get('traces')).toContain(`calfleet-${service}`);
  expect(placesOf(person.calendarId, kept)).toContain('redis');
  expect(placesOf('"code":"not_authenticated"', said)).toEqual(['refusals']);
  expect(secrets.size).toBeGreaterThan(25);

  const everywhere = new Map([...kept, ...after, ...said]);
  const leaks = [...secrets].flatMap(([name, secret]) => {
    expect([name, secret.length > 8]).toEqual([name, true]);
    return placesOf(secret, everywhere).map((place) => `${name}: ${place}`);
  });
  expect(leaks).toEqual([]);
  expect(placesOf(word, kept)).toEqual(meantForWords);
  expect(placesOf(word, after)).toEqual([]);
  expect(placesOf(word, said)).toEqual([]);
  // Addresses and ids of users are no labels.
  for (const [n, text] of metrics.entries()) {
    expect([
      roles[n],
      /[\w.-]+@[\w-]+\.\w+|user-(?:google|microsoft)|[0-9a-f]{8}-[0-9a-f]{4}-7/.exec(text),
    ]).toEqual([roles[n], null]);
  }
});
