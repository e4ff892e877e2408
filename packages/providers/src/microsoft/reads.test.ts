/** Absence is said beside a living calendar only; series are read with everything in them. */
import {
  calendar,
  errorFrom,
  exception,
  FakeGraph,
  notFound,
  occurrence,
  series,
  time,
  whole,
  type Part,
} from './graph.fixture.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());

afterAll(() => graph.close());

beforeEach(() => {
  graph.seen = [];
});

describe('single reads', () => {
  const alive: Part = { status: 200, body: { id: calendar.providerCalendarId } };
  const isCalendar = (url: string) => /\/calendars\/[^/]+\?/.test(url);

  it('says deleted beside a calendar that is alive', async () => {
    graph.lists({}, (url) =>
      isCalendar(url) ? alive : url.endsWith('/a') ? { status: 200, body: whole('a') } : notFound,
    );
    expect(await graph.read({ events: ['a', 'b'] })).toMatchObject([
      { type: 'deleted', providerEventId: 'b', exceptionOf: null },
      { type: 'event', event: { providerEventId: 'a' } },
    ]);
    expect(graph.seen).toHaveLength(1);
  });

  it('says remote_missing, and nothing about events, when the calendar is gone', async () => {
    graph.lists({}, () => notFound);
    expect((await errorFrom(graph.read({ events: ['a'] }))).code).toBe('remote_missing');
  });

  it('asks for the calendar in every batch', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => `e${n}`);
    graph.lists({}, (url, batch) => (isCalendar(url) ? (batch === 1 ? alive : notFound) : notFound));
    expect((await errorFrom(graph.read({ events: ids }))).code).toBe('remote_missing');
    expect(graph.seen).toHaveLength(2);
  });

  it('reads a series with its occurrences and, whole, its exceptions, over all pages', async () => {
    const partial = {
      id: 'x',
      type: 'exception',
      seriesMasterId: 's',
      start: time('2026-12-01T15:00:00.0000000'),
      end: time('2026-12-01T16:00:00.0000000'),
    };
    const full = exception('x', 's', '2026-11-30T09:00:00Z');
    const nextLink = `${graph.rootUrl}/me/events/s/instances?$skip=1`;
    graph.lists({ value: [partial] }, (url) => {
      if (isCalendar(url)) return alive;
      if (url.includes('/instances?')) {
        return { status: 200, body: { value: [occurrence('o1', 's', '23')], '@odata.nextLink': nextLink } };
      }
      return { status: 200, body: url.endsWith('/x') ? full : series('s') };
    });
    const items = await graph.read({ series: ['s'] });
    expect(items).toMatchObject([
      { type: 'event', event: { kind: 'series' } },
      { type: 'instance', providerEventId: 'o1' },
      { type: 'event', event: { kind: 'exception', exceptionOf: { slot: '20261130T090000Z' } } },
    ]);
    expect(graph.seen.map(({ method, url }) => `${method} ${url.pathname}`)).toContain(
      'GET /microsoft/v1.0/me/events/s/instances',
    );
  });

  it('gives a series that has become a single event as that', async () => {
    graph.lists({}, (url) => (isCalendar(url) ? alive : { status: 200, body: whole('s') }));
    expect(await graph.read({ series: ['s'] })).toMatchObject([{ type: 'event', event: { kind: 'single' } }]);
  });

  it('reads the series of an asked exception for its slot, and does not show it', async () => {
    const full = exception('x', 's', '2026-11-29T23:00:00Z');
    graph.lists({}, (url) => {
      if (isCalendar(url)) return alive;
      return {
        status: 200,
        body: url.endsWith('/x')
          ? full
          : series('s', {
              isAllDay: true,
              start: time('2026-11-23T00:00:00'),
              end: time('2026-11-24T00:00:00'),
            }),
      };
    });
    expect(await graph.read({ events: ['x'] })).toMatchObject([
      { event: { kind: 'exception', exceptionOf: { slot: '20261130' } } },
    ]);
  });

  it('takes instances that are gone for no gone calendar', async () => {
    graph.lists({}, (url) => {
      if (isCalendar(url)) return alive;
      return url.includes('/instances?') ? notFound : { status: 200, body: series('s') };
    });
    expect((await errorFrom(graph.read({ series: ['s'] }))).code).toBe('provider_unavailable');
  });

  it('gives up on instances without end', async () => {
    const body = { value: [], '@odata.nextLink': `${graph.rootUrl}/me/events/s/instances?$skip=1` };
    graph.lists(body, (url) => {
      if (isCalendar(url)) return alive;
      return { status: 200, body: url.includes('/instances?') ? body : series('s') };
    });
    expect((await errorFrom(graph.read({ series: ['s'] }))).code).toBe('provider_unavailable');
    expect(graph.seen.length).toBeLessThan(50);
  });
});
