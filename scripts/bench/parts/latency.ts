/**
 * From an edit at the provider to its row in the mirror, through the whole fleet: sandbox, ingress, Redis, worker and
 * Postgres, each a process. The floor hears the same push itself, asks for the changes at once and stores the row.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '@calfleet/domain';
import type { Child } from '../child.ts';
import { googleOf } from '../engine.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { plantAccount, plantCalendar, type PlantedCalendar } from '../planting.ts';
import { percentile } from '../statistics.ts';

const perSecond = 20;
/** How exactly a row's commit is seen: one indexed question this often. */
const lookMs = 5;

export async function benchLatency(ground: Ground): Promise<Figure[]> {
  const calendars = ground.quick ? 8 : 40;
  const seconds = ground.quick ? 5 : 25;
  const store = await ground.openStore('latency');
  const floor = await measureFloor(ground, store, ground.quick ? 20 : 100);
  const fleet = await startFleet(ground, store, { count: calendars });
  try {
    const ours = await editSteadily(store, fleet.calendars, { edits: perSecond * seconds, perSecond });
    return figuresOf(ours, floor, { calendars, seconds });
  } finally {
    await fleet.close();
    await store.close();
  }
}

/** Ingress, workers, and calendars of 40 events each that are watched and pulled. */
export async function startFleet(
  ground: Ground,
  store: Store,
  {
    count,
    prefix = '{latency}',
    workers = [{}],
  }: { count: number; prefix?: string; workers?: Record<string, string>[] },
) {
  const env = { ...ground.settings, REDIS_PREFIX: prefix, DATABASE_URL: store.url, LOG_LEVEL: 'info' };
  const ingress = await ground.start('ingress', { env: { ...env, INGRESS_PORT: '0' } });
  const account = await plantAccount(ground, store, { listed: false });
  const { control } = ground.sandbox;
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { id } = await control.account(account.email).createCalendar();
    await control.seedMany({
      account: account.email,
      calendar: id,
      events: 40,
      seed: index + 1,
      seriesShare: 0,
    });
    ids.push(id);
  }
  const port = Number(new URL(ingress.listening).port);
  const started: Child[] = [];
  for (const changes of workers) {
    const own = {
      API_BASE_URL: `http://127.0.0.1:${port}/`,
      WORKER_METRICS_PORT: '0',
      SCHEDULE_WEBHOOK_DRAIN: 'every 1s',
    };
    started.push(await ground.start('worker', { env: { ...env, ...own, ...changes } }));
  }
  await until('every calendar is watched and pulled', async () => {
    const { rows } = await store.admin.query<{ ready: number }>(
      `select count(*)::int as ready from calendars c
       where account_id = $1 and state = 'active' and synced_seq = dirty_seq and lease_until is null
         and exists (select from calendar_sync_channels s where s.calendar_id = c.id and s.state = 'active')`,
      [account.id],
    );
    return rows[0]?.ready === count;
  });
  return {
    calendars: ids.map((id) => ({ id, control: control.account(account.email).calendar(id) })),
    workers: started,
    close: () => Promise.all([...started, ingress].map((child) => child.stop())),
  };
}

type Edited = Pick<PlantedCalendar, 'control'> & { id: string };

/** @returns milliseconds from sending the edit to seeing its row, one per edit */
export async function editSteadily(
  store: Store,
  calendars: readonly Edited[],
  { edits, perSecond }: { edits: number; perSecond: number },
): Promise<number[]> {
  const targets = await targetsOf(store, calendars, edits);
  const sentAt = new Map<string, number>();
  const seen = new Map<string, number>();
  const watching = await watchFeed(store, calendars, (eventId) => {
    if (sentAt.has(eventId) && !seen.has(eventId)) seen.set(eventId, performance.now());
  });
  try {
    const startedAt = performance.now();
    const answers: Promise<unknown>[] = [];
    for (const [index, { eventId, providerEventId, control }] of targets.entries()) {
      await pause(Math.max(0, startedAt + (index * 1_000) / perSecond - performance.now()));
      sentAt.set(eventId, performance.now());
      // A title that it never had: the same one again would be no change.
      answers.push(control.patch(providerEventId, { summary: `Edit ${newId()}` }));
    }
    await Promise.all(answers);
    await until('every edit has its row', async () => seen.size === targets.length);
  } finally {
    await watching.stop();
  }
  return targets.map(({ eventId }) => (seen.get(eventId) ?? NaN) - (sentAt.get(eventId) ?? NaN));
}

