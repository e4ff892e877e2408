/**
 * What a pull of a few changes costs beyond the provider's own time, with many and with few events stored: it should
 * follow the changes. The floor is the same change stored by hand: one prepared transaction on an open connection.
 */
import { pullCalendar } from '@calfleet/sync';
import { createEngine, type Engine } from '../engine.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { plantAccount, plantCalendar, type PlantedCalendar } from '../planting.ts';
import { median, percentile, timed } from '../statistics.ts';

interface Measured {
  beyondMs: number[];
  providerMs: number[];
  floorMs: number[];
}

export async function benchIncremental(ground: Ground): Promise<Figure[]> {
  const store = await ground.openStore('incremental');
  const account = await plantAccount(ground, store, { listed: true });
  const engine = createEngine(ground, store);
  const [few, many] = ground.quick ? [500, 5_000] : [1_000, 50_000];
  const small = await mirrored(ground, store, engine, account, few);
  const large = await mirrored(ground, store, engine, account, many);
  await store.admin.query('vacuum analyze');
  const cases: [number, number][] = ground.quick
    ? [
        [1, 10],
        [100, 3],
      ]
    : [
        [1, 40],
        [100, 12],
        [1_000, 6],
      ];
  const figures: Figure[] = [];
  for (const [changes, times] of cases) {
    const onSmall: Measured = { beyondMs: [], providerMs: [], floorMs: [] };
    const onLarge: Measured = { beyondMs: [], providerMs: [], floorMs: [] };
    for (let time = 0; time < times; time += 1) {
      if (changes <= few) await measure(engine, store, small, changes, onSmall);
      await measure(engine, store, large, changes, onLarge);
    }
    figures.push(figureOf(changes, { few, many }, onSmall, onLarge));
  }
  await store.close();
  return figures;
}

interface Mirrored extends PlantedCalendar {
  eventIds: string[];
  /** Round-robin, so that no event is changed twice in one round. */
  next: number;
}

async function mirrored(
  ground: Ground,
  store: Store,
  engine: Engine,
  account: Awaited<ReturnType<typeof plantAccount>>,
  events: number,
): Promise<Mirrored> {
  const calendar = await plantCalendar(ground, store, account, events);
  await pull(engine, calendar);
  const { rows } = await store.admin.query<{ id: string }>(
    'select provider_event_id as id from calendar_events where calendar_id = $1 order by md5(id::text)',
    [calendar.id],
  );
  return { ...calendar, eventIds: rows.map(({ id }) => id), next: 0 };
}

const pull = (engine: Engine, calendar: PlantedCalendar): Promise<string> =>
  pullCalendar(
    engine.deps,
    { calendarId: calendar.id, reason: 'notify', requestedAt: new Date() },
    new AbortController().signal,
  );

async function measure(
  engine: Engine,
  store: Store,
  calendar: Mirrored,
  changes: number,
  into: Measured,
): Promise<void> {
  const ids = Array.from({ length: changes }, () => {
    calendar.next = (calendar.next + 1) % calendar.eventIds.length;
    return calendar.eventIds[calendar.next] ?? '';
  });
  await edit(calendar, ids);
  into.floorMs.push(await timed(() => storeByHand(store, calendar, ids)));
  await store.admin.query('update calendars set dirty_seq = dirty_seq + 1 where id = $1', [calendar.id]);
  const { watch } = engine;
  Object.assign(watch, { providerMs: 0, items: 0 });
  const ms = await timed(() => pull(engine, calendar));
  if (watch.items !== changes) throw new Error(`${changes} changes, ${watch.items} items pulled.`);
  into.beyondMs.push(ms - watch.providerMs);
  into.providerMs.push(watch.providerMs);
}

let edits = 0;

async function edit({ control }: Mirrored, ids: readonly string[]): Promise<void> {
  for (let start = 0; start < ids.length; start += 16) {
    await Promise.all(
      ids.slice(start, start + 16).map((id) => control.patch(id, { summary: `Edit ${(edits += 1)}` })),
    );
  }
}

/** The least that keeps a change: the rows by their key, and a commit that is on disk. */
export async function storeByHand(
  store: Store,
  calendar: { id: string },
  ids: readonly string[],
): Promise<void> {
  const { admin } = store;
  await admin.query('begin');
  await admin.query({
    name: 'by-hand',
    text: `update calendar_events set updated_at = now(), version = version
           where calendar_id = $1 and provider_event_id = any($2)`,
    values: [calendar.id, ids],
  });
  await admin.query('commit');
}

function figureOf(
  changes: number,
  sizes: { few: number; many: number },
  small: Measured,
  large: Measured,
): Figure {
  const ours = median(large.beyondMs);
  const floor = median(large.floorMs);
  const [few, many] = [sizes.few.toLocaleString('en-US'), sizes.many.toLocaleString('en-US')];
  const aside =
    small.beyondMs.length === 0 ? '' : `; with ${few} stored ${median(small.beyondMs).toFixed(1)} ms`;
  return {
    what: `pull of ${changes} change${changes === 1 ? '' : 's'}, ${many} stored, beyond the provider`,
    ours,
    unit: 'ms',
    floor,
    ratio: floor / ours,
    aim: changes === 1 ? { text: '< 15 ms', met: ours < 15 } : null,
    note:
      `p95 ${percentile(large.beyondMs, 95).toFixed(1)} ms, the provider's own time ` +
      `${median(large.providerMs).toFixed(1)} ms${aside}; floor: one transaction with one UPDATE of the same rows, on disk`,
  };
}
