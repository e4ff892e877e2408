/**
 * The second wall, statement by statement: every statement of the API runs once more without its conditions while Ada asks
 * for everything there is to ask for, and neither shows nor touches a row of Eve's.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { api } from '@calfleet/db';
import { newId, type AccountId, type CalendarId } from '@calfleet/domain';
import type { Api } from './index.ts';
import { startBeside } from './testing/beside.ts';
import { forgetful, withoutConditions, type Forgotten } from './testing/forgetful.ts';
import { adminKey, openHouse, prefix, type Body, type House } from './testing/house.ts';
import { seedChange, seedEvent, seedSingle, seedCalendar, type SeededCalendar } from './testing/rows.ts';

let house: House;
let second: Api;
let ada: Seeded;
let digest: string;
const told: Forgotten[] = [];

interface Seeded extends SeededCalendar {
  user: string;
  eventId: string;
  seriesId: string;
  conflictId: string;
  quarantineId: string;
  writeId: string;
}

beforeAll(async () => {
  house = await openHouse();
  ada = await seedEverything('ada');
  await seedEverything('eve');
  digest = await digestOfOthers();
  const db = forgetful(house.db, digest, (forgotten) => told.push(forgotten));
  second = await startBeside(house, { db });
  await house.feedSettles();
});
afterAll(async () => {
  await second.close({ timeoutMs: 1_000 });
  await house.close();
});

const time = (day: number, hour: string) => ({
  date_time: `2026-11-${day}T${hour}:00:00`,
  time_zone: 'Europe/Berlin',
});
const preferences = {
  auto_sync_enabled: true,
  sync_frequency_minutes: 60,
  conflict_strategy: 'manual',
  write_permissions: 'all',
};

/** A row in every table of a user's, most of them by way of the API. */
async function seedEverything(user: string): Promise<Seeded> {
  const at = await seedCalendar(house, { userId: user });
  const post = async (path: string, body: object, method = 'POST'): Promise<Body> => {
    const reply = await house.send(method, path, body, { user, headers: { 'idempotency-key': newId() } });
    if (reply.status >= 300) throw new Error(`${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  };
  await post('/sync/schedule', preferences);
  await post(`/calendars/${at.calendarId}`, { write_enabled: true }, 'PATCH');
  const event = { calendar_id: at.calendarId, start: time(24, '09'), end: time(24, '10') };
  const { id: eventId } = await post('/events', { ...event, summary: `${user}-canary` });
  const changed = await post(`/events/${eventId}`, { summary: `${user}-canary again` }, 'PATCH');
  const recurrence = ['RRULE:FREQ=DAILY;COUNT=4'];
  const { id: seriesId } = await post('/events', { ...event, summary: `${user}-canary daily`, recurrence });
  await seedEvent(house, at, { held: true, summary: `${user}-canary held` });
  await seedEvent(house, at, {
    deleted: true,
    summary: `${user}-canary deleted`,
    zoned: ['2026-11-24T09:00:00Z', '2026-11-24T10:00:00Z', null],
  });
  await seedChange(house, at);
  const { conflictId, writeId } = await seedConflict(at);
  const quarantineId = newId();
  await house.worker(
    `insert into calendar_quarantine (id, user_id, calendar_id, code, reason, raw, first_seen_at, last_seen_at)
     values ($1, $2, $3, 'unreadable', $4, '{}', now(), now())`,
    [quarantineId, user, at.calendarId, `${user}-canary`],
  );
  await house.worker(
    `insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id, expires_at,
       signing_key_id, created_at, updated_at)
     values ($1, $2, $3, $4, 'google', 'active', 'r', now(), 'k1', now(), now())`,
    [newId(), user, at.accountId, at.calendarId],
  );
  await house.worker(
    `insert into calendar_audits (id, user_id, account_id, calendar_id, requested_at, finished_at, outcome, seen, differences)
     values ($1, $2, $3, $4, now(), now(), 'completed', 0, 0)`,
    [newId(), user, at.accountId, at.calendarId],
  );
  const state = newState(user, new Uint8Array(32).fill(user === 'ada' ? 1 : 2));
  await house.db.transaction({ role: 'api', userId: user }, (tx) => api.insertOauthState(tx, state));
  await seedRun(at);
  return {
    ...at,
    user,
    eventId,
    seriesId,
    conflictId,
    quarantineId,
    writeId: (changed['write'] as Body).id ?? writeId,
  };
}

function newState(userId: string, stateHash: Uint8Array) {
  const [now, bytes] = [house.clock.now(), new Uint8Array(32)];
  const expiresAt = new Date(now.getTime() + 1_000);
  const sealed = { dataKey: bytes, codeVerifier: bytes };
  const fixed = { provider: 'google', access: 'read', nonce: 'n', redirectUri: null } as const;
  return { id: newId<string>(), userId, stateHash, ...sealed, ...fixed, expiresAt, now };
}

async function seedConflict(at: SeededCalendar): Promise<{ conflictId: string; writeId: string }> {
  const eventId = await seedSingle(house, at, {
    summary: `${at.userId}-canary conflict`,
    zoned: ['2026-11-25T09:00:00Z', '2026-11-25T10:00:00Z', 'Europe/Berlin'],
  });
  const [writeId, conflictId] = [newId(), newId()];
  const side = JSON.stringify({ summary: `${at.userId}-canary` });
  await house.worker(
    `insert into calendar_writes (id, user_id, account_id, calendar_id, event_id, op, patch, base, base_version, state,
       created_at, updated_at) values ($1, $2, $3, $4, $5, 'update', $6, '{}', '"0"', 'conflict', now(), now())`,
    [writeId, at.userId, at.accountId, at.calendarId, eventId, side],
  );
  await house.worker(
    `insert into calendar_sync_conflicts (id, user_id, account_id, calendar_id, event_id, write_id, fields, base, local,
       provider, strategy, status, created_at) values ($1, $2, $3, $4, $5, $6, '{summary}', $7, $7, $7, 'manual', 'open', now())`,
    [conflictId, at.userId, at.accountId, at.calendarId, eventId, writeId, side],
  );
  return { conflictId, writeId };
}

async function seedRun({ userId, accountId, calendarId }: SeededCalendar): Promise<void> {
  await house.worker(
    `insert into calendar_sync_runs (id, user_id, account_id, calendar_id, trigger, mode, outcome, synced_seq, started_at,
       finished_at, error) values ($1, $2, $3, $4, 'user', 'full', 'completed', 0, now(), now(), $5)`,
    [newId(), userId, accountId, calendarId, `${userId}-canary`],
  );
}

/** Tables that hold users' rows, partitions by their parents. */
const userTables = async (): Promise<string[]> =>
  (
    await house.worker<{ name: string }>(
      `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
          and a.attname = 'user_id' order by 1`,
    )
  ).map(({ name }) => name);

/** One hash over every row that is not Ada's. */
async function digestOfOthers(): Promise<string> {
  const parts = (await userTables()).map(
    (table) =>
      `select md5(string_agg(t::text, ',' order by t::text)) as part from "${table}" t where user_id <> 'ada'`,
  );
  return `select md5(string_agg(part, ',' order by part)) as digest from (${parts.join(' union all ')}) parts`;
}

/** Whatever tells a row of Eve's: her ids, and the words in her rows. */
async function marksOfEve(): Promise<string[]> {
  const marks = new Set(['eve-canary']);
  for (const table of await userTables()) {
    const rows = await house.worker<{ row: string }>(
      `select t::text as row from "${table}" t where user_id = 'eve'`,
    );
    expect([table, rows.length]).not.toEqual([table, 0]);
    for (const { row } of rows)
      for (const [id] of row.matchAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)) marks.add(id);
  }
  return [...marks];
}

/** As Ada, to the API that forgets. */
async function ask(method: string, path: string, body?: unknown, headers = {}): Promise<Body> {
  const response = await fetch(`${second.url}${prefix}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${adminKey}`,
      'x-user-id': 'ada',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (path === '/export' ? { text } : JSON.parse(text)) as Body;
}

/** Everything there is to ask for. */
async function askForEverything(): Promise<void> {
  const week = 'start=2026-11-23T00:00:00Z&end=2026-11-30T00:00:00Z';
  const { accountId, calendarId, eventId, seriesId } = ada;
  for (const path of [
    ...['/accounts', `/accounts/${accountId}`, '/calendars', `/calendars?account_id=${accountId}`],
    ...[
      `/calendars/${calendarId}`,
      '/events',
      `/events?${week}`,
      `/events?${week}&expand=false&include_deleted=true`,
    ],
    ...[`/events?${week}&q=canary&managed=true`, `/events?${week}&limit=1`, `/events/${eventId}`],
    ...[
      `/events/${seriesId}_20261125T080000Z`,
      `/events/${eventId}/history`,
      '/conflicts',
      '/conflicts?status=open',
    ],
    ...[
      `/conflicts/${ada.conflictId}`,
      '/writes',
      `/writes/${ada.writeId}`,
      '/sync/schedule',
      '/sync/status',
    ],
    ...[
      '/sync/runs',
      '/changes?after=start',
      '/changes?after=now',
      `/freebusy?${week}`,
      '/export',
      '/quarantine',
    ],
  ]) {
    await ask('GET', path);
  }
  const event = { calendar_id: calendarId, summary: 'new', start: time(26, '09'), end: time(26, '10') };
  const once = { 'idempotency-key': newId() };
  await ask('POST', '/events', event, once);
  await ask('POST', '/events', event, once);
  const { id } = await ask('POST', '/events', event);
  await ask('PATCH', `/events/${id}`, { summary: 'newer' });
  await ask('POST', `/events/${id}/restore`, { revision: 1 });
  await ask('DELETE', `/events/${id}`);
  await ask('PATCH', `/events/${seriesId}_20261125T080000Z?scope=this`, { summary: 'one day' });
  await ask('PATCH', `/events/${seriesId}_20261126T080000Z?scope=following`, { summary: 'from here' });
  await ask('PATCH', `/calendars/${calendarId}`, { incremental_enabled: false });
  await ask('POST', `/conflicts/${ada.conflictId}/resolve`, { resolution: 'local' });
  await ask('POST', `/writes/${ada.writeId}/retry`, {});
  await ask('POST', `/writes/${ada.writeId}/discard`, {});
  await ask('POST', '/sync', { calendar_id: calendarId });
  await ask('POST', '/sync', {});
  await ask('POST', '/sync/schedule', preferences);
  await ask('POST', `/quarantine/${ada.quarantineId}/retry`, {});
  await ask('POST', `/calendars/${calendarId}/held-deletes`, { action: 'apply' });
  await ask('POST', `/calendars/${calendarId}/held-deletes`, { action: 'discard' });
  await connectAgain();
  await ask('DELETE', `/accounts/${accountId}?purge=true`);
}

/** What only a browser that comes back reaches, and what an answer waits for. */
async function connectAgain(): Promise<void> {
  const db = forgetful(house.db, digest, (forgotten) => told.push(forgotten));
  const [now, bytes] = [house.clock.now(), new Uint8Array(32)];
  const stateHash = new Uint8Array(32).fill(7);
  const { accountId, calendarId } = ada;
  await db.transaction({ role: 'api', userId: 'ada' }, async (tx) => {
    await api.insertOauthState(tx, newState('ada', stateHash));
    const mailbox = { id: 'ada@example.test', email: null };
    await api.findConnected(tx, { userId: 'ada', provider: 'google', providerAccountId: mailbox.id });
    const grant = { userId: 'ada', scopes: [], dataKey: bytes, refreshToken: bytes, now };
    await api.insertAccount(tx, { ...grant, id: newId<AccountId>(), provider: 'google', mailbox });
    await api.renewGrant(tx, { ...grant, id: accountId as AccountId, email: null });
    await api.pulledCalendars(tx, { userId: 'ada', accountId: accountId as AccountId });
    const requests = [{ calendar_id: calendarId as CalendarId, request_seq: 1n }];
    await api.syncProgress(tx, { userId: 'ada', requests });
    await api.oldestKeptWeek(tx);
  });
  for (const seen of ['taken', 'used']) {
    const taken = await db.transaction({ role: 'api', userId: '' }, (tx) =>
      api.takeOauthState(tx, { stateHash, now }),
    );
    expect(typeof taken === 'string' ? taken : 'taken').toBe(seen);
  }
}

test('every statement of the API, its conditions taken back, shows and touches no row of somebody else', async () => {
  const marks = await marksOfEve();
  const [before] = await house.worker<{ digest: string }>(digest);
  await askForEverything();
  const isMarked = (text: string | null): boolean => marks.some((mark) => text?.includes(mark));
  const trespasses = told.filter(({ gave, others }) => isMarked(gave) || others !== before?.digest);
  expect(trespasses.map(({ text }) => text)).toEqual([]);
  expect(told.length).toBeGreaterThan(200);
  // The conditions were really taken back: where no wall stands, the same statements show Eve's rows.
  const bare = new Set(told.filter(({ unwalled }) => isMarked(unwalled)).map(({ text }) => text));
  expect(bare.size).toBeGreaterThan(30);
  // Some cannot run so at all: one row where many are, a name that is no date, times that do not fit their event.
  const refused = told.filter(({ refusal }) => refusal !== null);
  expect([...new Set(refused.map(({ refusal }) => refusal))].sort()).toEqual(['21000', '22007', '23514']);
  expect(new Set(refused.map(({ text }) => text)).size).toBeLessThan(6);
});

/** Each template of a statement, as a pattern of its fixed parts. */
function statementsOf(folder: string): { where: string; pattern: RegExp }[] {
  return readdirSync(folder).flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return [...text.matchAll(/\$(?:query|execute)Raw(?:<[^`]*>)?`/g)].map(({ index, 0: head }) => {
      const fixed = fixedParts(text.slice(index + head.length));
      const escaped = fixed.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      return {
        where: `${name}: ${fixed[0]?.trim().slice(0, 60) ?? ''}`,
        pattern: new RegExp(`^${escaped.join('.*?')}$`, 's'),
      };
    });
  });
}

/** Of a template literal, up to its end. */
function fixedParts(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const two = text.slice(at, at + 2);
    if (depth === 0 && text[at] === '`') break;
    if (depth === 0 && two === '${') {
      depth = 1;
      at += 1;
      parts.push('');
    } else if (depth > 0) depth += text[at] === '{' ? 1 : text[at] === '}' ? -1 : 0;
    else {
      const isEscaped = two.startsWith('\\');
      parts.push((parts.pop() ?? '') + (isEscaped ? two.slice(1) : two.slice(0, 1)));
      if (isEscaped) at += 1;
    }
  }
  return parts;
}

test('no statement of the API was left out', () => {
  const statements = statementsOf('packages/db/src/api');
  expect(statements.length).toBeGreaterThan(40);
  const missing = statements.filter(({ pattern }) => !told.some(({ text }) => pattern.test(text)));
  expect(missing.map(({ where }) => where)).toEqual([]);
});

test.each([
  [
    'select a from t where user_id = $1 and b = $2 order by a limit $3',
    'select a from t where (true or ( (true or user_id = $1) and b = $2 )) order by a limit greatest($3::bigint, 1000000)',
  ],
  [
    'select (select 1 from t where x = $1) from u',
    'select (select 1 from t where (true or ( x = $1)) ) from u',
  ],
  [
    `update t set a = 1 where b = 'where' returning a`,
    `update t set a = 1 where (true or ( b = 'where' )) returning a`,
  ],
])('taking conditions back: %s', (text, forgotten) => {
  const even = (sql: string) => sql.replaceAll(/\s+/g, ' ');
  expect(even(withoutConditions(text))).toBe(even(forgotten));
});
