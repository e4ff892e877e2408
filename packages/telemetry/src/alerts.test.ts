/** The alerts of deploy/prometheus: what they ask for exists, each is tested by promtool, each has its page in the runbook. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promtool } from '@calfleet/testkit';
import { parse } from 'yaml';
import {
  checkQueries,
  knownSeries,
  prometheusFolder,
  ruleFiles,
  rules,
  unknownIn,
} from './promql.fixture.ts';

const alerts = rules.filter((rule) => rule.alert !== undefined);
const testFiles = readdirSync(join(prometheusFolder, 'tests'));

interface AlertCase {
  alertname: string;
  exp_alerts?: unknown[];
}

const cases = testFiles.flatMap((file) => {
  const text = readFileSync(join(prometheusFolder, 'tests', file), 'utf8');
  return (parse(text) as { tests: { alert_rule_test: AlertCase[] }[] }).tests.flatMap(
    (test) => test.alert_rule_test,
  );
});

test('promtool finds no fault in the rules', async () => {
  const files = ruleFiles.map((file) => join(prometheusFolder, 'rules', file));
  const { passed, output } = await promtool(['check', 'rules', ...files]);
  expect({ passed, output }).toMatchObject({ passed: true });
});

test('promtool finds no fault in the configuration', async () => {
  const { passed, output } = await promtool(['check', 'config', join(prometheusFolder, 'prometheus.yml')]);
  expect({ passed, output }).toMatchObject({ passed: true });
});

/** Debian builds Prometheus without Kubernetes' discovery: the rest is checked with another one in its place. */
test('promtool finds no fault in the configuration for Kubernetes, its discovery apart', async () => {
  const text = await readFile(join(prometheusFolder, 'kubernetes.yml'), 'utf8');
  const found = /kubernetes_sd_configs:\n\s+- role: pod\n/;
  expect(text).toMatch(found);
  const folder = await mkdtemp(join(tmpdir(), 'calfleet-prometheus-'));
  try {
    const file = join(folder, 'kubernetes.yml');
    const checked = text
      .replace(found, "static_configs:\n      - targets: ['127.0.0.1:1']\n")
      .replace('rules/', `${prometheusFolder}/rules/`);
    await writeFile(file, checked);
    const { passed, output } = await promtool(['check', 'config', file]);
    expect({ passed, output }).toMatchObject({ passed: true });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each(testFiles)('promtool: %s', async (file) => {
  const { passed, output } = await promtool(['test', 'rules', join(prometheusFolder, 'tests', file)]);
  expect({ passed, output }).toMatchObject({ passed: true });
});

test.each(rules.map((rule) => [rule.alert ?? rule.record ?? '', rule.expr]))(
  '%s asks for nothing that nobody exports',
  (_, expr) => {
    expect(unknownIn(expr, knownSeries())).toEqual([]);
  },
);

test.each(alerts.map(({ alert }) => [alert]))('%s has a case that fires and one that does not', (alert) => {
  const own = cases.filter(({ alertname }) => alertname === alert);
  expect(own.filter(({ exp_alerts: expected = [] }) => expected.length > 0)).not.toEqual([]);
  expect(own.filter(({ exp_alerts: expected = [] }) => expected.length === 0)).not.toEqual([]);
});

test.each(alerts)('$alert says how bad, what, the figure, and where to read on', (rule) => {
  const { alert = '', labels, annotations } = rule;
  expect(['page', 'ticket']).toContain(labels?.['severity']);
  expect(Object.keys(annotations ?? {}).sort()).toEqual(['description', 'runbook_url', 'summary']);
  expect(annotations?.['runbook_url']).toBe(`docs/OPERATIONS.md#${alert.toLowerCase()}`);
  // Of a process that is not there, the figure is the wait.
  expect(annotations?.['description']).toMatch(/\{\{ \$value|for \d+ minutes/);
});

test('names are given once', () => {
  const names = alerts.map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(30);
});

const runbook = readFileSync(join(process.cwd(), 'docs/OPERATIONS.md'), 'utf8');
const runbookQueries = [...runbook.matchAll(/^```promql\n([\s\S]*?)^```$/gm)].map(([, expr = '']) =>
  expr.trim(),
);

test.each(runbookQueries)('the runbook asks for nothing that nobody exports: %s', (expr) => {
  expect(unknownIn(expr, knownSeries())).toEqual([]);
});

test('promtool can read every query of the runbook', async () => {
  expect(runbookQueries.length).toBeGreaterThan(20);
  const { passed, output } = await checkQueries(runbookQueries);
  expect({ passed, output }).toMatchObject({ passed: true });
});

test('links inside the runbook lead somewhere', () => {
  const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const wanted = [...runbook.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
  expect(wanted.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
});

test('every alert has its heading in the runbook, and every heading its alert', () => {
  const headings = [...runbook.matchAll(/^#+ (Calfleet[A-Z]\w+)$/gm)].map(([, name]) => name);
  expect([...headings].sort()).toEqual(alerts.map(({ alert }) => alert).sort());
});
