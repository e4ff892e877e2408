/** Pages that lack half of what they show, and batches that fail in part. */
import {
  calendarPath,
  counted,
  errorFrom,
  exception,
  FakeGraph,
  notFound,
  occurrence,
  sendJson,
  series,
  time,
  typesOf,
  whole,
  type Part,
} from './graph.fixture.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());

afterAll(() => graph.close());

beforeEach(() => {
  graph.seen = [];
});

describe('items', () => {
  it('keeps the good items of a page with bad ones', async () => {
    const odd = whole('odd1', { start: null });
    graph.lists(graph.delta(null, odd, whole('good1'), 7, {}), () => ({ status: 200, body: odd }));
    expect(typesOf((await graph.list()).items).sort()).toEqual([
      'event',
      'unreadable',
      'unreadable',
      'unreadable',
      'unreadable',
    ]);
  });

  it('counts the last of an id that a page names twice, and takes a removal for a question', async () => {
    const removed = { id: 'a', '@removed': { reason: 'deleted' } };
    graph.always(
      graph.delta(whole('a'), removed, whole('b', { subject: 'old' }), whole('b', { subject: 'new' })),
    );
    const { items } = await graph.list();
    expect(items).toMatchObject([
      { type: 'absent', providerEventId: 'a' },
      { type: 'event', event: { fields: { summary: 'new' } } },
    ]);
  });

  it('reads the series of bare occurrences, once, in the same page', async () => {
    const page = graph.delta(
      occurrence('o1', 's'),
      occurrence('o2', 's', '29'),
      occurrence('o3', 't'),
      series('t'),
    );
    graph.lists(page, () => ({ status: 200, body: series('s') }));
    const session = counted();
    const { items } = await graph.list({}, session);
    expect(typesOf(items).sort()).toEqual(['event', 'event', 'instance', 'instance', 'instance']);
    expect(items).toContainEqual(
      expect.objectContaining({ type: 'instance', providerSeriesId: 's', slot: '20261129T090000Z' }),
    );
    const { requests } = JSON.parse(graph.seen[1]?.body ?? '') as { requests: unknown[] };
    expect(requests).toEqual([
      {
        id: '0',
        method: 'GET',
        url: `${calendarPath}/events/s`,
        headers: { Prefer: 'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text"' },
      },
    ]);
    expect([session.requests, session.admitted]).toEqual([2, [1, 1]]);
  });

  it('believes a single read more than a partial exception, and reads its series too', async () => {
    const partial = {
      id: 'x',
      type: 'exception',
      subject: 'partly',
      start: time('2026-12-01T15:00:00.0000000'),
    };
    const full = exception('x', 's', '2026-11-30T09:00:00Z');
    graph.lists(graph.delta(partial), (url) => ({
      status: 200,
      body: url.endsWith('/x') ? full : series('s'),
    }));
    const { items } = await graph.list();
    expect(items).toMatchObject([
      {
        event: {
          kind: 'exception',
          exceptionOf: { slot: '20261130T090000Z' },
          fields: { summary: 'standup' },
        },
      },
      { event: { kind: 'series', providerEventId: 's' } },
    ]);
    expect(graph.seen).toHaveLength(3);
  });

  it('drops the instances of a series that is gone, and asks about the series', async () => {
    graph.lists(graph.delta(occurrence('o1', 's'), whole('a')), () => notFound);
    expect((await graph.list()).items).toMatchObject([
      { event: { providerEventId: 'a' } },
      { type: 'absent', providerEventId: 's' },
    ]);
  });

  it('drops the instances of a series that has become a single event', async () => {
    graph.lists(graph.delta(occurrence('o1', 's')), () => ({ status: 200, body: whole('s') }));
    expect((await graph.list()).items).toMatchObject([
      { type: 'event', event: { kind: 'single', providerEventId: 's' } },
    ]);
  });

  it('takes a series for no instance, wherever its first day lies', async () => {
    const old = series('s', {
      start: time('2019-01-07T09:00:00.0000000'),
      end: time('2019-01-07T10:00:00.0000000'),
    });
    graph.always(graph.delta(old));
    expect((await graph.list()).items).toMatchObject([{ type: 'event', event: { kind: 'series' } }]);
  });

  it('reads what a page lacks in batches of twenty', async () => {
    const occurrences = Array.from({ length: 45 }, (_, n) => occurrence(`o${n}`, `s${n}`));
    graph.lists(graph.delta(...occurrences), (url) => ({
      status: 200,
      body: series(url.split('/').at(-1) ?? ''),
    }));
    const session = counted();
    expect((await graph.list({}, session)).items).toHaveLength(90);
    expect(session.admitted).toEqual([1, 20, 20, 5]);
    const sizes = [1, 2, 3].map((index) => graph.partsOf(index).length);
    expect(sizes).toEqual([20, 20, 5]);
  });
});

