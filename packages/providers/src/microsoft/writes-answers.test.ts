/** What the sandbox never does: the exact requests, and answers to writes that Graph should not give. */
import type { ServerResponse } from 'node:http';
import { fieldsOf } from './desk.fixture.ts';
import {
  calendar,
  calendarPath,
  counted,
  errorFrom,
  FakeGraph,
  notFound,
  sendJson,
  whole,
  type Part,
  type Seen,
} from './graph.fixture.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());

afterAll(() => graph.close());

beforeEach(() => {
  graph.seen = [];
});

const CHANGE_KEY = Buffer.alloc(22, 7).toString('base64');
const made = whole('a', { transactionId: 'calfleet-write-1', '@odata.etag': `W/"${CHANGE_KEY}"` });
const duplicate = (more: object = {}): Part => ({
  status: 400,
  body: { error: { code: 'ErrorDuplicateTransactionId', message: '', ...more } },
});

const create = (session = counted()) =>
  graph.provider().createEvent(session, { ...calendar, writeId: 'write-1', fields: fieldsOf() });

const update = (providerVersion: string | null = CHANGE_KEY) =>
  graph.provider().updateEvent(counted(), {
    ...calendar,
    event: { providerEventId: 'a/b=' },
    providerVersion,
    patch: { summary: 'retro' },
    whole: fieldsOf({ summary: 'retro' }),
  });

/** Answers searches, creations and changes one by one, and single reads of a batch with the whole event. */
function answers({ searches = [], post, patch }: { searches?: object[]; post?: Part; patch?: Part }): void {
  const left = [...searches];
  const say = (response: ServerResponse, { status, body, headers }: Part) =>
    sendJson(response, body, status, headers);
  graph.answer = ({ method, url, body }: Seen, response) => {
    if (url.pathname.endsWith('/$batch')) {
      const { requests } = JSON.parse(body) as { requests: { id: string }[] };
      return say(response, {
        status: 200,
        body: { responses: requests.map(({ id }) => ({ id, status: 200, body: made })) },
      });
    }
    if (method === 'POST') return say(response, post ?? { status: 500 });
    if (method === 'PATCH') return say(response, patch ?? { status: 500 });
    if (url.searchParams.has('$filter'))
      return say(response, { status: 200, body: left.shift() ?? { value: [] } });
    return say(response, notFound);
  };
}

const sent = (method: string): Seen => graph.seen.find((seen) => seen.method === method) ?? ({} as Seen);

