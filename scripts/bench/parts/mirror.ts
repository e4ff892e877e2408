/**
 * The initial mirror of a calendar beside two floors: the same pages by the same client and COPY of the very rows
 * that we stored, into the same tables, and into tables without indexes. The rows are ready before the clock runs.
 */
import { pullCalendar } from '@calfleet/sync';
import type { CalendarProvider } from '@calfleet/domain';
import { clearBareTables, createBareTables, demandSameRows, readCopies, storeCopies } from '../copies.ts';
import { createEngine, googleOf } from '../engine.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import {
  clearMirror,
  plantAccount,
  plantCalendar,
  restoreCalendar,
  type PlantedCalendar,
} from '../planting.ts';
import { median, spread, timed } from '../statistics.ts';

export async function benchMirror(ground: Ground): Promise<Figure[]> {
  const store = await ground.openStore('mirror');
  await createBareTables(store.admin);
  const sizes = ground.quick
    ? [{ events: 5_000, times: 2 }]
    : [
        { events: 10_000, times: 5 },
        { events: 50_000, times: 3 },
      ];
  const figures: Figure[] = [];
  for (const size of sizes) figures.push(...(await benchSize(ground, store, size)));
  await store.close();
  return figures;
}

async function benchSize(
  ground: Ground,
  store: Store,
  { events, times }: { events: number; times: number },
): Promise<Figure[]> {
  await clearMirror(store);
  const account = await plantAccount(ground, store, { listed: true });
  const calendar = await plantCalendar(ground, store, account, events);
  const engine = createEngine(ground, store);
  const { watch } = engine;
  const pull = () =>
    pullCalendar(
      engine.deps,
      { calendarId: calendar.id, reason: 'backfill', requestedAt: new Date() },
      new AbortController().signal,
    );
  // Once without the clock: it warms both sides and says which rows there are to COPY.
  await pull();
  const copies = await readCopies(store.admin);
  const fetch = await fetcher(ground, calendar);

  const samples = { ours: [] as number[], provider: [] as number[], database: [] as number[] };
  const floors = { indexed: [] as number[], bare: [] as number[], fetch: [] as number[] };
  for (let time = 0; time < times; time += 1) {
    await clearMirror(store);
    await restoreCalendar(store, calendar);
    const fetchMs: number[] = [];
    floors.indexed.push(
      await timed(async () => {
        fetchMs.push(await timed(fetch));
        await storeCopies(store.admin, copies, 'public');
      }),
    );

    await clearMirror(store);
    // The same one: windows differ from calendar to calendar, and with them the rows.
    await restoreCalendar(store, calendar);
    Object.assign(watch, { providerMs: 0, databaseMs: 0 });
    samples.ours.push(await timed(pull));
    samples.provider.push(watch.providerMs);
    samples.database.push(watch.databaseMs);
    await demandSameRows(store.admin, copies);

    await clearMirror(store);
    floors.bare.push(
      await timed(async () => {
        fetchMs.push(await timed(fetch));
        await storeCopies(store.admin, copies, 'bare');
      }),
    );
    await clearBareTables(store.admin);
    floors.fetch.push(...fetchMs);
  }

  const perSecond = (ms: number): number => (events * 1_000) / ms;
  const ours = median(samples.ours);
  const figure = (what: string, floorMs: number, aim: number, note: string): Figure => ({
    what,
    ours: perSecond(ours),
    unit: 'events/s',
    floor: perSecond(floorMs),
    ratio: floorMs / ours,
    aim: { text: `≥ ${aim}`, met: floorMs / ours >= aim },
    note,
  });
  const size = events.toLocaleString('en-US');
  const split =
    `ours ${ours.toFixed(0)} ms (${spread(samples.ours)}; pages with normalising ${median(samples.provider).toFixed(0)}, ` +
    `transactions ${median(samples.database).toFixed(0)}), ${copies.rows} rows, ${(copies.bytes / 2 ** 20).toFixed(1)} MiB`;
  return [
    figure(
      `initial mirror, ${size} events`,
      median(floors.indexed),
      0.6,
      `${split}; floor ${median(floors.indexed).toFixed(0)} ms (${spread(floors.indexed)}): the same pages by the same ` +
        `client (${median(floors.fetch).toFixed(0)}), then one COPY per table with all indexes and keys, one commit`,
    ),
    figure(
      `initial mirror, ${size} events, bare`,
      median(floors.bare),
      0.3,
      `floor ${median(floors.bare).toFixed(0)} ms (${spread(floors.bare)}): as above into tables without any index or key`,
    ),
  ];
}

/** Every page of a full list, and nothing done with it. */
async function fetcher(ground: Ground, calendar: PlantedCalendar): Promise<() => Promise<void>> {
  const provider: CalendarProvider = googleOf(ground);
  const { email } = calendar.account;
  const token = await ground.sandbox.control.account(email).accessToken();
  const session = { accountId: calendar.account.id, accessToken: async () => token };
  return async () => {
    let pageCursor: string | null = null;
    do {
      const page = await provider.listChanges(session, {
        providerCalendarId: calendar.providerCalendarId,
        cursor: null,
        pageCursor,
        window: { start: '2000-01-01T00:00:00Z', end: '2100-01-01T00:00:00Z' },
        pageSize: 2_500,
        calendarTimeZone: 'Europe/Berlin',
      });
      pageCursor = page.nextPageCursor;
    } while (pageCursor !== null);
  };
}
