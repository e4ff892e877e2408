/**
 * Through all doors with every process at its most talkative: then no secret is in any log line, metric, trace, job, key of
 * Redis, error body or row, and what events say is in the tables that are meant for it, and nowhere else.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { systemClock } from '@calfleet/domain';
import { googlePath } from '@calfleet/ingress';
import { eventually } from '@calfleet/testkit';
import { dumpPostgres, dumpRedis, placesOf } from './everything-kept.ts';
import { notificationHeaders } from './notifications.ts';
import { roles, TalkativeHouse, type Reply } from './talkative-house.ts';

type Provider = 'google' | 'microsoft';
const providers: readonly Provider[] = ['google', 'microsoft'];

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

let all: TalkativeHouse;
beforeAll(async () => {
  all = await TalkativeHouse.open();
});
afterAll(() => all.close());

const ask = (...asked: Parameters<TalkativeHouse['ask']>): Promise<Reply> => all.ask(...asked);

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
    const account = all.house.sandbox.google.createAccount({ email, name: `${word} Ada`, scopes: [] });
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
  const mailbox = all.house.sandbox.microsoft.createMailbox({ email, name: `${word} Lin`, scopes: [] });
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
  const wish = { access: 'read_write', redirect_uri: `${all.house.sandbox.url}/healthz`, login_hint: email };
  const { status, body } = await ask(userId, `POST /accounts/${provider}/authorize`, {
    body: wish,
    key: `connect ${randomBytes(4).toString('hex')}`,
  });
  expect(status).toBe(200);
  const authorizationUrl = String(body['authorization_url']);
  const back = new URL(all.house.sandbox.consent({ authorizationUrl, account: email }));
  all.note('state', back.searchParams.get('state'));
  all.note('code', back.searchParams.get('code'));
  const arrived = await fetch(back, { redirect: 'manual' });
  expect(arrived.status).toBe(302);
  all.refusals.push(await (await fetch(back, { redirect: 'manual' })).text());
  back.searchParams.set('state', `${back.searchParams.get('state') ?? ''}x`);
  all.refusals.push(await (await fetch(back, { redirect: 'manual' })).text());
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
  all.house.sandbox.setQuirks({ pushHold: isHushed });
  all.house.sandbox.microsoft.setQuirks({ notificationHold: isHushed });
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
  all.house.sandbox.faults.add({ operation, count: 1, effect });
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
    all.house.sandbox.faults.add({ operation: list, count: 1, effect });
    await ask(userId, 'POST /sync', { body: {} });
    await eventually(() => all.house.sandbox.faults.list().every(({ left }) => left === 0));
    await settled(userId);
  }
  person.expireTokens();
  all.house.sandbox.faults.add({
    operation: token,
    count: 1,
    effect: { kind: 'status', status: 503, message: `${word} token endpoint` },
  });
  await ask(userId, 'POST /sync', { body: {} });
  await eventually(() => all.house.sandbox.faults.list().every(({ left }) => left === 0));
  await settled(userId);
}

/** Callers of every kind, and strangers at every door. */
async function knock(person: Person): Promise<void> {
  const { userId } = person;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: userId, exp: Math.floor(systemClock.now().getTime() / 1_000) + 600 };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  const jwt = `${signed}.${createHmac('sha256', all.jwtSecret).update(signed).digest('base64url')}`;
  all.note('token of a user', jwt.split('.')[2]);
  expect((await ask(userId, 'GET /calendars', { bearer: jwt })).status).toBe(200);
  const forged = `cf_0123456789abcdef_${randomBytes(32).toString('base64url')}`;
  all.note('forged key', forged.slice(20));
  for (const bearer of [forged, `${jwt}x`, `wrong-${all.adminKey}`]) {
    expect((await ask(userId, 'GET /calendars', { bearer })).status).toBe(401);
  }
  // A field or parameter that is not known is named; what stands in it is not repeated.
  await ask(userId, `POST /accounts`, { body: { provider: 'google', refresh_token: 7, unknown: word } });
  await ask(userId, `GET /events?q=${word}&unknown=${word}`);
  await ask(userId, 'POST /events', { body: { ...newEvent(person, 'odd'), start: word } });
  const door = `${all.urlOf('ingress')}/integrations/calendar/webhooks`;
  const knockAt = async (path: string, init: RequestInit): Promise<void> => {
    all.refusals.push(await (await fetch(`${door}/${path}`, { method: 'POST', ...init })).text());
  };
  await knockAt('google', { headers: { 'x-goog-channel-token': word } });
  await knockAt('microsoft', { body: `{"value":[{"clientState":"${word}"}]}` });
  if (person.provider !== 'google') return;
  const [calendar] = all.house.sandbox.push.channels.all();
  const good = notificationHeaders(all.house.sandbox, calendar?.calendarId ?? '');
  expect(
    (await fetch(`${all.urlOf('ingress')}${googlePath}`, { method: 'POST', headers: good })).status,
  ).toBe(200);
  const token = good['x-goog-channel-token'] ?? '';
  const bad = { ...good, 'x-goog-channel-token': `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}` };
  expect((await fetch(`${all.urlOf('ingress')}${googlePath}`, { method: 'POST', headers: bad })).status).toBe(
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
  await all.noteTokens();
  all.noteChannels();
  await write(person);
  await fail(person);
  await knock(person);
  await all.noteTokens();
  await reauthorise(person);
  await all.noteTokens();
  all.noteChannels();
  return person;
}

