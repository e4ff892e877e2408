import { Writable } from 'node:stream';
import { eventually, startTraceReceiver, type TraceReceiver } from '@calfleet/testkit';
import {
  activeTraceId,
  annotate,
  carrier,
  createLogger,
  inSpan,
  startTracing,
  type SpanOptions,
  type Tracing,
} from './index.ts';
import { isTracingOn, tracingGaps } from './tracing.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

test.each([
  [{}, false],
  [endpoint, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '  ' }, false],
  [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
  [{ OTEL_TRACES_EXPORTER: 'console, otlp' }, true],
  [{ ...endpoint, OTEL_TRACES_EXPORTER: '' }, true],
  [{ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }, false],
  [{ ...endpoint, OTEL_TRACES_EXPORTER: 'console' }, false],
  [{ ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }, false],
  [{ ...endpoint, OTEL_SDK_DISABLED: 'false' }, true],
  [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }, false],
])('%j: tracing is %s', (env, isOn) => {
  expect(isTracingOn(env)).toBe(isOn);
});

test('what is asked for and not done is said', () => {
  expect(tracingGaps({ ...endpoint, OTEL_TRACES_EXPORTER: 'otlp' })).toEqual([]);
  expect(tracingGaps({ OTEL_TRACES_EXPORTER: 'otlp,zipkin' })).toEqual([expect.stringContaining('zipkin')]);
  expect(tracingGaps({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toEqual([expect.stringContaining('grpc')]);
});

describe('off', () => {
  // Its API comes with prom-client anyway.
  test('nothing of the SDK is loaded, and a span is a call', async () => {
    const { log } = recorder();
    const tracing = await startTracing({ service: 'test', env: {}, logger: log });
    const result = await inSpan('enqueue', {}, async (span) => {
      span.set({ 'calfleet.items': 1 });
      annotate({ 'calfleet.items': 2 });
      expect([activeTraceId(), carrier()]).toEqual([undefined, undefined]);
      return 7;
    });
    expect(result).toBe(7);
    expect(Object.keys(require.cache).filter((path) => /@opentelemetry\/(?!api)/.test(path))).toEqual([]);
    await tracing.close();
  });
});

describe('on', () => {
  let receiver: TraceReceiver;
  let tracing: Tracing | undefined;
  const outer = { ...process.env };

  beforeEach(async () => (receiver = await startTraceReceiver()));
  afterEach(async () => {
    await tracing?.close();
    tracing = undefined;
    await receiver.close();
    process.env = { ...outer };
  });

  /** The library reads the process's variables by itself. */
  const start = async (more: Record<string, string> = {}) => {
    Object.assign(process.env, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      ...more,
    });
    const recorded = recorder();
    tracing = await startTracing({ service: 'calfleet-test', env: process.env, logger: recorded.log });
    return recorded;
  };
  const received = (count: number) =>
    eventually(() => receiver.spans.length >= count && receiver.spans, { describe: `${count} spans` });
  const end = async () => {
    await tracing?.close();
    tracing = undefined;
  };

  test('spans lie in each other, carry their facts, and fail by a code', async () => {
    await start();
    const fault = Object.assign(new Error('Secret meeting'), { code: 'lease_lost' });
    const work = inSpan('job pull-calendar', { kind: 'consumer', facts: { 'calfleet.attempt': 1 } }, () =>
      inSpan('page transaction', {}, async () => {
        annotate({ 'calfleet.items': 3, 'calfleet.reason': null });
        throw fault;
      }),
    );
    await expect(work).rejects.toBe(fault);
    const spans = await received(2);
    const page = spans.find(({ name }) => name === 'page transaction');
    const job = spans.find(({ name }) => name === 'job pull-calendar');
    expect(page).toMatchObject({ traceId: job?.traceId, parentSpanId: job?.spanId, kind: 1, status: 2 });
    expect(page?.attributes).toEqual({ 'calfleet.items': 3, 'error.type': 'lease_lost' });
    expect(job).toMatchObject({ parentSpanId: '', kind: 5, attributes: { 'calfleet.attempt': 1 } });
    expect(receiver.bodies.join()).not.toContain('Secret');
  });

  test('an error without a code is named by its class, and one whose code is a sentence, too', async () => {
    await start();
    const errors = [
      new TypeError('Secret'),
      Object.assign(new RangeError('Secret'), { code: 'Secret text' }),
    ];
    for (const error of errors)
      await inSpan('enqueue', {}, () => Promise.reject(error)).catch(() => undefined);
    const types = (await received(2)).map(({ attributes }) => attributes['error.type']);
    expect(types.sort()).toEqual(['RangeError', 'TypeError']);
    expect(receiver.bodies.join()).not.toContain('Secret');
  });

  test('what is no failure is none, and a failure that was named keeps its name', async () => {
    await start();
    const fail = () => Promise.reject(new Error('no'));
    await inSpan('enqueue', { isFailure: () => false }, fail).catch(() => undefined);
    await inSpan('page transaction', {}, async (span) => {
      span.fail('named');
      await fail();
    }).catch(() => undefined);
    const spans = await received(2);
    expect(spans.find(({ name }) => name === 'enqueue')?.status).toBe(0);
    expect(spans.find(({ name }) => name === 'page transaction')?.attributes['error.type']).toBe('named');
  });

  test('the standard variables say who we are, what to send along and what to sample', async () => {
    await start({
      OTEL_SERVICE_NAME: 'ours',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=stage',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=seven',
    });
    await inSpan('enqueue', {}, async () => undefined);
    const [span] = await received(1);
    expect(span?.resource).toMatchObject({ 'service.name': 'ours', 'deployment.environment.name': 'stage' });
    expect(receiver.headers[0]).toMatchObject({ 'x-tenant': 'seven', 'content-type': 'application/json' });
  });

  test('without OTEL_SERVICE_NAME the process has its own, and OTEL_TRACES_SAMPLER decides', async () => {
    await start({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' });
    await inSpan('enqueue', {}, async () => undefined);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await inSpan('api GET /events', { kind: 'server', traceparent }, async () => undefined);
    await end();
    expect(receiver.spans).toMatchObject([
      {
        name: 'api GET /events',
        traceId: '0af7651916cd43dd8448eb211c80319c',
        parentSpanId: 'b7ad6b7169203331',
        resource: { 'service.name': 'calfleet-test' },
      },
    ]);
  });

  test.each([
    'nonsense',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ])('a traceparent that is none (%s) begins a trace', async (traceparent) => {
    await start();
    await inSpan('api GET /events', { traceparent }, async () => undefined);
    const [span] = await received(1);
    expect(span).toMatchObject({ parentSpanId: '', traceId: expect.stringMatching(/^(?!0af7)/) as string });
  });

  test('jobs stay in the trace for three hops; then a linked one begins, and of a tick at once', async () => {
    await start();
    /** A job that rings for itself, so many times. */
    const chain = async (name: 'job pull-calendar' | 'job auto-sync', options: SpanOptions, left: number) =>
      inSpan(name, options, async () => {
        const carried = carrier();
        if (left > 0) await chain('job pull-calendar', carried === undefined ? {} : { carried }, left - 1);
      });
    await chain('job pull-calendar', {}, 8);
    await chain('job auto-sync', { isFanOut: true }, 1);
    await end();
    // Inner ones end first.
    const spans = receiver.spans.toReversed();
    const [tick, planned, ...pulls] = spans;
    expect(spans).toHaveLength(11);
    expect(planned).toMatchObject({
      parentSpanId: '',
      links: [{ traceId: tick?.traceId, spanId: tick?.spanId }],
    });
    const traces = [...new Set(pulls.map(({ traceId }) => traceId))];
    expect(traces.map((id) => pulls.filter(({ traceId }) => traceId === id).length)).toEqual([4, 3, 2]);
    const begun = pulls.filter(({ parentSpanId }) => parentSpanId === '');
    expect(begun.map(({ links }) => links.length)).toEqual([0, 1, 1]);
  });

  test.each([
    '',
    'nonsense',
    '{}',
    '{"traceparent":7,"hops":"x"}',
    'null',
    '{"traceparent":"00-1-1-01","hops":1}',
  ])('what a job carries may be anything: %s', async (carried) => {
    await start();
    await inSpan('job cleanup', { carried }, async () => undefined);
    const [span] = await received(1);
    expect(span).toMatchObject({ parentSpanId: '', links: [] });
  });

  test('a log line names its trace', async () => {
    const { log, lines } = await start();
    log.info('outside');
    await inSpan('enqueue', {}, async () => log.child({ job_id: '1' }).info('inside'));
    const [span] = await received(1);
    const line = (message: string) => lines.find((one) => one['message'] === message);
    expect(line('inside')).toMatchObject({ trace_id: span?.traceId, job_id: '1' });
    expect(line('outside')).not.toHaveProperty('trace_id');
  });

  test('a collector in trouble is said once, its return once, and nobody waits for it', async () => {
    const { lines } = await start();
    const said = () => lines.filter((line) => String(line['message']).includes('collector'));
    receiver.answer(400);
    for (const _ of [1, 2, 3]) {
      const before = receiver.bodies.length;
      await inSpan('enqueue', {}, async () => undefined);
      await eventually(() => receiver.bodies.length > before);
    }
    receiver.answer(200);
    await inSpan('enqueue', {}, async () => undefined);
    await eventually(() => said().length === 2);
    expect(said().map((line) => line['level'])).toEqual(['warn', 'info']);
  });

  test('a collector that never answers does not hold up the end', async () => {
    // Longer than this test may take.
    const patience = '3600000';
    await start({ OTEL_EXPORTER_OTLP_TIMEOUT: patience, OTEL_BSP_EXPORT_TIMEOUT: patience });
    receiver.answer('never');
    await inSpan('enqueue', {}, async () => undefined);
    await end();
    expect(receiver.bodies).toHaveLength(1);
  });

  test('more spans than the queue holds are dropped, not kept', async () => {
    await start({
      OTEL_BSP_SCHEDULE_DELAY: '60000',
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
    });
    receiver.answer('never');
    for (let n = 0; n < 100; n += 1) await inSpan('enqueue', {}, async () => undefined);
    await end();
    // Ten on their way, ten in the queue.
    expect(receiver.bodies.join().match(/"name":"enqueue"/g)?.length).toBeLessThanOrEqual(20);
  });
});

function recorder() {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { lines, log: createLogger({ service: 'test', level: 'debug', destination }) };
}