describe('a creation', () => {
  it('looks for an earlier one first, in this calendar, by a filter that survives its way', async () => {
    answers({ post: { status: 201, body: made } });
    await create();
    const [search] = graph.seen;
    expect(search?.url.pathname).toBe(`/microsoft/v1.0${calendarPath}/events`);
    expect(search?.url.search).not.toMatch(/[+ ]/);
    expect(search?.url.searchParams.get('$filter')).toMatch(
      /^singleValueExtendedProperties\/Any\(ep: ep\/id eq 'String \{[\da-f-]{36}\} Name calfleetWriteId' and ep\/value eq 'write-1'\)$/,
    );
    expect(graph.seen.map(({ method }) => method)).toEqual(['GET', 'POST']);
  });

  it('carries both marks, times without offsets, and the same preferences as everything else', async () => {
    answers({ post: { status: 201, body: made } });
    await create();
    const { headers, body } = sent('POST');
    expect(headers['prefer']).toBe(
      'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text"',
    );
    expect(JSON.parse(body)).toEqual({
      subject: 'standup',
      body: { contentType: 'text', content: '' },
      location: { displayName: '' },
      isAllDay: false,
      start: { dateTime: '2026-11-23T10:00:00', timeZone: 'W. Europe Standard Time' },
      end: { dateTime: '2026-11-23T11:00:00', timeZone: 'W. Europe Standard Time' },
      sensitivity: 'normal',
      showAs: 'busy',
      transactionId: 'calfleet-write-1',
      singleValueExtendedProperties: [
        { id: expect.stringMatching(/ Name calfleetWriteId$/) as unknown, value: 'write-1' },
      ],
    });
  });

  it('finds an earlier one on the second page, after an empty one', async () => {
    const nextLink = `${graph.rootUrl}${calendarPath}/events?$filter=x&$skip=10`;
    answers({ searches: [{ value: [], '@odata.nextLink': nextLink }, { value: [made] }] });
    expect(await create()).toMatchObject({
      type: 'event',
      event: { providerEventId: 'a', writeId: 'write-1' },
    });
    expect(sent('POST').method).toBeUndefined();
  });

  it('finds the original and not the copy that somebody made of it', async () => {
    answers({ searches: [{ value: [whole('copy'), made] }] });
    expect(await create()).toMatchObject({ type: 'event', event: { providerEventId: 'a' } });
  });

  it('gives up on a search without end', async () => {
    const nextLink = `${graph.rootUrl}${calendarPath}/events?$filter=x&$skip=10`;
    answers({ searches: Array.from({ length: 100 }, () => ({ value: [], '@odata.nextLink': nextLink })) });
    expect((await errorFrom(create())).code).toBe('provider_unavailable');
    expect(graph.seen.length).toBeLessThan(50);
  });

  it('finds the one that came into being between its search and its request', async () => {
    answers({ searches: [{ value: [] }, { value: [made] }], post: duplicate() });
    expect(await create()).toMatchObject({ type: 'event', event: { providerEventId: 'a' } });
  });

  it.each([
    [duplicate({ '@event.existingEventId': 'x' }), { type: 'deleted', providerEventId: 'x' }],
    [
      { ...duplicate({ '@event.existingEventId': 'x' }), status: 409 },
      { type: 'deleted', providerEventId: 'x' },
    ],
  ])('is deleted when the one that Graph names is gone: %j', async (post, item) => {
    answers({ post });
    expect(await create()).toMatchObject(item);
  });

  it('renews a refused token once, and sends the same again', async () => {
    const session = counted();
    answers({ post: { status: 401, body: { error: { code: 'InvalidAuthenticationToken' } } } });
    expect((await errorFrom(create(session))).code).toBe('credentials_revoked');
    expect([session.tokens, graph.seen.filter(({ method }) => method === 'POST').length]).toEqual([1, 2]);
  });

  it('asks before each request, and parks the mailbox when it is told to wait', async () => {
    const session = counted();
    const headers = { 'retry-after': '17' };
    answers({ post: { status: 429, body: { error: { code: 'ApplicationThrottled' } }, headers } });
    const error = await errorFrom(create(session));
    expect([error.code, error.retryAfterMs]).toEqual(['rate_limited', 17_000]);
    expect([session.admitted, session.left]).toEqual([
      [1, 1],
      [undefined, 17_000],
    ]);
  });
});

describe('a change', () => {
  it.each([
    [CHANGE_KEY, `W/"${CHANGE_KEY}"`],
    ['W/"odd"', 'W/"odd"'],
    ['"strong"', '"strong"'],
    [null, undefined],
  ])('upon version %j is sent with If-Match %j', async (version, ifMatch) => {
    answers({ patch: { status: 200, body: made } });
    await update(version);
    const { headers, body, url } = sent('PATCH');
    expect(headers['if-match']).toBe(ifMatch);
    expect(headers['prefer']).toContain('IdType="ImmutableId"');
    expect(url.pathname).toBe(`/microsoft/v1.0${calendarPath}/events/a%2Fb%3D`);
    expect(JSON.parse(body)).toEqual({ subject: 'retro' });
  });

  it('reads what its answer leaves out, and takes it for nothing else', async () => {
    answers({ patch: { status: 200, body: { id: 'a', subject: 'standup' } } });
    expect(await update()).toMatchObject({
      providerEventId: 'a',
      providerVersion: CHANGE_KEY,
      fields: { summary: 'standup', start: { instant: '2026-11-23T09:00:00Z' } },
    });
  });

  it.each([
    ['no JSON', { status: 200, body: undefined }],
    ['a list', { status: 200, body: [] }],
    ['an event without an id', { status: 200, body: { id: 7 } }],
  ])('is in doubt after %s', async (_, patch) => {
    answers({ patch });
    expect((await errorFrom(update())).code).toBe('provider_unavailable');
  });
});
