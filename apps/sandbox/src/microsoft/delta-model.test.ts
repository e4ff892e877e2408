/** Whatever happens and whichever knobs are turned, a careful reader of deltas knows what Outlook shows. */
import { Random } from '../random.ts';
import { Graph, IMMUTABLE, meeting, weekly, WINDOW, WINDOW_SPAN, type Item } from './graph.fixture.ts';
import type { MicrosoftCalendarOwner } from './calendar-owner.ts';
import type { MicrosoftQuirkChanges } from './quirks.ts';

const visit = { prefer: `${IMMUTABLE}, odata.maxpagesize=4` };
const INSTANCES = `${WINDOW}&$top=100`;

const regimes: MicrosoftQuirkChanges[] = [
  {},
  { deltaMasters: 'absent', removedSeries: 'instances', outOfWindowRemoved: false },
  { seriesEmission: 'split', removedSeries: 'both', emptyPageRate: 0.3, oversizedPageRate: 0.3 },
  { seriesEmission: 'changed', deltaExceptions: 'partial', duplicateItemRate: 0.5 },
  { seriesEmission: 'changed', deltaMasters: 'absent', loopingNextLink: { times: 2 }, serverTouchRate: 0.5 },
  { deltaLagRounds: 2, emptyPagesAt: [1, 2] },
];

let graph: Graph;

afterEach(() => graph.close());

it.each(regimes.flatMap((quirks) => [21, 22, 23].map((seed) => [seed, quirks] as const)))(
  'seed %i under %j',
  async (seed, quirks) => {
    graph = await Graph.open(quirks, seed);
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    const random = new Random(seed);
    for (let i = 0; i < 20; i += 1) edit(random, graph.calendar, other);
    const mirror = new Mirror();
    let link: string | undefined;
    for (let round = 0; round < 8; round += 1) {
      let next = link ?? `me/calendarView/delta?${WINDOW}`;
      const items: Item[] = [];
      for (;;) {
        const { status, body } = await graph.get(next, visit);
        expect(status).toBe(200);
        items.push(...(body.value ?? []));
        // The last rounds are quiet, so that nothing is left to tell.
        if (round < 4 && random.chance(0.5)) edit(random, graph.calendar, other);
        link = body['@odata.deltaLink'];
        next = body['@odata.nextLink'] ?? '';
        if (link !== undefined) break;
      }
      await mirror.apply(items);
    }
    const truth = graph.calendar.truth(WINDOW_SPAN);
    expect(mirror.shown()).toEqual(
      truth.map(({ eventId, start, end }) => `${eventId} ${start.slice(0, 19)} ${end.slice(0, 19)}`).sort(),
    );
  },
);

/** By id; the last item wins; a series that is mentioned is shown anew. */
class Mirror {
  private readonly singles = new Map<string, string>();
  private readonly series = new Map<string, Map<string, string>>();

  async apply(items: readonly Item[]): Promise<void> {
    const touched = new Set<string>();
    for (const item of items) {
      if ('@removed' in item) {
        this.singles.delete(item.id);
        this.series.delete(item.id);
        touched.delete(item.id);
        for (const [master, instances] of this.series) if (instances.has(item.id)) touched.add(master);
      } else if (item.type === 'singleInstance') {
        this.singles.set(item.id, spanOf(item));
        this.series.delete(item.id);
      } else {
        touched.add(item.type === 'seriesMaster' ? item.id : (item.seriesMasterId as string));
      }
    }
    for (const master of touched) await this.hydrate(master, items);
  }

  shown(): string[] {
    const instances = [...this.singles, ...[...this.series.values()].flatMap((each) => [...each])];
    return instances.map(([id, span]) => `${id} ${span}`).sort();
  }

  /** The round's own set where it is whole, else what the series says of itself. */
  private async hydrate(master: string, items: readonly Item[]): Promise<void> {
    const own = items.filter((item) => item.seriesMasterId === master);
    const { status, body } = await graph.get(
      `me/calendar/events/${encodeURIComponent(master)}/instances?${INSTANCES}`,
      { prefer: IMMUTABLE },
    );
    const value = status === 200 ? (body.value ?? []) : [];
    const isWhole = graph.sandbox.microsoft.quirks.seriesEmission !== 'changed';
    // Nothing may be missing from the set of a round; a later edit may have added to what the series says.
    if (isWhole && own.length > 0) this.series.set(master, spansOf(own));
    else this.series.set(master, spansOf(value));
    if (status === 404) this.series.delete(master);
    else this.singles.delete(master);
  }
}

const spansOf = (items: readonly Item[]): Map<string, string> =>
  new Map(items.map((item) => [item.id, spanOf(item)]));

const spanOf = (item: Item): string =>
  [item.start, item.end].map((edge) => (edge as { dateTime: string }).dateTime.slice(0, 19)).join(' ');

function edit(random: Random, calendar: MicrosoftCalendarOwner, other: MicrosoftCalendarOwner): void {
  const living = calendar.truth({ start: '2026-09-01T00:00:00Z', end: '2027-02-01T00:00:00Z' });
  const kind = random.between(0, 11);
  if (living.length < 6 || kind < 3) {
    // Some lie before the window, and some after it.
    const hour = random.between(-800, 1000);
    calendar.create(random.chance(0.3) ? weekly() : meeting(hour));
    return;
  }
  const target = random.pick(living);
  const head = target.seriesMasterId ?? target.eventId;
  const day = target.start.slice(0, 10);
  const moved = random.between(-800, 1000);
  if (kind < 5) calendar.patch(target.eventId, { subject: `edit ${random.between(0, 999)}` });
  else if (kind < 6) calendar.delete(target.eventId);
  else if (kind < 7) calendar.delete(head);
  else if (kind < 8) calendar.touch(head);
  else if (kind < 9) other.moveTo(calendar.moveTo(head, other).id, calendar);
  else if (kind < 10) calendar.moveTo(head, other);
  else if (target.type === 'singleInstance') calendar.patch(target.eventId, timesOf(meeting(moved)));
  else if (kind < 11) calendar.patch(target.eventId, timesOf(on(day, random.between(0, 20))));
  else calendar.patch(head, timesOf(on('2026-11-02', random.between(6, 18))));
}

const timesOf = ({ start, end }: Record<string, unknown>): Record<string, unknown> => ({ start, end });

function on(day: string, hour: number): Record<string, unknown> {
  const at = (minute: string): Record<string, string> => ({
    dateTime: `${day}T${String(hour).padStart(2, '0')}:${minute}:00`,
    timeZone: 'Europe/Berlin',
  });
  return { start: at('00'), end: at('30') };
}
