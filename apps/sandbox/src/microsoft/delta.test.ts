import {
  dayOfStart,
  Graph,
  IMMUTABLE,
  meeting,
  typesOf,
  weekly,
  WINDOW,
  type Item,
} from './graph.fixture.ts';

let graph: Graph;

beforeEach(async () => {
  graph = await Graph.open();
});

afterEach(() => graph.close());

const visit = { prefer: IMMUTABLE };
const at = (dateTime: string): { dateTime: string; timeZone: string } => ({ dateTime, timeZone: 'UTC' });
/** A month before and after the window. */
const before = { start: at('2026-10-05T08:00:00'), end: at('2026-10-05T09:00:00') };

const idsOf = (items: readonly Item[]): string[] => items.map(({ id }) => id);

describe('a first round', () => {
  it('shows singles in full, occurrences bare, exceptions, and the master with its first start', async () => {
    graph.calendar.create(meeting(0));
    const { id } = graph.calendar.create(weekly());
    graph.calendar.patchOccurrence(id, '2026-11-16', { subject: 'moved' });
    graph.calendar.deleteOccurrence(id, '2026-11-23');
    const { items, pages } = await graph.round(undefined, visit);
    expect(pages).toHaveLength(1);
    expect(typesOf(items)).toEqual([
      'singleInstance',
      'seriesMaster',
      'occurrence',
      'occurrence',
      'exception',
      'occurrence',
    ]);
    const [single, master, first, second, exception, last] = items;
    expect(single).toMatchObject({ subject: 'Meeting 0', '@odata.type': '#microsoft.graph.event' });
    expect(master).toMatchObject({ id, recurrence: { range: { type: 'noEnd' } } });
    expect(first).toEqual({
      '@odata.type': '#microsoft.graph.event',
      '@odata.etag': expect.stringMatching(/^W\/"DwAAABYAAAD/) as unknown,
      id: expect.any(String) as unknown,
      seriesMasterId: id,
      type: 'occurrence',
      start: at('2026-11-02T08:00:00.0000000'),
      end: at('2026-11-02T09:00:00.0000000'),
    });
    expect(exception).toMatchObject({ subject: 'moved', seriesMasterId: id });
    expect([second, exception, last].map((item) => dayOfStart(item ?? {}))).toEqual([
      '2026-11-09',
      '2026-11-16',
      '2026-11-30',
    ]);
  });

  it('shows a master older than the window with its own start', async () => {
    const old = weekly();
    graph.calendar.create({
      ...old,
      start: { dateTime: '2021-01-04T09:00:00', timeZone: 'Europe/Berlin' },
      end: { dateTime: '2021-01-04T10:00:00', timeZone: 'Europe/Berlin' },
      recurrence: {
        pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday'] },
        range: { type: 'noEnd', startDate: '2021-01-04' },
      },
    });
    const { items } = await graph.round(undefined, visit);
    expect(items.map(dayOfStart)).toEqual([
      '2021-01-04',
      '2026-11-02',
      '2026-11-09',
      '2026-11-16',
      '2026-11-23',
      '2026-11-30',
    ]);
  });

  it('leaves out what is outside the window', async () => {
    graph.calendar.create({ subject: 'before', ...before });
    expect((await graph.round()).items).toEqual([]);
  });

  it('answers with context, applied preferences and an opaque link', async () => {
    const answer = await graph.get(`me/calendarView/delta?${WINDOW}`, {
      prefer: 'odata.maxpagesize=5, outlook.timezone="Tokyo Standard Time"',
    });
    expect(answer.headers.get('preference-applied')).toContain('odata.track-changes');
    expect(answer.headers.get('preference-applied')).toContain('odata.maxpagesize=5');
    expect(answer.body['@odata.context']).toBe(
      `${graph.sandbox.microsoftRootUrl}/$metadata#Collection(event)`,
    );
    expect(answer.body['@odata.deltaLink']).toMatch(
      /^http.*\/me\/calendarView\/delta\?\$deltatoken=[\w-]{200,}\.\w+$/,
    );
  });

  it.each(['delta', 'delta()', 'microsoft.graph.delta', 'microsoft.graph.delta()'])(
    'is called %s',
    async (name) => {
      const path = `me/calendars/${encodeURIComponent(graph.calendar.id)}/calendarView/${name}`;
      const { status, body } = await graph.get(`${path}?startdatetime=2026-11-01&ENDDATETIME=2026-12-01`);
      expect(status).toBe(200);
      expect((await graph.get(body['@odata.deltaLink'] ?? '')).status).toBe(200);
    },
  );

  it('needs both ends of the window', async () => {
    const answer = await graph.get('me/calendarView/delta?startDateTime=2026-11-01T00:00:00Z');
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'ErrorInvalidParameter']);
    expect(answer.body.error?.message).toContain('StartDateTime and EndDateTime');
    const wide = await graph.get('me/calendarView/delta?startDateTime=2020-01-01&endDateTime=2026-01-01');
    expect([wide.status, wide.body.error?.code]).toEqual([400, 'ErrorInvalidRequest']);
  });
});

