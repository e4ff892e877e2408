import { manyMicrosoftEvents } from '../seed/many-microsoft.ts';
import { Graph, IMMUTABLE } from './graph.fixture.ts';

it('pages 50,000 events of one calendar, and a delta of 5,000 of them', async () => {
  const graph = await Graph.open();
  try {
    const now = new Date('2026-11-20T10:00:00Z');
    const ids = graph.calendar.createMany(
      manyMicrosoftEvents({ events: 50_000, seed: 1, now, seriesShare: 0, days: 150 }),
    );
    const window = 'startDateTime=2026-06-01T00:00:00Z&endDateTime=2027-06-01T00:00:00Z';
    const visit = { prefer: `${IMMUTABLE}, odata.maxpagesize=1000` };
    const { pages, items, deltaLink } = await graph.round(`me/calendarView/delta?${window}`, visit);
    expect(pages).toHaveLength(50);
    expect(items.map(({ id }) => id)).toEqual(ids);
    const touched = ids.filter((_, i) => i % 10 === 0);
    for (const id of touched) graph.calendar.patch(id, { subject: 'touched' });
    const delta = await graph.round(deltaLink, visit);
    expect(delta.pages).toHaveLength(5);
    expect(delta.items.map(({ id }) => id)).toEqual(touched);
    const view = await graph.pages(`me/calendarView?${window}&$top=1000&$select=subject`, visit);
    expect(view.flatMap((page) => page.value ?? [])).toHaveLength(50_000);
  } finally {
    await graph.close();
  }
});