describe('batches', () => {
  const page = () => graph.delta(occurrence('o1', 's'), occurrence('o2', 't'), occurrence('o3', 'u'));
  const ok = (url: string): Part => ({ status: 200, body: series(url.split('/').at(-1) ?? '') });

  it.each([500, 502, 503, 504])(
    'asks once more for the part that failed with %i, and for it alone',
    async (status) => {
      graph.lists(page(), (url, batch) =>
        batch === 1 && url.endsWith('/t') ? { status, body: {} } : ok(url),
      );
      expect((await graph.list()).items).toHaveLength(6);
      expect(graph.partsOf(2)).toEqual([`${calendarPath}/events/t`]);
    },
  );

  it('gives the page up when the part fails again', async () => {
    graph.lists(page(), (url) => (url.endsWith('/t') ? { status: 503, body: {} } : ok(url)));
    expect((await errorFrom(graph.list())).code).toBe('provider_unavailable');
    expect(graph.seen).toHaveLength(3);
  });

  it('does not come back at once to a part that says when', async () => {
    const headers = { 'Retry-After': '30' };
    graph.lists(page(), (url) => (url.endsWith('/t') ? { status: 503, headers } : ok(url)));
    expect(await errorFrom(graph.list())).toMatchObject({
      code: 'provider_unavailable',
      retryAfterMs: 30_000,
    });
    expect(graph.seen).toHaveLength(2);
  });

  it('stays away for as long as the most throttled part says, and parks the mailbox', async () => {
    const waits: Record<string, string> = { s: '3', t: '17' };
    graph.lists(page(), (url) => {
      const wait = waits[url.split('/').at(-1) ?? ''];
      if (wait === undefined) return ok(url);
      return {
        status: 429,
        headers: { 'retry-after': wait },
        body: { error: { code: 'ApplicationThrottled' } },
      };
    });
    const session = counted();
    const error = await errorFrom(graph.list({}, session));
    expect([error.code, error.retryAfterMs]).toEqual(['rate_limited', 17_000]);
    expect(session.left).toEqual([undefined, 17_000]);
    expect(graph.seen).toHaveLength(2);
  });

  it('asks for a fresh token when a part was refused with the old one', async () => {
    graph.lists(page(), (url, batch) => (batch === 1 ? { status: 401, body: {} } : ok(url)));
    const session = counted();
    expect((await graph.list({}, session)).items).toHaveLength(6);
    expect(session.tokens).toBe(1);
    graph.lists(page(), () => ({ status: 401, body: {} }));
    expect((await errorFrom(graph.list())).code).toBe('credentials_revoked');
  });

  it.each([
    ['no list', { responses: 7 }],
    ['parts missing', { responses: [{ id: '0', status: 200, body: series('s') }] }],
    ['parts without a status', { responses: ['0', '1', '2'].map((id) => ({ id })) }],
  ])('believes no answer with %s', async (_, body) => {
    graph.answer = (request, response) => sendJson(response, request.method === 'POST' ? body : page());
    expect((await errorFrom(graph.list())).code).toBe('provider_unavailable');
  });

  it('takes a mailbox that may not be read for what it is, not for a missing series', async () => {
    graph.lists(page(), () => ({ status: 403, body: { error: { code: 'ErrorAccessDenied' } } }));
    expect((await errorFrom(graph.list())).code).toBe('permission_denied');
  });
});