describe('a delta', () => {
  it('is empty without changes, and says so again for the same link', async () => {
    graph.calendar.create(meeting(0));
    const first = await graph.round();
    const second = await graph.round(first.deltaLink);
    expect(second.items).toEqual([]);
    graph.calendar.create(meeting(1));
    expect((await graph.round(first.deltaLink)).items).toHaveLength(1);
    expect((await graph.round(second.deltaLink)).items).toHaveLength(1);
    expect((await graph.round((await graph.round(second.deltaLink)).deltaLink)).items).toEqual([]);
  });

  it('shows what was added, changed, touched and deleted', async () => {
    const [changed = '', touched = '', deleted = ''] = graph.calendar.createMany(
      [0, 1, 2, 3].map((n) => meeting(n)),
    );
    const { deltaLink } = await graph.round(undefined, visit);
    graph.calendar.patch(changed, { subject: 'changed' });
    graph.calendar.touch(touched);
    graph.calendar.delete(deleted);
    const added = graph.calendar.create(meeting(9)).id;
    const { items } = await graph.round(deltaLink, visit);
    expect(idsOf(items)).toEqual([changed, touched, deleted, added]);
    expect(items[2]).toEqual({
      '@odata.type': '#microsoft.graph.event',
      id: deleted,
      '@removed': { reason: 'deleted' },
    });
  });

  it('speaks in the ids that each request prefers', async () => {
    const made = await graph.create(meeting(0));
    const { items, deltaLink } = await graph.round(undefined, visit);
    expect(items[0]?.id).not.toBe(made.body.id);
    await graph.event('DELETE', made.body.id ?? '');
    expect(idsOf((await graph.round(deltaLink)).items)).toEqual([made.body.id]);
    expect(idsOf((await graph.round(deltaLink, visit)).items)).toEqual([items[0]?.id]);
  });

  it('tells of changes outside its window as removals', async () => {
    const { deltaLink } = await graph.round(undefined, visit);
    const { id } = graph.calendar.create({ subject: 'outside', ...before });
    const { items, deltaLink: next } = await graph.round(deltaLink, visit);
    expect([typesOf(items), idsOf(items)]).toEqual([['removed'], [id]]);
    graph.setQuirks({ outOfWindowRemoved: false });
    graph.calendar.patch(id, { subject: 'still outside' });
    expect((await graph.round(next, visit)).items).toEqual([]);
  });

  it.each([true, false])(
    'tells what left the window, out-of-window removals %s',
    async (outOfWindowRemoved) => {
      graph.setQuirks({ outOfWindowRemoved });
      const { id } = graph.calendar.create(meeting(0));
      const { deltaLink } = await graph.round(undefined, visit);
      graph.calendar.patch(id, before);
      const left = await graph.round(deltaLink, visit);
      expect([typesOf(left.items), idsOf(left.items)]).toEqual([['removed'], [id]]);
      graph.calendar.patch(id, { start: at('2026-11-03T08:00:00'), end: at('2026-11-03T09:00:00') });
      expect(typesOf((await graph.round(left.deltaLink, visit)).items)).toEqual(['singleInstance']);
    },
  );

  it('shows a moved event as gone here and new there', async () => {
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    const { id } = graph.calendar.create(meeting(0));
    const there = `me/calendars/${encodeURIComponent(other.id)}/calendarView/delta?${WINDOW}`;
    const [here, away] = [await graph.round(undefined, visit), await graph.round(there, visit)];
    graph.calendar.moveTo(id, other);
    const left = await graph.round(here.deltaLink, visit);
    const arrived = await graph.round(away.deltaLink, visit);
    expect([typesOf(left.items), idsOf(left.items)]).toEqual([['removed'], [id]]);
    expect([typesOf(arrived.items), idsOf(arrived.items)]).toEqual([['singleInstance'], [id]]);
  });

  it('shows an event that left and came back, or loses it with its immutable id', async () => {
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    const { id } = graph.calendar.create(meeting(0));
    const [immutable, normal] = [await graph.round(undefined, visit), await graph.round()];
    graph.calendar.moveTo(id, other);
    other.moveTo(id, graph.calendar);
    expect(typesOf((await graph.round(immutable.deltaLink, visit)).items)).toEqual(['singleInstance']);
    expect(typesOf((await graph.round(normal.deltaLink)).items)).toEqual(['removed', 'singleInstance']);
    graph.setQuirks({ returnedItemsStayRemoved: true });
    expect(typesOf((await graph.round(immutable.deltaLink, visit)).items)).toEqual(['removed']);
  });

  it('keeps its window whatever is sent with the link', async () => {
    graph.calendar.create(meeting(0));
    const { deltaLink } = await graph.round();
    graph.calendar.create({ subject: 'outside', ...before });
    const moved = await graph.round(`${deltaLink}&startDateTime=2026-10-01&endDateTime=2026-11-01`);
    expect(typesOf(moved.items)).toEqual(['removed']);
  });

  it('leaves what changes during a round to the next', async () => {
    const ids = graph.calendar.createMany([0, 1, 2, 3].map((n) => meeting(n)));
    const paged = { prefer: `${IMMUTABLE}, odata.maxpagesize=2` };
    const first = await graph.get(`me/calendarView/delta?${WINDOW}`, paged);
    graph.calendar.patch(ids[0] ?? '', { subject: 'changed' });
    graph.calendar.delete(ids[3] ?? '');
    const born = graph.calendar.create(meeting(9)).id;
    const rest = await graph.round(first.body['@odata.nextLink'], paged);
    expect(idsOf(rest.items)).toEqual([ids[2]]);
    const { items } = await graph.round(rest.deltaLink, visit);
    expect(idsOf(items)).toEqual([ids[0], ids[3], born]);
  });
});

