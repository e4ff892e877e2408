/** What queries speak of: enough of PromQL to hold each name and label against what is declared. promtool does the rest. */
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promtool, type PromtoolAnswer } from '@calfleet/testkit';
import { parse, stringify } from 'yaml';
import type { Declare } from './metrics/declare.ts';
import { declareNotifications, declareRequests } from './metrics/edge.ts';
import { declareFleet } from './metrics/fleet.ts';
import { declareJobs } from './metrics/jobs.ts';
import type { LabelValues } from './metrics/labels.ts';
import { declareProviderCalls, declareRounds } from './metrics/sync.ts';
import { declareWrites } from './metrics/writes.ts';

export const prometheusFolder = join(process.cwd(), 'deploy/prometheus');

export interface Rule {
  file: string;
  record?: string;
  alert?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export const ruleFiles = readdirSync(join(prometheusFolder, 'rules')).filter((name) => name.endsWith('.yml'));

export const rules: Rule[] = ruleFiles.flatMap((file) => {
  const text = readFileSync(join(prometheusFolder, 'rules', file), 'utf8');
  const { groups } = parse(text) as { groups: { rules: Omit<Rule, 'file'>[] }[] };
  return groups.flatMap((group) => group.rules.map((rule) => ({ file, ...rule })));
});

type Labels = Record<string, LabelValues>;

/** What targets and Prometheus add by themselves. */
const ambient: Labels = { job: Infinity, instance: Infinity };

/** Every series that processes export, as a scrape names it, with its labels and their values. */
export const exportedSeries = (): Map<string, Labels> => {
  const series = new Map<string, Labels>();
  const add = (name: string, labels: Labels) => series.set(name, { ...labels, ...ambient });
  const scalar = (name: string, _help: string, labels: Labels) => add(`calfleet_${name}`, labels);
  const recorder = {
    counter: scalar,
    gauge: scalar,
    histogram: (name: string, _help: string, { labels }: { labels: Labels }) => {
      add(`calfleet_${name}_bucket`, { ...labels, le: Infinity });
      for (const part of ['sum', 'count']) add(`calfleet_${name}_${part}`, labels);
    },
  } as unknown as Declare;
  for (const declare of [
    declareNotifications,
    declareRequests,
    declareFleet,
    declareJobs,
    declareRounds,
    declareProviderCalls,
    declareWrites,
  ]) {
    declare(recorder);
  }
  for (const name of fromNode) add(name, {});
  add('up', {});
  return series;
};

/** prom-client's own, on every process; metrics.test.ts knows them, too. */
const fromNode = [
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_heap_size_used_bytes',
];

/** The same, and what the recording rules make of it. A recorded series has the labels that its query is grouped by. */
export const knownSeries = (): Map<string, Labels> => {
  const series = exportedSeries();
  for (const { record, expr, labels = {} } of rules) {
    if (record === undefined) continue;
    const before = series.get(record) ?? {};
    const grouped = groupingsIn(expr).map((name) => [name, Infinity] as const);
    const inherited = namesIn(expr).flatMap((name) => (name.includes(':') ? [series.get(name) ?? {}] : []));
    const fixed = Object.entries(labels).map(([name, value]) => [
      name,
      [...valuesOf(before[name]), ...valuesOf([value])],
    ]);
    series.set(record, Object.assign({}, ...inherited, Object.fromEntries([...grouped, ...fixed])) as Labels);
  }
  return series;
};

const valuesOf = (values: LabelValues | undefined): readonly string[] =>
  values === undefined || typeof values === 'number' ? [] : values;

const withoutStrings = (expr: string): string => expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');

/** Names of series, those of recording rules among them. */
export const namesIn = (expr: string): string[] =>
  [...withoutStrings(expr).matchAll(/\b(?:up|(?:calfleet|process|nodejs)[_:][a-z0-9_:]*)\b/g)].map(
    ([name]) => name,
  );

const groupingsIn = (expr: string): string[] =>
  [
    ...withoutStrings(expr).matchAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g),
  ].flatMap(([, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && name !== 'le'),
  );

interface Matcher {
  series: string;
  label: string;
  operator: string;
  value: string;
}

function matchersIn(expr: string): Matcher[] {
  const selector = /\b(up|(?:calfleet|process|nodejs)[_:][a-z0-9_:]*)\s*\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}/g;
  return [...expr.matchAll(selector)].flatMap(([, series = '', inside = '']) =>
    [...inside.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g)].map(
      ([, label = '', operator = '', value = '']) => ({ series, label, operator, value }),
    ),
  );
}

/** What a query asks for that nobody exports: a series, a label of it, a value of that. Empty when all is well. */
export function unknownIn(expr: string, known: Map<string, Labels>): string[] {
  const names = namesIn(expr);
  const series = names.filter((name) => !known.has(name)).map((name) => `series ${name}`);
  const all = new Set(names.flatMap((name) => Object.keys(known.get(name) ?? {})));
  const groupings = groupingsIn(expr)
    .filter((label) => !all.has(label))
    .map((label) => `grouping by ${label}`);
  const matchers = matchersIn(expr).flatMap(({ series: name, label, operator, value }) => {
    const values = known.get(name)?.[label];
    if (values === undefined) return [`label ${label} of ${name}`];
    if (typeof values === 'number' || value.startsWith('$')) return [];
    const wanted = operator.endsWith('~') ? value.split('|') : [value];
    return wanted.filter((one) => !values.includes(one)).map((one) => `value ${one} of ${label} of ${name}`);
  });
  return [...series, ...groupings, ...matchers];
}

/** Has promtool read queries that stand in no rule file. */
export async function checkQueries(queries: readonly string[]): Promise<PromtoolAnswer> {
  const folder = await mkdtemp(join(tmpdir(), 'calfleet-queries-'));
  try {
    const file = join(folder, 'queries.yml');
    // A variable of Grafana's own stands where PromQL wants a duration.
    const exprs = queries.map((query) => query.replaceAll('$__rate_interval', '1m'));
    const made = exprs.map((expr, index) => ({ record: `query:${index}`, expr }));
    await writeFile(file, stringify({ groups: [{ name: 'queries', rules: made }] }));
    return await promtool(['check', 'rules', file]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
