/**
 * What knowing the caller and row-level security cost: the same requests to the same API over the same rows, with both, with
 * each alone, and with neither. The four take turns in short rounds, so that a busy neighbour meets them all.
 */
import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { insertApiKey } from '@calfleet/db';
import { pullCalendar } from '@calfleet/sync';
import { createApiKey } from '@calfleet/vault';
import { createEngine } from '../engine.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { plantAccount, plantCalendar } from '../planting.ts';
import { median, spread } from '../statistics.ts';

const lanes = 4;
const jwtSecret = 'only-the-bench-signs-with-this-secret-of-its-own';
const prefix = '{doors}';

export async function benchDoors(ground: Ground): Promise<Figure[]> {
  const size = ground.quick
    ? { users: 5, events: 100, rounds: 3, requests: 50 }
    : { users: 50, events: 400, rounds: 15, requests: 400 };
  const store = await ground.openStore('doors');
  const env = {
    ...ground.settings,
    DATABASE_URL: store.url,
    REDIS_PREFIX: prefix,
    API_PORT: '0',
    LOG_LEVEL: 'error',
    AUTH_JWT_SECRET: jwtSecret,
    API_REQUESTS_PER_USER_MINUTE: '100000000',
  };
  const [closed, open] = [await ground.start('api', { env }), await ground.start('open-api', { env })];
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
  try {
    const users = await usersWith(ground, store, size);
    const tables = await guardedTables(store);
    const key = await keyIn(store);
    const callers: Record<string, (userId: string) => string> = { 'API key': () => key, JWT: tokenOf };
    const figures: Figure[] = [];
    for (const [name, path] of Object.entries(asked())) {
      for (const [caller, credentialOf] of Object.entries(callers)) {
        // Where nobody looks at the credential, the user has to be named.
        const people = users.map((userId) => ({
          authorization: `Bearer ${credentialOf(userId)}`,
          'x-user-id': userId,
        }));
        const sent = { agent, path, requests: size.requests, people };
        const rates = await inTurns(size.rounds, {
          both: () => rateAt(closed.listening, sent),
          auth: () => unguarded(store, tables, () => rateAt(closed.listening, sent)),
          rls: () => rateAt(open.listening, sent),
          neither: () => unguarded(store, tables, () => rateAt(open.listening, sent)),
        });
        figures.push(...figuresOf(`${name}, ${caller}`, rates, size));
      }
    }
    return figures;
  } finally {
    agent.destroy();
    await closed.stop();
    await open.stop();
    await store.close();
  }
}

/** One that reads a row, and one that reads a page. */
function asked(): Record<string, string> {
  const day = (ahead: number): string =>
    new Date((Math.floor(Date.now() / dayMs) + ahead) * dayMs).toISOString();
  return {
    'GET /calendars': '/integrations/calendar/calendars',
    'GET /events, a week': `/integrations/calendar/events?start=${day(1)}&end=${day(8)}`,
  };
}

const dayMs = 86_400_000;

async function usersWith(
  ground: Ground,
  store: Store,
  { users, events }: { users: number; events: number },
): Promise<string[]> {
  const { deps } = createEngine(ground, store);
  const ids: string[] = [];
  for (let index = 0; index < users; index += 1) {
    const account = await plantAccount(ground, store, { listed: true });
    const { id: calendarId } = await plantCalendar(ground, store, account, events);
    const wish = { calendarId, reason: 'backfill' as const, requestedAt: new Date() };
    await pullCalendar(deps, wish, new AbortController().signal);
    ids.push(account.userId);
  }
  await store.admin.query('vacuum analyze');
  return ids;
}

async function keyIn(store: Store): Promise<string> {
  const { id, hash, text } = createApiKey();
  const key = { id, hash, name: null, scope: 'app' as const, expires_at: null, at: new Date() };
  await store.db.transaction({ role: 'worker' }, (tx) => insertApiKey(tx, key));
  return text;
}

function tokenOf(userId: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const said = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: userId, exp })}`;
  return `${said}.${createHmac('sha256', jwtSecret).update(said).digest('base64url')}`;
}

async function guardedTables({ admin }: Store): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class
      where relrowsecurity and relnamespace = 'public'::regnamespace order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** The same tables, and nobody looks whose rows they are. */
async function unguarded<T>({ admin }: Store, tables: readonly string[], work: () => Promise<T>): Promise<T> {
  const set = (word: 'enable' | 'disable'): Promise<unknown> =>
    admin.query(tables.map((name) => `alter table ${name} ${word} row level security`).join('; '));
  await set('disable');
  try {
    return await work();
  } finally {
    await set('enable');
  }
}

/** @returns the rates of each, round by round; the first round warms up */
async function inTurns<Name extends string>(
  rounds: number,
  works: Record<Name, () => Promise<number>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(works) as Name[];
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -1; round < rounds; round += 1) {
    for (const name of names) {
      const rate = await works[name]();
      if (round >= 0) rates[name].push(rate);
    }
  }
  return rates;
}

interface Sent {
  agent: Agent;
  path: string;
  requests: number;
  /** Headers of each of the users, who ask in turn. */
  people: Record<string, string>[];
}

/** @returns requests a second, as many at once as there are lanes */
async function rateAt(url: string, { agent, path, requests, people }: Sent): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let index = lane; index < requests; index += lanes) {
        await get(url + path, people[index % people.length] ?? {}, agent);
      }
    }),
  );
  return (requests * 1_000) / (performance.now() - startedAt);
}

const get = (url: string, headers: Record<string, string>, agent: Agent): Promise<void> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { headers, agent }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    });
    asked.on('error', reject);
    asked.end();
  });

function figuresOf(
  what: string,
  rates: Record<'both' | 'auth' | 'rls' | 'neither', number[]>,
  { users, events, rounds, requests }: { users: number; events: number; rounds: number; requests: number },
): Figure[] {
  const floor = median(rates.neither);
  const row = (name: 'both' | 'auth' | 'rls', less: string, note: string): Figure => ({
    what: `${what}, ${less}`,
    ours: median(rates[name]),
    unit: 'requests/s',
    floor,
    ratio: median(rates[name]) / floor,
    aim: null,
    note: `${spread(rates[name])} against ${spread(rates.neither)} a second; ${note}`,
  });
  return [
    row(
      'both',
      'as shipped',
      `medians of ${rounds} rounds of ${requests} requests, ${lanes} at once, ${users} users of ${events} events; floor: the ` +
        `same application without knowing or counting its caller, over the same tables without row-level security`,
    ),
    row('auth', 'callers alone', 'row-level security off'),
    row('rls', 'row-level security alone', 'whoever asks is let in, and not counted'),
  ];
}
