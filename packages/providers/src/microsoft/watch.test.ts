/** Subscriptions: what is sent, whose a duplicate is, which expiry counts. */
import type { WatchRequest } from '@calfleet/domain';
import { calendar, counted, errorFrom, FakeGraph, sendJson, type Seen } from './graph.fixture.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());

afterAll(() => graph.close());

beforeEach(() => {
  graph.seen = [];
});

const address = 'https://calfleet.example/hooks?calendar=1';
const resource = `/me/calendars/${encodeURIComponent(calendar.providerCalendarId).replaceAll('%3D', '=')}/events`;

const request: WatchRequest = {
  providerCalendarId: calendar.providerCalendarId,
  watchId: '0193a000-0000-7000-8000-000000000001',
  address,
  token: 'v1.k1.secret',
  expiresAt: '2026-11-24T12:00:00Z',
};

const watch = (changes: Partial<WatchRequest> = {}) =>
  graph.provider().watch(counted(), { ...request, ...changes });

const renew = (expiresAt: string) =>
  graph.provider().renewWatch?.(counted(), { resourceId: 's/1', expiresAt }) ??
  Promise.reject(new Error('absent'));

const created = { id: 'sub-1', expirationDateTime: '2026-11-24T11:59:00.1234567Z' };

const calls = () =>
  graph.seen.map(({ method, url }) => `${method} ${url.pathname.replace('/microsoft/v1.0', '')}`);

const extensionError = (inner: string) => ({
  error: {
    code: 'ExtensionError',
    message: `Operation: Create; Exception: [Status Code: ${inner}; Reason: x]`,
  },
});

it('subscribes one calendar for everything that happens, at one address', async () => {
  graph.always(created, 201);
  const channel = await watch();
  expect(JSON.parse(graph.seen[0]?.body ?? '')).toEqual({
    changeType: 'created,updated,deleted',
    resource: '/me/calendars/AAMk%2FA=/events',
    notificationUrl: address,
    lifecycleNotificationUrl: address,
    clientState: 'v1.k1.secret',
    expirationDateTime: '2026-11-24T12:00:00Z',
  });
  expect(graph.seen[0]?.headers['prefer']).toContain('IdType="ImmutableId"');
  expect(channel).toEqual({ resourceId: 'sub-1', expiresAt: '2026-11-24T11:59:00Z' });
});

it('never asks for more than 10,000 minutes', async () => {
  graph.always(created, 201);
  await watch({ expiresAt: '2027-01-01T00:00:00Z' });
  expect(JSON.parse(graph.seen[0]?.body ?? '')).toMatchObject({ expirationDateTime: '2026-11-27T10:40:00Z' });
});

it('prolongs with the expiry alone, and believes the one that comes back', async () => {
  graph.always({ id: 's/1', expirationDateTime: '2026-11-25T00:00:00Z' });
  expect(await renew('2026-11-26T12:00:00Z')).toEqual({
    resourceId: 's/1',
    expiresAt: '2026-11-25T00:00:00Z',
  });
  expect(calls()).toEqual(['PATCH /subscriptions/s%2F1']);
  expect(JSON.parse(graph.seen[0]?.body ?? '')).toEqual({ expirationDateTime: '2026-11-26T12:00:00Z' });
});

it('says remote_missing for a subscription that has ended', async () => {
  graph.always({ error: { code: 'ResourceNotFound', message: '' } }, 404);
  expect((await errorFrom(renew('2026-11-26T12:00:00Z'))).code).toBe('remote_missing');
});

describe('a duplicate', () => {
  const duplicate = { error: { code: 'Conflict', message: 'Subscription Id <x> already exists.' } };

  /** The first creation is refused; the list has two pages. */
  const answers = (subscriptions: object[]) => {
    graph.answer = ({ method, url }: Seen, response) => {
      const posts = graph.seen.filter((seen) => seen.method === 'POST').length;
      if (method === 'POST')
        return posts === 1 ? sendJson(response, duplicate, 409) : sendJson(response, created, 201);
      if (method === 'DELETE') return sendJson(response, {}, 404);
      if (url.search === '')
        return sendJson(response, { value: [], '@odata.nextLink': `${graph.rootUrl}/subscriptions?$skip=1` });
      return sendJson(response, { value: subscriptions });
    };
  };

  it('of our own address is replaced, once', async () => {
    answers([
      { id: 'theirs', resource, notificationUrl: 'https://staging.example/hooks?calendar=1' },
      { id: 'ours', resource, notificationUrl: address, clientState: null },
    ]);
    expect(await watch()).toMatchObject({ resourceId: 'sub-1' });
    expect(calls()).toEqual([
      'POST /subscriptions',
      'GET /subscriptions',
      'GET /subscriptions',
      'DELETE /subscriptions/ours',
      'POST /subscriptions',
    ]);
  });

  it('of somebody else is left alone', async () => {
    answers([{ id: 'theirs', resource, notificationUrl: 'https://staging.example/hooks?calendar=1' }]);
    expect((await errorFrom(watch())).code).toBe('push_not_supported');
    expect(calls()).not.toContain('DELETE /subscriptions/theirs');
  });

  it('of nobody in the list, or of nobody any more, says nothing against the calendar', async () => {
    const other = '/me/calendars/another/events';
    answers([{ id: 'other', resource: other, notificationUrl: 'https://staging.example/hooks?calendar=2' }]);
    expect((await errorFrom(watch())).code).toBe('provider_unavailable');
    graph.answer = ({ method }: Seen, response) => {
      if (method === 'POST') return sendJson(response, duplicate, 409);
      if (method === 'DELETE') return sendJson(response, {}, 404);
      return sendJson(response, { value: [{ id: 'ours', resource, notificationUrl: address }] });
    };
    expect((await errorFrom(watch())).code).toBe('provider_unavailable');
  });
});

it('asks for a fresh token when a subscription hides that the old one was refused', async () => {
  graph.answer = (_, response) =>
    graph.seen.length === 1
      ? sendJson(response, extensionError('Unauthorized'), 403)
      : sendJson(response, created, 201);
  expect(await watch()).toMatchObject({ resourceId: 'sub-1' });
  expect(graph.seen.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer secret-token-0',
    'Bearer secret-token-1',
  ]);
});

it.each([
  ['no subscription', {}],
  ['no expiry', { id: 'sub-1' }],
  ['an expiry that is no time', { id: 'sub-1', expirationDateTime: 'soon' }],
])('believes no answer with %s', async (_, body) => {
  graph.always(body, 201);
  expect((await errorFrom(watch())).code).toBe('provider_unavailable');
});

it('stops a subscription, and one that is gone is stopped', async () => {
  const stop = () => graph.provider().stopWatch(counted(), { watchId: 'w', resourceId: 'sub-1' });
  graph.answer = (_, response) => void response.writeHead(204).end();
  await stop();
  graph.always({ error: { code: 'ResourceNotFound' } }, 404);
  await stop();
  expect(calls()).toEqual(['DELETE /subscriptions/sub-1', 'DELETE /subscriptions/sub-1']);
  graph.always(extensionError('ServiceUnavailable'), 403);
  expect((await errorFrom(stop())).code).toBe('provider_unavailable');
});