/** Each edit touches an event of its own, on the calendars in turn. */
async function targetsOf(store: Store, calendars: readonly Edited[], edits: number) {
  const { rows } = await store.admin.query<{ event_id: string; provider_event_id: string; calendar: string }>(
    `select e.id as event_id, e.provider_event_id, c.provider_calendar_id as calendar,
       row_number() over (partition by c.id order by e.id) as turn
     from calendar_events e join calendars c on c.id = e.calendar_id
     where c.provider_calendar_id = any($1) order by turn, c.id limit $2`,
    [calendars.map(({ id }) => id), edits],
  );
  if (rows.length < edits) throw new Error(`${edits} edits need as many events, there are ${rows.length}.`);
  const controls = new Map(calendars.map(({ id, control }) => [id, control]));
  return rows.map((row) => {
    const control = controls.get(row.calendar);
    if (!control) throw new Error('An event of no calendar.');
    return { eventId: row.event_id, providerEventId: row.provider_event_id, control };
  });
}

/** Reads the user's feed as it grows; a row is seen within {@link lookMs} and the time of the question. */
async function watchFeed(
  store: Store,
  calendars: readonly Edited[],
  onEvent: (eventId: string) => void,
): Promise<{ stop(): Promise<void> }> {
  const { rows: begun } = await store.admin.query<{ user_id: string; xid: string }>(
    `select user_id, pg_current_xact_id()::text as xid from calendars where provider_calendar_id = any($1) limit 1`,
    [calendars.map(({ id }) => id)],
  );
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      // All of it, each time: rows appear in the order of their commits, not of their numbers.
      const { rows } = await store.admin.query<{ event_id: string }>({
        name: 'watch-feed',
        text: `select event_id from calendar_changes where user_id = $1 and xid >= $2::xid8 and kind = 'updated'`,
        values: [begun[0]?.user_id, begun[0]?.xid],
      });
      for (const { event_id } of rows) onEvent(event_id);
      await pause(lookMs);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** One edit at a time: push heard, changes asked for, one row updated, on disk. */
async function measureFloor(ground: Ground, store: Store, edits: number): Promise<number[]> {
  const account = await plantAccount(ground, store, { listed: true });
  const calendar = await plantCalendar(ground, store, account, 40);
  const token = await ground.sandbox.control.account(account.email).accessToken();
  const session = { accountId: account.id, accessToken: async () => token };
  const provider = googleOf(ground);
  const question = {
    providerCalendarId: calendar.providerCalendarId,
    pageCursor: null,
    window: { start: '2000-01-01T00:00:00Z', end: '2100-01-01T00:00:00Z' },
    pageSize: 2_500,
    calendarTimeZone: 'Europe/Berlin',
  };
  let cursor = (await provider.listChanges(session, { ...question, cursor: null })).nextCursor;
  let heard: () => void = () => undefined;
  const server = createServer((_request, response) => {
    response.end();
    heard();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const address = `http://127.0.0.1:${port}/`;
    await provider.watch(session, { ...question, watchId: newId(), address, token: 'floor', expiresAt });
    const truth = await calendar.control.truth();
    const samples: number[] = [];
    for (let index = 0; index < edits; index += 1) {
      const event = truth.events[index % truth.events.length];
      const push = new Promise<void>((resolve) => (heard = resolve));
      const startedAt = performance.now();
      const edited = calendar.control.patch(String(event?.id), { summary: `Floor ${index}` });
      await push;
      const page = await provider.listChanges(session, { ...question, cursor });
      cursor = page.nextCursor;
      await store.admin.query('update calendars set updated_at = now() where id = $1', [calendar.id]);
      samples.push(performance.now() - startedAt);
      await edited;
    }
    return samples;
  } finally {
    server.closeAllConnections();
    server.close();
    await store.admin.query('delete from calendar_accounts where id = $1', [account.id]);
  }
}

function figuresOf(
  ours: readonly number[],
  floor: readonly number[],
  { calendars, seconds }: { calendars: number; seconds: number },
): Figure[] {
  return [50, 95, 99].map((percent) => {
    const [mine, least] = [percentile(ours, percent), percentile(floor, percent)];
    return {
      what: `notification to row, p${percent}`,
      ours: mine,
      unit: 'ms',
      floor: least,
      ratio: least / mine,
      aim: percent === 95 ? { text: '< 1,000 ms', met: mine < 1_000 } : null,
      note:
        percent === 50
          ? `${ours.length} edits, ${perSecond}/s for ${seconds} s over ${calendars} calendars, from sending the edit to ` +
            `the sandbox to seeing the row (looked for every ${lookMs} ms); 150 ms of it are the gathering of bursts; ` +
            `floor: one edit at a time, push heard, changes asked for and one row updated without any queue`
          : 'as above',
    };
  });
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(120_000);
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`Waited two minutes in vain: ${what}.`);
    await pause(50);
  }
}
