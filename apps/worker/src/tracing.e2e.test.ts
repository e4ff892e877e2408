/** One trace from a provider's notification to the rows, as a collector gets it. */
import { randomUUID } from 'node:crypto';
import { newId, systemClock } from '@calfleet/domain';
import { inSpan, spanFacts, startTracing, type Tracing } from '@calfleet/telemetry';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  startTraceReceiver,
  type ReceivedSpan,
  type TestDatabase,
  type TestRedis,
  type TraceReceiver,
} from '@calfleet/testkit';
import { fleetOn, mailbox, timed, type Fleet } from './fleet.fixture.ts';

let database: TestDatabase;
let redis: TestRedis;
let receiver: TraceReceiver;
let tracing: Tracing | undefined;
let fleet: Fleet | undefined;
const outer = { ...process.env };

beforeEach(async () => {
  [database, redis, receiver] = await Promise.all([
    createTestDatabase(),
    createTestRedis(),
    startTraceReceiver(),
  ]);
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '20' });
});
afterEach(async () => {
  await fleet?.close();
  await tracing?.close();
  fleet = tracing = undefined;
  process.env = { ...outer };
  await Promise.all([redis.clear(), database.drop(), receiver.close()]);
});

const logger = { info: () => undefined, warn: () => undefined };

const start = async (): Promise<Fleet> => {
  tracing = await startTracing({
    service: 'calfleet-test',
    env: process.env,
    logger,
  });
  fleet = await fleetOn({ databaseUrl: database.url, redisUrl: redis.url, prefix: redis.prefix });
  await fleet.work();
  await fleet.connect();
  return fleet;
};

const inTrace = (traceId: string): ReceivedSpan[] =>
  receiver.spans.filter((span) => span.traceId === traceId);

/** The trace in which a page of so many events was stored because of a notification. */
const toRow = (created: number) =>
  eventually(
    () => {
      const page = receiver.spans.find(
        (span) => span.name === 'page transaction' && span.attributes['calfleet.created'] === created,
      );
      const spans = page ? inTrace(page.traceId) : [];
      const isWhole = ['notification google', 'job pull-calendar'].every((name) =>
        spans.some((span) => span.name === name),
      );
      return isWhole && spans;
    },
    { describe: 'the whole trace' },
  );

const pathTo = (name: string, spans: readonly ReceivedSpan[]): string[] => {
  const names: string[] = [];
  for (let span = spans.find((one) => one.name === name); span;) {
    names.unshift(span.name);
    const { parentSpanId } = span;
    span = spans.find(({ spanId }) => spanId === parentSpanId);
  }
  return names;
};

const fromHint = [
  'notification google',
  'enqueue',
  'job receive-notification',
  'enqueue',
  'job pull-calendar',
];

test('from the notification to the row is one trace, and nothing in it tells what the events say', async () => {
  const { calendar, holds, lines, sandbox } = await start();
  const canary = `canary-${randomUUID()}`;
  calendar.insert({ ...timed(canary), description: canary, location: canary });
  await eventually(() => holds(canary));
  const spans = await toRow(1);

  expect(pathTo('page transaction', spans)).toEqual([...fromHint, 'page transaction']);
  expect(pathTo('google listChanges', spans)).toEqual([...fromHint, 'google listChanges']);
  expect(spans.filter(({ parentSpanId }) => parentSpanId === '').map(({ name }) => name)).toEqual([
    'notification google',
  ]);
  const [answered] = spans.filter(({ name }) => name === 'google listChanges');
  expect(answered?.attributes).toMatchObject({
    'calfleet.provider': 'google',
    'http.response.status_code': 200,
  });
  expect(spans.filter(({ status }) => status !== 0)).toEqual([]);

  const pulled = lines.find((line) => line.message === 'Pulled' && line['trace_id'] === spans[0]?.traceId);
  expect(pulled).toMatchObject({ trigger: 'notify', created: 1 });

  // Of the whole life, discovery and watch included: closed lists, no words, no secrets, no addresses.
  const names = new Set(receiver.spans.map(({ name }) => name));
  expect([...names].filter((name) => !closedNames.test(name))).toEqual([]);
  const facts = new Set<string>(spanFacts);
  const used = new Set(receiver.spans.flatMap(({ attributes }) => Object.keys(attributes)));
  expect([...used].filter((fact) => !facts.has(fact))).toEqual([]);
  const sent = receiver.bodies.join('\n');
  for (const secret of [canary, mailbox, 'demo-', 'Bearer', 'sync_token', 'v1.k1.', sandbox.googleRootUrl]) {
    expect(sent).not.toContain(secret);
  }
});

const closedNames =
  /^(notification (google|microsoft)|enqueue|page transaction|job [a-z-]+|google (listCalendars|listChanges|readEvents|watch|stopWatch|refresh))$/;

test("a provider's traceparent is not believed", async () => {
  const { env } = await start();
  const answer = await fetch(`${env['API_BASE_URL']}/integrations/calendar/webhooks/google`, {
    method: 'POST',
    headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  });
  expect(answer.status).toBe(400);
  await eventually(() => receiver.spans.some((span) => span.attributes['http.response.status_code'] === 400));
  expect(inTrace('0af7651916cd43dd8448eb211c80319c')).toEqual([]);
});

test('a notification that coalesces ends its trace at the id of the job that runs for both', async () => {
  tracing = await startTracing({ service: 'calfleet-test', env: process.env, logger });
  fleet = await fleetOn({ databaseUrl: database.url, redisUrl: redis.url, prefix: redis.prefix });
  const { producer, work } = fleet;
  const hint = {
    watchId: newId(),
    event: 'change',
    resourceId: null,
    expiresAt: null,
    receivedAt: systemClock.now().toISOString(),
  } as const;
  // No worker yet: the first one waits.
  for (const _ of [1, 2]) {
    await inSpan('notification google', { kind: 'server' }, () =>
      producer.enqueue('receive-notification', hint),
    );
  }
  await work();
  const run = await eventually(
    () => receiver.spans.find(({ name }) => name === 'job receive-notification') ?? false,
  );
  const enqueues = await eventually(() => {
    const found = receiver.spans.filter(({ name }) => name === 'enqueue');
    return found.length === 2 && found;
  });
  const [first, second] = enqueues;
  expect(run).toMatchObject({ traceId: first?.traceId, parentSpanId: first?.spanId });
  expect(second?.traceId).not.toBe(first?.traceId);
  const jobOf = (span: ReceivedSpan | undefined) => span?.attributes['messaging.message.id'];
  expect([jobOf(first), jobOf(second)]).toEqual([jobOf(run), jobOf(run)]);
});
