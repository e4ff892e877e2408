/**
 * One week of a user with many events, over HTTP from the real API process, row-level security on. The floor asks
 * Postgres for the same rows as superuser over an open connection: no HTTP, no security, no shaping.
 */
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { api } from '@calfleet/db';
import { pullCalendar } from '@calfleet/sync';
import { createEngine } from '../engine.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { plantAccount, plantCalendar } from '../planting.ts';
import { percentile, timed } from '../statistics.ts';

const dayMs = 86_400_000;

export async function benchWeek(ground: Ground, store: Store): Promise<Figure[]> {
  const events = ground.quick ? 10_000 : 100_000;
  const weeks = ground.quick ? 60 : 300;
  const userId = await userWith(ground, store, events);
  await store.admin.query('vacuum analyze');
  const server = await ground.start('api', {
    env: { ...ground.settings, DATABASE_URL: store.url, API_PORT: '0', LOG_LEVEL: 'info' },
  });
  try {
    const figures: Figure[] = [];
    for (const limit of [50, 500]) {
      figures.push(await measure(ground, store, { url: server.listening, userId, limit, weeks, events }));
    }
    await writeFile(join(ground.folder, '..', 'bench', 'week-plan.txt'), await planOf(store, userId));
    return figures;
  } finally {
    await server.stop();
  }
}

/** The one that another part left, or a new one. */
async function userWith(ground: Ground, store: Store, events: number): Promise<string> {
  const { rows } = await store.admin.query<{ user_id: string }>(
    'select user_id from calendar_events group by user_id having count(*) = $1',
    [events],
  );
  if (rows[0]) return rows[0].user_id;
  const account = await plantAccount(ground, store, { listed: true });
  const calendar = await plantCalendar(ground, store, account, events);
  const wish = { calendarId: calendar.id, reason: 'backfill' as const, requestedAt: new Date() };
  await pullCalendar(createEngine(ground, store).deps, wish, new AbortController().signal);
  return account.userId;
}

interface Asked {
  url: string;
  userId: string;
  limit: number;
  weeks: number;
  events: number;
}

async function measure(ground: Ground, store: Store, asked: Asked): Promise<Figure> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ours: number[] = [];
  const floor: number[] = [];
  const items: number[] = [];
  for (let index = -10; index < asked.weeks; index += 1) {
    const { start, end } = randomWeek(index);
    const query = `start=${start}&end=${end}&limit=${asked.limit}`;
    const path = `${asked.url}/integrations/calendar/events?${query}`;
    const headers = {
      authorization: `Bearer ${ground.settings['CALFLEET_ADMIN_KEY'] ?? ''}`,
      'x-user-id': asked.userId,
    };
    let body = '';
    const ms = await timed(async () => {
      body = await get(path, headers, agent);
    });
    const least = await timed(() => bareWeek(store, asked, { start, end }));
    if (index < 0) continue;
    ours.push(ms);
    floor.push(least);
    items.push((JSON.parse(body) as { items: unknown[] }).items.length);
  }
  agent.destroy();
  const [mine, least] = [percentile(ours, 95), percentile(floor, 95)];
  return {
    what: `GET /events, a week, ${asked.events.toLocaleString('en-US')} events, limit ${asked.limit}, p95`,
    ours: mine,
    unit: 'ms',
    floor: least,
    ratio: least / mine,
    aim: { text: '< 20 ms', met: mine < 20 },
    note:
      `${asked.weeks} weeks in turn with the floor over one kept-alive connection; p50 ${percentile(ours, 50).toFixed(1)} ms, ` +
      `${percentile(items, 50)} items; floor p50 ${percentile(floor, 50).toFixed(1)} ms: the joined rows by one prepared ` +
      `statement as superuser; plan in week-plan.txt`,
  };
}

/** Inside of what is kept ready: 30 days back, a year ahead. Spread evenly, in a fixed and jumping order. */
function randomWeek(index: number): { start: string; end: string } {
  const day = (((index * 193) % 380) + 380) % 380;
  const start = Math.floor(Date.now() / dayMs) * dayMs + (day - 25) * dayMs;
  return { start: new Date(start).toISOString(), end: new Date(start + 7 * dayMs).toISOString() };
}

function get(url: string, headers: Record<string, string>, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => void chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`GET /events answered ${response.statusCode}: ${body.slice(0, 300)}`));
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

const bareWeek = (
  store: Store,
  { userId, limit }: Asked,
  { start, end }: { start: string; end: string },
): Promise<unknown> =>
  store.admin.query({
    name: 'bare-week',
    text: `select e.*, o.starts_at as at, o.slot as occurrence from (
             select * from calendar_occurrences
             where user_id = $1 and starts_at > $2::timestamptz - interval '8 days' and starts_at < $3 and ends_at > $2
             order by starts_at limit $4) o
           join calendar_events e on e.id = o.event_id order by o.starts_at`,
    values: [userId, start, end, limit + 1],
  });

/** What Postgres does for the API's own statement, as the API's role. */
async function planOf(store: Store, userId: string): Promise<string> {
  const { start, end } = randomWeek(7);
  const { rows: calendars } = await store.admin.query<{ id: string }>(
    'select id from calendars where user_id = $1',
    [userId],
  );
  const lines: string[] = [];
  await store.db.transaction({ role: 'api', userId }, async (tx) => {
    const explained = new Proxy(tx, {
      get: (target, property) =>
        property === '$queryRaw'
          ? async (strings: TemplateStringsArray, ...values: unknown[]) => {
              const [first = '', ...rest] = strings;
              const texts = [`explain (analyze, buffers) ${first}`, ...rest];
              const plan = await target.$queryRaw<{ 'QUERY PLAN': string }[]>(
                Object.assign(texts, { raw: texts }),
                ...values,
              );
              lines.push(...plan.map((row) => row['QUERY PLAN']));
              return [{ feed_epoch: '', feed_horizon: '0', id: null }];
            }
          : (Reflect.get(target, property, target) as unknown),
    });
    await api.listOccurrences(explained, {
      userId,
      calendars: calendars.map(({ id }) => ({ id, zone: 'Europe/Berlin' })),
      range: { from: start, to: end },
      filter: { managed: null, icalUid: null, q: null, includeDeleted: false },
      after: null,
      limit: 51,
    });
  });
  return `${lines.join('\n')}\n`;
}
