/**
 * Graph's calendars: the initial mirror beside the same pages read and parsed by nothing but fetch and COPY of the very
 * rows that we stored; and what a pull of a few changes costs beyond the provider's own time.
 */
import type { CalendarId } from '@calfleet/domain';
import { createLimiter } from '@calfleet/jobs';
import { pullCalendar } from '@calfleet/sync';
import { demandSameRows, readCopies, storeCopies } from '../copies.ts';
import { createEngine, type Engine } from '../engine.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { plantOutlook, type PlantedOutlook } from '../outlook.ts';
import { clearMirror, enterCalendar, restoreCalendar } from '../planting.ts';
import { median, percentile, spread, timed } from '../statistics.ts';
import { storeByHand } from './incremental.ts';

interface Bench {
  ground: Ground;
  store: Store;
  engine: Engine;
  calendar: PlantedOutlook;
  items: number;
}

export async function benchMicrosoft(ground: Ground): Promise<Figure[]> {
  const store = await ground.openStore('microsoft');
  const limiter = createLimiter({ redisUrl: ground.redisUrl, prefix: '{bench-microsoft}' });
  try {
    const items = ground.quick ? 2_000 : 20_000;
    const calendar = await plantOutlook(ground, store, items);
    const bench = { ground, store, engine: createEngine(ground, store, { limiter }), calendar, items };
    return [await initialMirror(bench), ...(await incrementalPulls(bench))];
  } finally {
    await limiter.close();
    await store.close();
  }
}

const pull = ({ engine }: Bench, calendarId: CalendarId, reason: 'backfill' | 'notify'): Promise<string> =>
  pullCalendar(engine.deps, { calendarId, reason, requestedAt: new Date() }, new AbortController().signal);

async function initialMirror(bench: Bench): Promise<Figure> {
  const { ground, store, calendar, items, engine } = bench;
  const { watch } = engine;
  // Once without the clock: it warms both sides and says which rows there are to COPY.
  await pull(bench, calendar.id, 'backfill');
  if (watch.items !== items) throw new Error(`${items} items were planted, ${watch.items} are listed.`);
  const { pages } = watch;
  const copies = await readCopies(store.admin);
  const readBare = await bareReader(bench);
  const first = { ...calendar };
  const samples = { ours: [] as number[], provider: [] as number[], database: [] as number[] };
  const floors = { whole: [] as number[], read: [] as number[] };
  for (let time = 0; time < (ground.quick ? 2 : 5); time += 1) {
    await clearMirror(store);
    await restoreCalendar(store, first, 'microsoft');
    floors.whole.push(
      await timed(async () => {
        floors.read.push(await timed(readBare));
        await storeCopies(store.admin, copies, 'public');
      }),
    );
    await clearMirror(store);
    const id = await enterCalendar(store, calendar, 'microsoft');
    Object.assign(watch, { providerMs: 0, databaseMs: 0 });
    samples.ours.push(await timed(() => pull(bench, id, 'backfill')));
    samples.provider.push(watch.providerMs);
    samples.database.push(watch.databaseMs);
    await demandSameRows(store.admin, copies);
    calendar.id = id;
  }
  const [ours, floor] = [median(samples.ours), median(floors.whole)];
  return {
    what: `Microsoft: initial mirror, ${items.toLocaleString('en-US')} items`,
    ours: (items * 1_000) / ours,
    unit: 'items/s',
    floor: (items * 1_000) / floor,
    ratio: floor / ours,
    aim: null,
    note:
      `ours ${ours.toFixed(0)} ms (${spread(samples.ours)}; ${pages} pages with normalising ` +
      `${median(samples.provider).toFixed(0)}, transactions ${median(samples.database).toFixed(0)}), ${copies.rows} rows, ` +
      `${(copies.bytes / 2 ** 20).toFixed(1)} MiB; floor ${floor.toFixed(0)} ms (${spread(floors.whole)}): the same pages ` +
      `by fetch and JSON.parse (${median(floors.read).toFixed(0)}), then one COPY per table with all indexes and keys, one commit`,
  };
}

