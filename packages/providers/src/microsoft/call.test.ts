/** What a session is asked and told around each request. */
import { SyncError, type ProviderSession } from '@calfleet/domain';
import { counted, errorFrom, FakeGraph, sendJson } from './graph.fixture.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());

afterAll(() => graph.close());

beforeEach(() => {
  graph.seen = [];
});

const refused = { error: { code: 'InvalidAuthenticationToken', message: '' } };

it('renews a refused token once, and gives its place back in between', async () => {
  graph.answer = (_, response) =>
    graph.seen.length === 1 ? sendJson(response, refused, 401) : sendJson(response, graph.delta());
  const session = counted();
  await graph.list({}, session);
  expect(session).toMatchObject({ requests: 2, tokens: 1, admitted: [1, 1], left: [undefined, undefined] });
  expect(graph.seen[1]?.headers.authorization).toBe('Bearer secret-token-1');
});

it('says credentials_revoked when the fresh token is refused too', async () => {
  graph.always(refused, 401);
  const session = counted();
  expect((await errorFrom(graph.list({}, session))).code).toBe('credentials_revoked');
  expect(session.requests).toBe(2);
});

it.each([
  [429, { 'retry-after': '17' }, 17_000],
  [429, {}, 10_000],
  [503, { 'retry-after': '17' }, undefined],
])('parks the mailbox after %i with %j for %p ms', async (status, headers, parkMs) => {
  graph.always({ error: { code: 'x', message: '' } }, status, headers);
  const session = counted();
  await errorFrom(graph.list({}, session));
  expect(session.left).toEqual([parkMs]);
});

it('gives its place back when nobody answers', async () => {
  graph.answer = (_, response) => void response.destroy();
  const session = counted();
  expect((await errorFrom(graph.list({}, session))).code).toBe('provider_unavailable');
  expect(session.left).toEqual([undefined]);
  graph.answer = () => undefined;
  expect((await errorFrom(graph.list({}, session, 50))).code).toBe('provider_unavailable');
  expect(session.left).toEqual([undefined, undefined]);
});

it('sends nothing without a place', async () => {
  const parked = new SyncError('rate_limited', 'parked', { retryAfterMs: 5_000 });
  const session: ProviderSession = { ...counted(), admit: async () => Promise.reject(parked) };
  expect(await errorFrom(graph.list({}, session))).toBe(parked);
  expect(graph.seen).toEqual([]);
});

it('needs no places where nobody counts', async () => {
  graph.always(graph.delta());
  expect((await graph.list({}, { accountId: 'a', accessToken: async () => 't' })).items).toEqual([]);
});

it('does not retry behind the back of the queue', async () => {
  graph.always({ error: { code: 'UnknownError', message: '' } }, 503);
  expect((await errorFrom(graph.list())).code).toBe('provider_unavailable');
  expect(graph.seen).toHaveLength(1);
});

it('keeps the token, the link and the body out of errors, and names the request', async () => {
  const error = { code: 'ErrorAccessDenied', message: 'private party' };
  graph.always({ error }, 403, { 'request-id': '5b0c-1' });
  const raised = await errorFrom(graph.list({ cursor: graph.link('secret-cursor') }));
  expect(JSON.stringify([raised.message, raised.stack, raised.context])).not.toMatch(
    /secret|party|127\.0\.0\.1/,
  );
  expect(raised.context).toMatchObject({ requestId: '5b0c-1', reason: 'ErrorAccessDenied' });
});

it('leaves a failure of the token source as it is', async () => {
  const broken = { accountId: 'a', accessToken: async () => Promise.reject(new TypeError('ours')) };
  await expect(graph.list({}, broken)).rejects.toThrow(new TypeError('ours'));
});
