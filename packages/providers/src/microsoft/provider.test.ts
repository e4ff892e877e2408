/** What the sandbox never does: answers that Graph should not give, seen over HTTP. */
import { counted, errorFrom, FakeGraph, whole, window, type Seen } from './graph.fixture.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());

afterAll(() => graph.close());

beforeEach(() => {
  graph.seen = [];
});

describe('the request', () => {
  it('asks for the window of one calendar, with the same preferences every time', async () => {
    graph.always(graph.delta());
    await graph.list();
    const [{ url, headers } = {} as Seen] = graph.seen;
    expect(url.pathname).toBe('/microsoft/v1.0/me/calendars/AAMk%2FA%3D/calendarView/delta');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      startDateTime: window.start,
      endDateTime: window.end,
    });
    expect(headers['prefer']).toBe(
      'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text", odata.maxpagesize=200',
    );
  });

  it('follows links word for word', async () => {
    graph.always(graph.delta());
    await graph.list({ cursor: graph.link('a%2Bb.c'), pageCursor: null });
    await graph.list({ cursor: graph.link('a'), pageCursor: graph.link('d') });
    expect(graph.seen.map(({ url }) => url.href)).toEqual([graph.link('a%2Bb.c'), graph.link('d')]);
    expect(graph.seen[1]?.headers['prefer']).toContain('IdType="ImmutableId"');
  });

  it('bounds the page size', async () => {
    graph.always(graph.delta());
    await graph.list({ pageSize: 0 });
    expect(graph.seen[0]?.headers['prefer']).toContain('odata.maxpagesize=1');
  });

  it('reads the plain view where it is asked to, and ends it without a cursor', async () => {
    graph.always({ value: [], '@odata.nextLink': `${graph.rootUrl}/me/calendarView?$skip=1` });
    const first = await graph.list({ reading: 'view', cursor: graph.link('a'), pageSize: 100 });
    expect(graph.seen[0]?.url.pathname).toMatch(/\/calendarView$/);
    expect(graph.seen[0]?.url.searchParams.get('$top')).toBe('100');
    expect(first).toMatchObject({
      nextCursor: null,
      nextPageCursor: `${graph.rootUrl}/me/calendarView?$skip=1`,
    });
    graph.always({ value: [whole('a')] });
    const last = await graph.list({ reading: 'view', pageCursor: first.nextPageCursor });
    expect(last).toMatchObject({ nextCursor: '', nextPageCursor: null });
  });
});

describe('links', () => {
  const foreign = () => [
    'https://evil.example/v1.0/me/calendarView/delta?$deltatoken=1',
    'https://evil.example/microsoft/v1.0/me/calendarView/delta?$deltatoken=1',
    `${graph.rootUrl.replace('127.0.0.1', '127.0.0.2')}/me`,
    `http://user:secret@127.0.0.1:${new URL(graph.origin).port}/microsoft/v1.0/me`,
    `${graph.origin}/microsoft/beta/me/calendarView/delta`,
    `${graph.origin}/microsoft/v1.0/../elsewhere`,
    `${graph.origin}/microsoft/v1.0/%2e%2e/elsewhere`,
    `${graph.origin}/microsoft/v1.0x/me`,
    'file:///etc/passwd',
  ];

  it('are followed nowhere but to the configured root', async () => {
    graph.always(graph.delta());
    for (const cursor of foreign()) {
      const session = counted();
      const error = await errorFrom(graph.list({ cursor }, session));
      expect([cursor, error.code]).toEqual([cursor, 'provider_unavailable']);
      expect(session.admitted).toEqual([]);
    }
    expect(graph.seen).toEqual([]);
    expect((await errorFrom(graph.list({ cursor: foreign()[0] ?? '' }))).context).toEqual({
      host: 'evil.example',
    });
  });

  it.each(['@odata.nextLink', '@odata.deltaLink'])(
    'are not kept from a page that leads elsewhere by %s',
    async (name) => {
      for (const target of foreign()) {
        graph.always({ value: [], [name]: target });
        expect((await errorFrom(graph.list())).code).toBe('provider_unavailable');
      }
    },
  );

  it('that are none are dead cursors', async () => {
    expect((await errorFrom(graph.list({ cursor: 'nonsense' }))).code).toBe('cursor_expired');
    expect((await errorFrom(graph.list({ cursor: '' }))).code).toBe('cursor_expired');
    expect(graph.seen).toEqual([]);
  });

  it('do not lead to another host by a redirect', async () => {
    graph.answer = (_, response) => void response.writeHead(302, { location: 'https://evil.example/' }).end();
    expect((await errorFrom(graph.list())).code).toBe('provider_unavailable');
    expect(graph.seen).toHaveLength(1);
  });
});

describe('pages that are not believed', () => {
  it.each([
    ['neither link', { value: [] }],
    ['both links', { value: [], '@odata.nextLink': 'n', '@odata.deltaLink': 'd' }],
    ['a value that is no list', { value: {}, '@odata.deltaLink': 'd' }],
    ['no value', { '@odata.deltaLink': 'd' }],
    ['no object', []],
  ])('have %s', async (_, page) => {
    graph.always(page);
    expect((await errorFrom(graph.list())).code).toBe('provider_unavailable');
  });

  it.each(['', '{"value":[],"@odata.de', '<html>hello</html>'])('are "%s"', async (text) => {
    graph.answer = (_, response) => void response.writeHead(200).end(text);
    expect((await errorFrom(graph.list())).code).toBe('provider_unavailable');
  });
});