/** Every page of a full list, asked for as our client does, parsed and forgotten. */
async function bareReader({ ground, store, calendar }: Bench): Promise<() => Promise<void>> {
  const dayMs = 86_400_000;
  const { rows } = await store.admin.query<{ window_start: Date; window_end: Date }>(
    'select window_start, window_end from calendars where id = $1',
    [calendar.id],
  );
  const [{ window_start: start, window_end: end } = { window_start: new Date(), window_end: new Date() }] =
    rows;
  const token = await ground.sandbox.control.microsoft.mailbox(calendar.account.email).accessToken();
  const prefer = 'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text"';
  const headers = { authorization: `Bearer ${token}`, prefer: `${prefer}, odata.maxpagesize=200` };
  const window = new URLSearchParams({
    startDateTime: new Date(start.getTime() - dayMs).toISOString(),
    endDateTime: new Date(end.getTime() + dayMs).toISOString(),
  });
  const path = `/microsoft/v1.0/me/calendars/${encodeURIComponent(calendar.providerCalendarId)}/calendarView/delta`;
  return async () => {
    let url: string | undefined = `${ground.sandbox.url}${path}?${window.toString()}`;
    while (url !== undefined) {
      const response: Response = await fetch(url, { headers });
      const page = (await response.json()) as { value: unknown[]; '@odata.nextLink'?: string };
      if (!Array.isArray(page.value)) throw new Error(`The sandbox answered ${response.status}.`);
      url = page['@odata.nextLink'];
    }
  };
}

interface Case {
  what: string;
  times: number;
  /** Does it at the provider. @returns the provider ids whose rows a pull writes */
  edit: (time: number) => Promise<string[]>;
}

async function incrementalPulls(bench: Bench): Promise<Figure[]> {
  const { ground, store, calendar } = bench;
  await store.admin.query('vacuum analyze');
  let edits = 0;
  const rename = async (count: number): Promise<string[]> => {
    const ids = Array.from(
      { length: count },
      () => calendar.singles[(edits += 1) % calendar.singles.length] ?? '',
    );
    for (let start = 0; start < ids.length; start += 16) {
      const some = ids.slice(start, start + 16);
      await Promise.all(some.map((id) => calendar.control.patch(id, { subject: `Edit ${edits} of ${id}` })));
    }
    return ids;
  };
  const deleteOccurrence = async (time: number): Promise<string[]> => {
    const { id, laterDay } = calendar.weekly[time % calendar.weekly.length] ?? { id: '', laterDay: '' };
    await calendar.control.deleteOccurrence(id, laterDay);
    return [id];
  };
  const [some, few] = ground.quick ? [4, 2] : [40, 12];
  const cases: Case[] = [
    { what: 'pull of 1 change', times: some, edit: () => rename(1) },
    { what: 'pull of 100 changes', times: few, edit: () => rename(100) },
    { what: 'pull of 1 deleted occurrence, with its look', times: few, edit: deleteOccurrence },
  ];
  const figures: Figure[] = [];
  for (const each of cases) figures.push(await incrementalPull(bench, each));
  return figures;
}

async function incrementalPull(bench: Bench, { what, times, edit }: Case): Promise<Figure> {
  const { store, calendar, items, engine } = bench;
  const { watch } = engine;
  const samples = { beyond: [] as number[], provider: [] as number[], floor: [] as number[] };
  for (let time = 0; time < times; time += 1) {
    const ids = await edit(time);
    samples.floor.push(await timed(() => storeByHand(store, calendar, ids)));
    await store.admin.query('update calendars set dirty_seq = dirty_seq + 1 where id = $1', [calendar.id]);
    Object.assign(watch, { providerMs: 0, items: 0 });
    const ms = await timed(() => pull(bench, calendar.id, 'notify'));
    if (watch.items < ids.length) throw new Error(`${ids.length} changes, ${watch.items} items pulled.`);
    samples.beyond.push(ms - watch.providerMs);
    samples.provider.push(watch.providerMs);
  }
  const [ours, floor] = [median(samples.beyond), median(samples.floor)];
  return {
    what: `Microsoft: ${what}, ${items.toLocaleString('en-US')} stored, beyond the provider`,
    ours,
    unit: 'ms',
    floor,
    ratio: floor / ours,
    aim: null,
    note:
      `p95 ${percentile(samples.beyond, 95).toFixed(1)} ms, the provider's own time ` +
      `${median(samples.provider).toFixed(1)} ms, ${watch.items} items in the last pull; the mailbox's places in Redis are ours; ` +
      'floor: one transaction with one UPDATE of the same rows, on disk',
  };
}
