/** The memory cloud keeps the port's promise under every habit: a reader that follows it ends with the truth. */
import fc from 'fast-check';
import { slotOf, type EventTime, type RemoteItem } from '@calfleet/domain';
import { errorFrom, idOf, question } from '../conformance/round.ts';
import { MemoryCloud, type MemoryQuirks } from './cloud.ts';
import { createMemoryProvider } from './provider.ts';

const session = { accountId: 'account', accessToken: async () => 'token' };
const calendarId = 'calendar';

const start: EventTime = { kind: 'date', date: '2026-11-23' };
const bounds = { start, end: { kind: 'date', date: '2026-11-24' } } as const;
const daily = { ...bounds, recurrence: ['RRULE:FREQ=DAILY'] };
const dayOf = (n: number): EventTime => ({ kind: 'date', date: `2026-12-0${n + 1}` });

interface Edit {
  do: 'put' | 'remove' | 'except' | 'cancel' | 'read' | 'restart';
  id: number;
  day: number;
}

const number = fc.nat({ max: 4 });
const edit: fc.Arbitrary<Edit> = fc.record({
  do: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('put', 'remove') },
    { weight: 3, arbitrary: fc.constantFrom('except', 'cancel') },
    { weight: 6, arbitrary: fc.constant('read') },
    { weight: 1, arbitrary: fc.constant('restart') },
  ),
  id: number,
  day: number,
});

const quirks: fc.Arbitrary<Partial<MemoryQuirks>> = fc.record({
  pageSizeMax: fc.integer({ min: 1, max: 4 }),
  emptyPagesAt: fc.subarray([1, 2, 3]),
  newestFirst: fc.boolean(),
  repeats: fc.boolean(),
  changesJoinRounds: fc.boolean(),
  bareTombstones: fc.boolean(),
  seriesDeleteFansOut: fc.boolean(),
});

it('leads every reader to the truth, whatever changes between two pages', async () => {
  await fc.assert(
    fc.asyncProperty(quirks, fc.array(edit, { maxLength: 60, size: 'max' }), async (habits, edits) => {
      const cloud = new MemoryCloud({ quirks: habits });
      cloud.createCalendar({ providerCalendarId: calendarId });
      const reader = new Reader(cloud);
      for (const [n, one] of edits.entries()) await play(cloud, reader, one, `version ${n}`);
      await reader.finish();
      await reader.finish();
      expect(reader.mirror()).toEqual(cloud.truth(calendarId));
    }),
    { numRuns: 2_000 },
  );
});

it('strikes planned faults before or after the call, on the calls they name', async () => {
  const cloud = new MemoryCloud();
  cloud.createCalendar({ providerCalendarId: calendarId });
  const provider = createMemoryProvider(cloud);
  const watch = { providerCalendarId: calendarId, watchId: 'w', address: 'https://a.example', token: 't' };
  const open = () => provider.watch(session, { ...watch, expiresAt: '2026-11-27T12:00:00Z' });
  cloud.fail({ code: 'provider_unavailable', operation: 'watch' });
  expect((await errorFrom(open())).code).toBe('provider_unavailable');
  expect(cloud.channels.size).toBe(0);
  cloud.fail({ code: 'provider_unavailable', operation: 'watch', when: 'after' });
  expect((await errorFrom(open())).code).toBe('provider_unavailable');
  expect(cloud.channels.size).toBe(1);
  cloud.fail({ code: 'rate_limited', retryAfterMs: 9, providerCalendarId: 'other', count: Infinity });
  expect((await provider.listChanges(session, question(calendarId, {}, null))).items).toEqual([]);
});

it('shows a calendar to its own account only', async () => {
  const cloud = new MemoryCloud();
  cloud.createCalendar({ providerCalendarId: calendarId, accountId: 'somebody else' });
  const provider = createMemoryProvider(cloud);
  expect((await provider.listCalendars(session, { pageCursor: null })).calendars).toEqual([]);
  const error = await errorFrom(provider.listChanges(session, question(calendarId, {}, null)));
  expect(error.code).toBe('remote_missing');
});

async function play(cloud: MemoryCloud, reader: Reader, edit: Edit, summary: string): Promise<void> {
  if (edit.do === 'read') return reader.page();
  if (edit.do === 'restart') return reader.restart();
  const id = `series${edit.id}`;
  const exists = cloud.truth(calendarId).some((item) => idOf(item) === id);
  if (edit.do === 'put') cloud.put(calendarId, { id, fields: { ...daily, summary } });
  else if (!exists) return;
  else if (edit.do === 'remove') cloud.remove(calendarId, id);
  else if (edit.do === 'cancel')
    cloud.cancelOccurrence(calendarId, { seriesId: id, originalStart: dayOf(edit.day) });
  else
    cloud.put(calendarId, { fields: bounds, exceptionOf: { seriesId: id, originalStart: dayOf(edit.day) } });
}

/** An engine in small: full rounds sweep, a deleted series takes its occurrences along. */
class Reader {
  private rows = new Map<string, RemoteItem>();
  private seen = new Set<string>();
  private cursor: string | null = null;
  private pageCursor: string | null = null;
  private readonly provider;

  constructor(cloud: MemoryCloud) {
    this.provider = createMemoryProvider(cloud);
  }

  async page(): Promise<void> {
    const options = { cursor: this.cursor, pageSize: 3 };
    const page = await this.provider.listChanges(session, question(calendarId, options, this.pageCursor));
    // Only the last item of an id counts.
    for (const item of new Map(page.items.map((one) => [idOf(one), one])).values()) this.apply(item);
    this.pageCursor = page.nextPageCursor;
    if (page.nextCursor === null) return;
    if (this.cursor === null) {
      for (const id of this.rows.keys()) if (!this.seen.has(id)) this.rows.delete(id);
    }
    this.cursor = page.nextCursor;
  }

  restart(): void {
    [this.cursor, this.pageCursor, this.seen] = [null, null, new Set()];
  }

  async finish(): Promise<void> {
    do await this.page();
    while (this.pageCursor !== null);
  }

  mirror(): RemoteItem[] {
    return [...this.rows.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  }

  private apply(item: RemoteItem): void {
    const id = idOf(item) ?? '';
    this.seen.add(id);
    if (item.type !== 'deleted' || item.exceptionOf !== null) {
      this.rows.set(id, item);
      return;
    }
    this.rows.delete(id);
    for (const known of [...this.rows.keys()]) if (known.startsWith(`${id}_`)) this.rows.delete(known);
  }
}

it('names occurrences by their slot', () => {
  const cloud = new MemoryCloud();
  cloud.createCalendar({ providerCalendarId: calendarId });
  cloud.put(calendarId, { fields: bounds, exceptionOf: { seriesId: 'series0', originalStart: start } });
  expect(cloud.truth(calendarId).map(idOf)).toEqual([`series0_${slotOf(start)}`]);
});