describe('a series in a delta', () => {
  const prepare = async (): Promise<{ id: string; deltaLink: string }> => {
    const { id } = graph.calendar.create(weekly());
    return { id, deltaLink: (await graph.round(undefined, visit)).deltaLink };
  };
  const seen = async (deltaLink: string): Promise<unknown[]> => {
    const { items } = await graph.round(deltaLink, visit);
    return items.map((item) => (item.type === 'seriesMaster' ? 'master' : dayOfStart(item).slice(5)));
  };

  it('comes whole when one occurrence was deleted, with no word about it', async () => {
    const { id, deltaLink } = await prepare();
    graph.calendar.deleteOccurrence(id, '2026-11-09');
    expect(await seen(deltaLink)).toEqual(['master', '11-02', '11-16', '11-23', '11-30']);
  });

  it('comes whole when one occurrence was changed', async () => {
    const { id, deltaLink } = await prepare();
    graph.calendar.patchOccurrence(id, '2026-11-09', { subject: 'x' });
    const { items } = await graph.round(deltaLink, visit);
    expect(typesOf(items)).toEqual([
      'seriesMaster',
      'occurrence',
      'exception',
      'occurrence',
      'occurrence',
      'occurrence',
    ]);
  });

  it('may come without its master', async () => {
    graph.setQuirks({ deltaMasters: 'absent' });
    const { id, deltaLink } = await prepare();
    graph.calendar.patch(id, { subject: 'x' });
    expect(await seen(deltaLink)).toEqual(['11-02', '11-09', '11-16', '11-23', '11-30']);
  });

  it('may show the changed occurrence alone', async () => {
    graph.setQuirks({ seriesEmission: 'changed' });
    const { id, deltaLink } = await prepare();
    graph.calendar.patchOccurrence(id, '2026-11-09', { subject: 'x' });
    expect(await seen(deltaLink)).toEqual(['master', '11-09']);
    graph.calendar.deleteOccurrence(id, '2026-11-16');
    expect(await seen(deltaLink)).toEqual(['master', '11-09']);
    graph.calendar.patch(id, { subject: 'y' });
    expect(await seen(deltaLink)).toEqual(['master', '11-02', '11-09', '11-23', '11-30']);
  });

  it('may show a sibling where only a deletion happened and masters stay away', async () => {
    graph.setQuirks({ seriesEmission: 'changed', deltaMasters: 'absent' });
    const { id, deltaLink } = await prepare();
    graph.calendar.deleteOccurrence(id, '2026-11-16');
    expect(await seen(deltaLink)).toEqual(['11-02']);
  });

  it.each([
    ['whole', [6]],
    ['split', [2, 2, 2]],
  ] as const)('stands %s on pages of two', async (seriesEmission, sizes) => {
    graph.setQuirks({ seriesEmission });
    graph.calendar.create(weekly());
    const { pages, items } = await graph.round(undefined, { prefer: 'odata.maxpagesize=2' });
    expect(pages.map((page) => page.value?.length)).toEqual(sizes);
    expect(new Set(idsOf(items)).size).toBe(6);
  });

  it('may show exceptions with nothing but what is theirs', async () => {
    graph.setQuirks({ deltaExceptions: 'partial' });
    const { id } = graph.calendar.create(weekly());
    graph.calendar.patchOccurrence(id, '2026-11-09', { location: { displayName: 'Room 2' } });
    const { items } = await graph.round(undefined, visit);
    const exception = items.find((item) => item.type === 'exception') ?? { id: '' };
    expect(exception).toMatchObject({ location: { displayName: 'Room 2' }, seriesMasterId: id });
    expect(Object.keys(exception)).not.toContain('subject');
  });

  it.each([
    ['master', 1],
    ['instances', 5],
    ['both', 6],
  ] as const)('goes with the id of its %s', async (removedSeries, count) => {
    graph.setQuirks({ removedSeries });
    const { id, deltaLink } = await prepare();
    graph.calendar.delete(id);
    const { items } = await graph.round(deltaLink, visit);
    expect(new Set(typesOf(items))).toEqual(new Set(['removed']));
    expect(items).toHaveLength(count);
    expect(idsOf(items).includes(id)).toBe(removedSeries !== 'instances');
  });

  it('that has nothing left in the window is told as removed', async () => {
    graph.setQuirks({ outOfWindowRemoved: false });
    const yearly = weekly();
    const { id } = graph.calendar.create({
      ...yearly,
      recurrence: {
        pattern: { type: 'absoluteYearly', interval: 1, month: 11, dayOfMonth: 2 },
        range: { type: 'noEnd', startDate: '2026-11-02' },
      },
    });
    const { deltaLink } = await graph.round(undefined, visit);
    graph.calendar.deleteOccurrence(id, '2026-11-02');
    const { items } = await graph.round(deltaLink, visit);
    expect([typesOf(items), idsOf(items)]).toEqual([['removed'], [id]]);
  });

  it('has other occurrence ids after a change of pattern', async () => {
    const { id } = await prepare();
    const first = await graph.round(undefined, visit);
    graph.calendar.patch(id, {
      start: { dateTime: '2026-11-02T10:00:00', timeZone: 'Europe/Berlin' },
      end: { dateTime: '2026-11-02T11:00:00', timeZone: 'Europe/Berlin' },
    });
    const second = await graph.round(first.deltaLink, visit);
    const [old, now] = [first, second].map(
      ({ items }) => new Set(idsOf(items).filter((each) => each !== id)),
    );
    expect(old?.size).toBe(5);
    expect([...(now ?? [])].filter((each) => old?.has(each))).toEqual([]);
  });
});
