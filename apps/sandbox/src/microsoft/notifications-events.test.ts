/** From a change of a calendar to the subscriber, and back to what the subscriber reads. */
import { Graph, meeting, weekly, type Answer } from './graph.fixture.ts';
import { startGraphReceiver, type GraphReceiver } from './notifications-receiver.ts';

let graph: Graph;
let receiver: GraphReceiver;

beforeEach(async () => {
  receiver = await startGraphReceiver();
  graph = await Graph.open({ notificationsPerChangeMin: 1, notificationsPerChangeMax: 1 });
});

afterEach(async () => {
  await graph.close();
  await receiver.close();
});

const subscribe = (resource = 'me/events', prefer?: string): Promise<Answer> =>
  graph.call('POST', 'subscriptions', {
    body: {
      changeType: 'created,updated,deleted',
      notificationUrl: receiver.url,
      resource,
      expirationDateTime: new Date(graph.sandbox.clock.now() + 86_400_000).toISOString(),
    },
    ...(prefer === undefined ? {} : { prefer }),
  });

/** What was told since the last time: change type and event id. */
async function told(): Promise<[unknown, unknown][]> {
  await graph.sandbox.microsoft.notifications.settled();
  return receiver.posts
    .splice(0)
    .flatMap(({ items }) => items)
    .map(({ changeType, resourceData }) => [changeType, (resourceData as { id: string }).id]);
}

it('tells of creation, change and deletion, whoever did it', async () => {
  await subscribe();
  const { body } = await graph.create(meeting(0));
  expect(await told()).toEqual([['created', body.id]]);
  await graph.event('PATCH', body.id ?? '', { body: { subject: 'Moved' } });
  expect(await told()).toEqual([['updated', body.id]]);
  await graph.event('DELETE', body.id ?? '');
  expect(await told()).toEqual([['deleted', body.id]]);
  graph.calendar.create(meeting(1));
  expect(await told()).toMatchObject([['created', expect.any(String)]]);
});

it('names ids that can be read, in the space that the creation asked for', async () => {
  await subscribe('me/events', 'IdType="ImmutableId"');
  await graph.create(meeting(0));
  const [[, id] = []] = await told();
  const read = await graph.event('GET', String(id), { prefer: 'IdType="ImmutableId"' });
  expect([read.status, read.body.id]).toEqual([200, id]);
});

it('carries the changeKey of the event behind eight bytes of its own', async () => {
  await subscribe();
  const { body } = await graph.create(meeting(0));
  await graph.sandbox.microsoft.notifications.settled();
  const [item] = receiver.items();
  const bytesOf = (etag: unknown): Buffer => Buffer.from(String(etag).slice(3, -1), 'base64');
  const notified = bytesOf((item?.resourceData as Record<string, unknown>)['@odata.etag']);
  expect(notified.subarray(8)).toEqual(bytesOf(body['@odata.etag']));
  expect(notified.subarray(0, 8).toString('hex')).toBe('0f00000016000000');
});

it('may be earlier than delta', async () => {
  await subscribe();
  const { deltaLink } = await graph.round();
  graph.setQuirks({ deltaLagMs: 60_000 });
  const { body } = await graph.create(meeting(0));
  expect(await told()).toEqual([['created', body.id]]);
  expect((await graph.round(deltaLink)).items).toEqual([]);
});

it('hears a series and its occurrences', async () => {
  await subscribe();
  const { body } = await graph.create(weekly());
  expect(await told()).toEqual([['created', body.id]]);
  const { body: instances } = await graph.get(
    `me/events/${encodeURIComponent(body.id ?? '')}/instances?startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-11-10T00:00:00Z`,
  );
  await graph.event('DELETE', instances.value?.[0]?.id ?? '');
  expect((await told()).length).toBeGreaterThan(0);
});

it('throttles the parts of a batch like requests of their own', async () => {
  graph.setQuirks({ minServiceMs: 300 });
  const requests = Array.from({ length: 8 }, (_, n) => ({ id: String(n), method: 'GET', url: '/me/events' }));
  const [batch, ...singles] = await Promise.all([
    graph.call('POST', '$batch', { body: { requests } }),
    graph.get('me/events'),
    graph.get('me/events'),
  ]);
  const parts = batch.body.responses as { status: number; headers: Record<string, string> }[];
  const statuses = [...parts, ...singles].map(({ status }) => status);
  expect(batch.status).toBe(200);
  expect(statuses).toContain(429);
  expect(parts.filter(({ status }) => status === 429).every(({ headers }) => 'Retry-After' in headers)).toBe(
    true,
  );
  expect(graph.mailbox.throttle()).toMatchObject({ maxInFlight: 4, requests: 10 });
});
