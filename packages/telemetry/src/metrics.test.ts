import fc from 'fast-check';
import { createMetrics, processNames } from './index.ts';

type Registered = { inc?: unknown; set?: unknown; observe?: unknown };

const seriesIn = (text: string): string[] => text.split('\n').filter((line) => /^calfleet_/.test(line));
const declaredIn = (text: string): string[] =>
  [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name).sort();

test('two processes in one test count apart', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.sync.inc({ provider: 'google', mode: 'full' });
  expect((await one.exposition()).text).toContain('calfleet_sync_total{provider="google",mode="full"} 1');
  expect((await other.exposition()).text).not.toContain('mode="full"');
});

test('no metric is labelled by person or calendar', async () => {
  const { text } = await createMetrics().exposition();
  expect(text).toMatch(/calfleet_notification_to_store_seconds/);
  expect(text).not.toMatch(/user_|email|calendar_id|account_id/);
});

test('counters count in base units and say so', async () => {
  const { text } = await createMetrics().exposition();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }));
  expect(types.length).toBeGreaterThan(30);
  for (const { name, type } of types) {
    expect(name).toMatch(/^calfleet_[a-z_]+$/);
    if (type === 'counter') expect(name).toMatch(/_total$/);
    else expect(name).not.toMatch(/_total$/);
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|percent)(_|$)/);
  }
});

const exported: Record<(typeof processNames)[number], RegExp> = {
  ingress:
    /^calfleet_(notification_received_total|ingress_ack_duration_seconds|http_request_duration_seconds)$/,
  api: /^calfleet_http_request_duration_seconds$/,
  worker: /^calfleet_(?!notification_received|ingress_|http_)/,
};

test.each(processNames)('the %s exports what is its own, and what Node says of it', async (process) => {
  const all = declaredIn((await createMetrics().exposition()).text);
  const own = declaredIn((await createMetrics(process).exposition()).text);
  const wanted = all.filter((name) => exported[process].test(name));
  expect(wanted).not.toEqual([]);
  expect(own.filter((name) => name.startsWith('calfleet_'))).toEqual(wanted);
  expect(own).toEqual(
    expect.arrayContaining([
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'process_start_time_seconds',
      'nodejs_eventloop_lag_seconds',
      'nodejs_heap_size_used_bytes',
    ]),
  );
});

test('every metric is exported by some process', async () => {
  const all = declaredIn((await createMetrics().exposition()).text);
  const some = await Promise.all(
    processNames.map(async (name) => (await createMetrics(name).exposition()).text),
  );
  expect(some.flatMap(declaredIn)).toEqual(expect.arrayContaining(all));
});

test('what was never read is absent, not 0', async () => {
  expect(seriesIn((await createMetrics('worker').exposition()).text)).toEqual([]);
});

test('a label outside of its values is other, whatever it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }),
      async (values) => {
        const metrics = createMetrics();
        for (const value of values) {
          for (const metric of registered(metrics)) give(metric, value);
        }
        for (const line of seriesIn((await metrics.exposition()).text)) {
          for (const [, name, value] of line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
            if (name !== 'le') expect(value).toMatch(/^other$|^[\w/:.{}-]{1,80}$/);
          }
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('labels of names of our own making are bounded in number', async () => {
  const metrics = createMetrics();
  for (let n = 0; n < 1_000; n += 1) metrics.cleanupRows.inc({ table: `table_${n}` });
  metrics.cleanupRows.inc({ table: 'ada@example.test' });
  const lines = seriesIn((await metrics.exposition()).text);
  expect(lines).toHaveLength(25);
  expect(lines.join()).toContain('table="other"} 977');
});

test('a closed label keeps what belongs to it', async () => {
  const metrics = createMetrics();
  for (const reason of ['ok', 'ada@example.test', 'ya29.secret']) {
    metrics.providerRequests.inc({ provider: 'google', status_class: '2xx', reason });
  }
  expect(seriesIn((await metrics.exposition()).text)).toEqual([
    'calfleet_provider_requests_total{provider="google",status_class="2xx",reason="ok"} 1',
    'calfleet_provider_requests_total{provider="google",status_class="2xx",reason="other"} 2',
  ]);
});

const registered = (metrics: object): Registered[] =>
  Object.values(metrics).filter((value: unknown): value is Registered => typeof value === 'object');

/** The same value for each label that the metric has. */
function give(metric: Registered, value: string): void {
  const { labelNames } = metric as { labelNames: string[] };
  const labels = Object.fromEntries(labelNames.map((name) => [name, value]));
  const call = (name: 'inc' | 'observe' | 'set', ...given: unknown[]) =>
    (metric[name] as (...given: unknown[]) => void).apply(metric, given);
  if ('observe' in metric) call('observe', labels, 1);
  else if ('set' in metric) call('set', labels, 1);
  else call('inc', labels);
}
