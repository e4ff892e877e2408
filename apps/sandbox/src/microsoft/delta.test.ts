import { dayOfStart, Graph, IMMUTABLE, meeting, typesOf, weekly, WINDOW } from './graph.fixture.ts';

let graph: Graph;

afterEach(() => graph.close());

describe('a first round', () => {
  it('shows singles in full, occurrences bare, and the master with its first start', async () => {
    graph = await Graph.open();
    graph.calendar.create(meeting(0));
    const { id } = graph.calendar.create(weekly());
    graph.calendar.patchOccurrence(id, '2026-11-16', { subject: 'moved' });
    graph.calendar.deleteOccurrence(id, '2026-11-23');
    const { items, pages } = await graph.round(undefined, { prefer: IMMUTABLE });
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
      start: { dateTime: '2026-11-02T08:00:00.0000000', timeZone: 'UTC' },
      end: { dateTime: '2026-11-02T09:00:00.0000000', timeZone: 'UTC' },
    });
    expect(exception).toMatchObject({ subject: 'moved', seriesMasterId: id });
    expect([second, exception, last].map((item) => dayOfStart(item ?? {}))).toEqual([
      '2026-11-09',
      '2026-11-16',
      '2026-11-30',
    ]);
  });
});

describe('the window', () => {
  it('needs both ends', async () => {
    graph = await Graph.open();
    const answer = await graph.get(`me/calendarView/delta?startDateTime=2026-11-01T00:00:00Z`);
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'ErrorInvalidParameter']);
    expect((await graph.get(`me/calendarView/delta()?${WINDOW}`)).status).toBe(200);
  });
});
