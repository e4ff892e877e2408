import { Graph, IMMUTABLE, meeting, WINDOW, WINDOW_SPAN, type Answer } from './graph.fixture.ts';

let graph: Graph;

beforeEach(async () => {
  graph = await Graph.open();
});

afterEach(() => graph.close());

interface Part {
  id: string;
  status: number;
  headers: Record<string, string>;
  body?: Answer['body'];
}

async function batch(
  requests: unknown[],
): Promise<{ status: number; parts: Map<string, Part>; order: string[] }> {
  const { status, body } = await graph.call('POST', '$batch', { body: { requests } });
  const responses = (body.responses ?? []) as Part[];
  return {
    status,
    parts: new Map(responses.map((part) => [part.id, part])),
    order: responses.map(({ id }) => id),
  };
}

const type = { 'Content-Type': 'application/json' };
const get = (id: string, url: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id,
  method: 'GET',
  url,
  ...more,
});

it('answers 200 around parts of every kind, in another order', async () => {
  const [event = ''] = graph.calendar.createMany([meeting(0)]);
  const { status, parts, order } = await batch([
    get('a', `/me/events/${encodeURIComponent(event)}?$select=subject`, { headers: { Prefer: IMMUTABLE } }),
    get('b', 'me/events/nonsense'),
    { id: 'c', method: 'post', url: '/me/events', headers: type, body: meeting(1) },
    get('d', '/me/nothing'),
    get('e', `/me/calendarView/delta?${WINDOW}`),
    get('f', 'http://elsewhere.test/me'),
  ]);
  expect(status).toBe(200);
  expect(order).not.toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  expect(parts.get('a')).toMatchObject({ status: 200, body: { subject: 'Meeting 0', id: event } });
  expect(parts.get('a')?.headers).toMatchObject({ 'request-id': expect.any(String) as unknown });
  expect(parts.get('b')).toMatchObject({ status: 400, body: { error: { code: 'ErrorInvalidIdMalformed' } } });
  expect(parts.get('c')).toMatchObject({ status: 201, body: { subject: 'Meeting 1' } });
  expect([parts.get('d')?.status, parts.get('f')?.status]).toEqual([400, 400]);
  expect(parts.get('e')?.body?.value).toBeDefined();
});

it('deletes with an empty answer', async () => {
  const [event = ''] = graph.calendar.createMany([meeting(0)]);
  const { parts } = await batch([
    { id: '1', method: 'DELETE', url: `/me/events/${encodeURIComponent(event)}` },
  ]);
  expect(parts.get('1')?.status).toBe(204);
  expect(parts.get('1')).not.toHaveProperty('body');
  expect(graph.calendar.truth(WINDOW_SPAN)).toEqual([]);
});

it('runs dependants after what they depend on, and fails them with it', async () => {
  const { parts } = await batch([
    { id: '1', method: 'POST', url: '/me/events', headers: type, body: meeting(0) },
    get('2', '/me/events', { dependsOn: ['1'] }),
    get('3', '/me/events/nonsense', { dependsOn: ['2'] }),
    get('4', '/me/events', { dependsOn: ['3'] }),
    get('5', '/me/events', { dependsOn: ['4'] }),
  ]);
  expect(parts.get('2')?.body?.value).toHaveLength(1);
  expect([3, 4, 5].map((id) => parts.get(String(id))?.status)).toEqual([400, 424, 424]);
  expect(parts.get('4')?.body?.error?.code).toBe('FailedDependency');
});

it.each([
  ['21 parts', Array.from({ length: 21 }, (_, id) => get(String(id), '/me'))],
  ['the same id twice', [get('1', '/me'), get('1', '/me')]],
  ['a dependency that does not exist', [get('1', '/me', { dependsOn: ['2'] }), get('2', '/me')]],
  ['a body without a type', [{ id: '1', method: 'POST', url: '/me/events', body: meeting(0) }]],
  ['a part without a method', [{ id: '1', url: '/me' }]],
])('refuses %s', async (_name, requests) => {
  const { status } = await batch(requests);
  expect(status).toBe(400);
});

it('is refused without a token', async () => {
  graph.accessToken = 'nonsense';
  const answer = await graph.call('POST', '$batch', { body: { requests: [get('1', '/me')] } });
  expect([answer.status, answer.body.error?.code]).toEqual([401, 'InvalidAuthenticationToken']);
});

it('throttles and counts each part by itself', async () => {
  graph.mailbox.refuseNext(2, 7);
  const { parts } = await batch(['1', '2', '3'].map((id) => get(id, '/me/calendars')));
  const [first, second, third] = ['1', '2', '3'].map((id) => parts.get(id));
  expect([first?.status, second?.status, third?.status]).toEqual([429, 429, 200]);
  expect(first).toMatchObject({
    headers: { 'Retry-After': '7' },
    body: { error: { code: 'ApplicationThrottled' } },
  });
  const usage = graph.sandbox.usage.report('noor@example.test');
  expect(usage.byOperation).toMatchObject({ 'graph.batch': 1, 'graph.calendar.list': 3 });
  expect(usage.byStatus).toMatchObject({ 200: 2, 429: 2 });
});

it('runs four parts at a time, which is what a mailbox allows', async () => {
  graph.setQuirks({ minServiceMs: 20 });
  const { parts } = await batch(Array.from({ length: 20 }, (_, id) => get(String(id), '/me/calendars')));
  expect(new Set([...parts.values()].map(({ status }) => status))).toEqual(new Set([200]));
  expect(graph.mailbox.throttle().maxInFlight).toBe(4);
});

describe('faults', () => {
  it('strike parts', async () => {
    graph.sandbox.faults.add({ operation: 'graph.event.list', effect: { kind: 'status', status: 503 } });
    const { status, parts } = await batch([get('1', '/me/events'), get('2', '/me/events')]);
    expect([status, parts.get('1')?.status, parts.get('2')?.status]).toEqual([200, 503, 200]);
  });

  it.each([
    ['drop_before', 0],
    ['drop_after', 1],
  ] as const)('%s leaves the part without its answer, the work done %i times', async (kind, events) => {
    graph.sandbox.faults.add({ operation: 'graph.event.create', effect: { kind } });
    const { parts } = await batch([
      { id: '1', method: 'POST', url: '/me/events', headers: type, body: meeting(0) },
    ]);
    expect(parts.get('1')).toMatchObject({
      status: 504,
      body: { error: { code: 'UnknownError', message: '' } },
    });
    expect(graph.calendar.truth(WINDOW_SPAN)).toHaveLength(events);
  });

  it('strike the whole', async () => {
    graph.sandbox.faults.add({
      operation: 'graph.batch',
      effect: { kind: 'status', status: 429, retryAfterSeconds: 3 },
    });
    const answer = await graph.call('POST', '$batch', { body: { requests: [] } });
    expect([answer.status, answer.headers.get('retry-after'), answer.body.error?.code]).toEqual([
      429,
      '3',
      'ApplicationThrottled',
    ]);
  });
});
