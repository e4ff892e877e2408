/** Requests as spans: under the caller's trace where the caller is known, and on to the job that they ring for. */
import { startTracing, type Tracing } from '@calfleet/telemetry';
import { eventually, startTraceReceiver, type TraceReceiver } from '@calfleet/testkit';
import { newId } from '@calfleet/domain';
import { openHouse, type House } from './testing/house.ts';
import { seedCalendar } from './testing/rows.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-request-id': 'req-7' };

let house: House;
let receiver: TraceReceiver;
let tracing: Tracing;
const outer = { ...process.env };

beforeAll(async () => {
  receiver = await startTraceReceiver();
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '20' });
  const logger = { info: () => undefined, warn: () => undefined };
  tracing = await startTracing({ service: 'calfleet-api', env: process.env, logger });
  house = await openHouse();
});
afterAll(async () => {
  await house.close();
  await tracing.close();
  await receiver.close();
  process.env = { ...outer };
});

const spanOf = (name: string) =>
  eventually(() => receiver.spans.find((span) => span.name === name) ?? false, { describe: name });

test("a caller's trace goes on through the request to the job", async () => {
  const { userId: user } = await seedCalendar(house, { userId: `user-${newId()}` });
  const reply = await house.send('POST', '/sync', undefined, { user, headers });
  expect(reply.status).toBe(202);
  const request = await spanOf('api POST /integrations/calendar/sync');
  expect(request).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331', kind: 2, status: 0 });
  expect(request.attributes).toEqual({
    'http.request.method': 'POST',
    'http.route': '/integrations/calendar/sync',
    'http.response.status_code': 202,
    'calfleet.request_id': 'req-7',
  });
  const enqueue = await spanOf('enqueue');
  expect(enqueue).toMatchObject({ traceId, parentSpanId: request.spanId, kind: 4 });
  expect(enqueue.attributes).toMatchObject({ 'calfleet.job': 'pull-calendar' });
});

test("routes name spans, not addresses; a caller's own mistake is no failure", async () => {
  const user = `user-${newId()}`;
  const id = newId();
  expect((await house.get(`/calendars/${id}`, { user })).status).toBe(404);
  const span = await spanOf('api GET /integrations/calendar/calendars/:id');
  expect(span).toMatchObject({ status: 0, attributes: { 'http.response.status_code': 404 } });
  expect(receiver.bodies.join()).not.toContain(id);
  expect(receiver.bodies.join()).not.toContain(user);
});

test('who is not known begins nothing', async () => {
  const before = receiver.spans.filter((span) => span.traceId === traceId).length;
  expect(
    (await house.get('/calendars', { key: 'a-wrong-key-of-more-than-32-characters', headers })).status,
  ).toBe(401);
  expect((await house.get('/accounts', { user: `user-${newId()}` })).status).toBe(200);
  await spanOf('api GET /integrations/calendar/accounts');
  expect(receiver.spans.some(({ name }) => name.endsWith('/calendars'))).toBe(false);
  expect(receiver.spans.filter((span) => span.traceId === traceId)).toHaveLength(before);
});