interface Everything {
  people: Person[];
  /** While the accounts live. */
  kept: Map<string, string>;
  /** After they were purged. */
  after: Map<string, string>;
  said: Map<string, string>;
}

const keptNow = async (when: string): Promise<Map<string, string>> =>
  new Map(
    [...(await dumpPostgres(all.database.adminUrl)), ['redis', await dumpRedis(all.redis.url)] as const].map(
      ([place, text]) => [`${place}${when}`, text],
    ),
  );

async function liveAndLeave(): Promise<Everything> {
  // One after the other: what fails at a provider, fails for whoever comes next.
  const people: Person[] = [];
  for (const provider of providers) people.push(await run(provider));
  const metrics = await Promise.all(roles.map(all.metricsOf));
  const kept = await keptNow('');
  for (const { userId, accountId } of people) {
    expect((await ask(userId, `DELETE /accounts/${accountId}`)).status).toBe(202);
    await eventually(async () => expect((await ask(userId, `GET /accounts/${accountId}`)).status).toBe(404));
  }
  const after = await keptNow(' afterwards');
  await all.stop();
  const said = new Map<string, string>([
    ...roles.map((role) => [`log of ${role}`, all.outputOf(role)] as const),
    ...roles.map((role, n) => [`metrics of ${role}`, metrics[n] ?? ''] as const),
    ['traces', all.traces.bodies.join('\n')],
    ['what Redis was sent', all.tap.heard()],
    ['refusals', all.refusals.join('\n')],
  ]);
  return { people, kept, after, said };
}

/** What is searched is there, and whoever searches finds it. */
function expectFindable({ people: [person], kept, said }: Everything): void {
  if (!person) throw new Error('There is nobody.');
  expect(placesOf(person.calendarId, said)).toEqual(
    expect.arrayContaining(['log of worker', 'what Redis was sent']),
  );
  expect(placesOf('"level":"debug"', said)).toContain('log of worker');
  expect(placesOf('# TYPE', said)).toEqual(roles.map((role) => `metrics of ${role}`));
  for (const service of roles) expect(said.get('traces')).toContain(`calfleet-${service}`);
  expect(placesOf(person.calendarId, kept)).toContain('redis');
  expect(placesOf('"code":"not_authenticated"', said)).toEqual(['refusals']);
  expect(all.secrets.size).toBeGreaterThan(25);
}

test('no secret is anywhere, and what events say is only where it belongs', async () => {
  const everything = await liveAndLeave();
  expectFindable(everything);
  const { kept, after, said } = everything;
  const everywhere = new Map([...kept, ...after, ...said]);
  const leaks = [...all.secrets].flatMap(([name, secret]) => {
    expect([name, secret.length > 8]).toEqual([name, true]);
    return placesOf(secret, everywhere).map((place) => `${name}: ${place}`);
  });
  expect(leaks).toEqual([]);
  expect(placesOf(word, kept)).toEqual(meantForWords);
  expect(placesOf(word, after)).toEqual([]);
  expect(placesOf(word, said)).toEqual([]);
  // Addresses and ids of users, accounts and calendars are no labels.
  const personal = /[\w.-]+@[\w-]+\.\w+|user-(?:google|microsoft)|[0-9a-f]{8}-[0-9a-f]{4}-7/;
  for (const role of roles) {
    expect([role, personal.exec(said.get(`metrics of ${role}`) ?? '')]).toEqual([role, null]);
  }
});
