/**
 * What a simulated day costs at the provider: one calendar, 20 changes, each pushed; polls at their beat. Requests and
 * items are counted, not computed. The baseline lists the calendar in full every 10 minutes: listed once here, and
 * multiplied by 144.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CalendarId, WatchId } from '@calfleet/domain';
import { ensureWatch, planDuePulls, pullCalendar, receiveNotification } from '@calfleet/sync';
import { ManualClock } from '@calfleet/testkit';
import { createEngine, type Engine } from '../engine.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { plantAccount, plantCalendar, type PlantedCalendar } from '../planting.ts';

const changes = 20;
const dayMinutes = 24 * 60;
const beatMinutes = 20;
const fullPolls = dayMinutes / 10;

export async function benchCalls(ground: Ground): Promise<Figure[]> {
  const store = await ground.openStore('calls');
  const figures: Figure[] = [];
  for (const events of ground.quick ? [500] : [2_000, 50_000]) {
    const sandbox = await ground.startSandbox();
    figures.push(...(await benchDay({ ...ground, sandbox }, store, events)));
  }
  await store.close();
  return figures;
}

async function benchDay(ground: Ground, store: Store, events: number): Promise<Figure[]> {
  const { control } = ground.sandbox;
  const clock = new ManualClock(new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000));
  await control.moveTime({ freeze: true, set: clock.now().toISOString() });
  const account = await plantAccount(ground, store, { listed: true });
  const calendar = await plantCalendar(ground, store, account, events);
  const heard = await listen();
  const engine = createEngine(ground, store, { clock, ingressUrl: heard.url });
  const { watch } = engine;
  try {
    heard.deliverTo(engine);
    await ensureWatch(engine.deps, calendar.id);
    await runJobs(engine);
    const full = { pages: watch.pages, items: watch.items };
    const before = await control.usage();
    Object.assign(watch, { pages: 0, items: 0 });
    await liveDay(ground, { engine, clock, calendar, heard });
    const after = await control.usage();
    const refreshed = after.refreshes - before.refreshes;
    await demandFresh(store, calendar.id);
    return figuresOf({ events, full, refreshed, lists: watch.pages, items: watch.items });
  } finally {
    heard.close();
  }
}

interface Day {
  engine: Engine;
  clock: ManualClock;
  calendar: PlantedCalendar;
  heard: { settled(): Promise<void> };
}

async function liveDay(ground: Ground, { engine, clock, calendar, heard }: Day): Promise<void> {
  const { control } = ground.sandbox;
  const { events } = await calendar.control.truth();
  const edits = Array.from({ length: changes }, (_, index) => ({
    minute: Math.floor(((index + 0.5) * dayMinutes) / changes) + ((index * 17) % 23),
    // Masters only: a cancelled occurrence is no thing to edit.
    eventId: String(events[index * 7]?.id),
  }));
  let now = 0;
  const moveTo = async (minute: number): Promise<void> => {
    await control.moveTime({ advanceMs: (minute - now) * 60_000 });
    clock.advance((minute - now) * 60_000);
    now = minute;
  };
  for (let beat = beatMinutes; beat <= dayMinutes; beat += beatMinutes) {
    for (const { minute, eventId } of edits.filter(isWithin(beat - beatMinutes, beat))) {
      await moveTo(minute);
      await calendar.control.patch(eventId, { summary: `Changed in minute ${now}` });
      await control.settlePush();
      await heard.settled();
      await runJobs(engine);
    }
    await moveTo(beat);
    await planDuePulls(engine.deps);
    await runJobs(engine);
  }
}

const isWithin =
  (from: number, to: number) =>
  ({ minute }: { minute: number }): boolean =>
    minute > from && minute <= to;

async function runJobs({ deps, jobs }: Engine): Promise<void> {
  const unstopped = new AbortController().signal;
  for (let job = jobs.shift(); job; job = jobs.shift()) {
    if (job.name !== 'pull-calendar') continue;
    const { calendarId, reason, requestedAt } = job.payload;
    const wish = { calendarId: calendarId as CalendarId, reason, requestedAt: new Date(requestedAt) };
    await pullCalendar(deps, wish, unstopped);
  }
}

/** Stands where ingress and the webhooks queue stand. */
async function listen() {
  let engine: Engine | null = null;
  let waiting: Promise<unknown> = Promise.resolve();
  const server = createServer(({ headers }, response) => {
    const text = (name: string): string => String(headers[name] ?? '');
    const state = text('x-goog-resource-state');
    const told = engine;
    if (told) {
      waiting = waiting.then(() =>
        receiveNotification(told.deps, {
          watchId: text('x-goog-channel-id') as WatchId,
          event: state === 'sync' ? 'sync' : 'change',
          resourceId: text('x-goog-resource-id'),
          expiresAt: new Date(text('x-goog-channel-expiration')),
          receivedAt: told.deps.clock.now(),
        }),
      );
    }
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    deliverTo: (receiver: Engine) => void (engine = receiver),
    settled: async () => void (await waiting),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Few calls that miss changes would be no saving. */
async function demandFresh(store: Store, id: CalendarId): Promise<void> {
  const { rows } = await store.admin.query<{ fresh: number }>(
    `select count(*)::int as fresh from calendar_events where calendar_id = $1 and summary like 'Changed in minute %'`,
    [id],
  );
  if (rows[0]?.fresh !== changes) throw new Error(`${rows[0]?.fresh} of ${changes} changes arrived.`);
}

function figuresOf(day: {
  events: number;
  full: { pages: number; items: number };
  refreshed: number;
  lists: number;
  items: number;
}): Figure[] {
  const { events, full, refreshed, lists, items } = day;
  const size = events.toLocaleString('en-US');
  const baseline = { calls: full.pages * fullPolls, items: full.items * fullPolls };
  const fewer = (ours: number, theirs: number): number => 100 * (1 - ours / theirs);
  const figure = (name: 'calls' | 'items', ours: number, note: string): Figure => ({
    what: `provider ${name} a day, ${size} events (full polling ${baseline[name].toLocaleString('en-US')})`,
    ours,
    unit: name,
    floor: changes,
    ratio: changes / ours,
    aim: {
      text: `> 99 % fewer (${fewer(ours, baseline[name]).toFixed(2)} %)`,
      met: fewer(ours, baseline[name]) > 99,
    },
    note,
  });
  const small = Math.ceil(full.items / 250) * fullPolls;
  return [
    figure(
      'calls',
      lists,
      `calendar calls; ${changes} changes, each pushed; ${refreshed} token refreshes besides, which polling needs as well; baseline: the list of ` +
        `${full.pages} page${full.pages === 1 ? '' : 's'} of 2,500 every 10 minutes, listed once and multiplied by ` +
        `${fullPolls} (with Google's default pages of 250 it would be ${small.toLocaleString('en-US')} calls); ` +
        `floor: one call per change`,
    ),
    figure('items', items, `baseline as above; floor: one item per change`),
  ];
}
