/** The dashboard of deploy/grafana: its shape, and that every query parses and asks for something that is exported. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { checkQueries, exportedSeries, knownSeries, namesIn, rules, unknownIn } from './promql.fixture.ts';

interface Source {
  type: string;
  uid: string;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  datasource?: Source;
  targets?: { refId: string; expr: string; datasource?: Source }[];
}

interface Dashboard {
  uid: string;
  schemaVersion: number;
  templating: { list: { name: string; type: string; query: string }[] };
  panels: Panel[];
}

const grafana = join(process.cwd(), 'deploy/grafana');
const text = readFileSync(join(grafana, 'dashboards/calfleet.json'), 'utf8');
const dashboard = JSON.parse(text) as Dashboard;
const charts = dashboard.panels.filter(({ type }) => type !== 'row');
const queries = charts.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr] as const),
);

test('it has the rows that an operator looks for, in their order', () => {
  const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
  expect(rows).toEqual([
    'Overview',
    'Ingress',
    'Channels',
    'Sync lag by provider',
    'Queues',
    'Provider quota',
    'Tokens',
    'Jobs and schedules',
    'Mirror audit',
    'Writing back',
    'Processes',
  ]);
  expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
});

test('every query goes to the data source that the reader chose', () => {
  expect(dashboard.templating.list).toContainEqual(
    expect.objectContaining({ name: 'datasource', type: 'datasource', query: 'prometheus' }),
  );
  const chosen = { type: 'prometheus', uid: '${datasource}' };
  for (const { title, datasource, targets } of charts) {
    expect({ title, datasource, targets }).toMatchObject({ datasource: chosen });
    expect(targets).not.toEqual([]);
    for (const target of targets ?? []) expect(target).toMatchObject({ datasource: chosen });
  }
  expect([...text.matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid)).not.toContain('calfleet-prometheus');
});

test('panels have their own numbers and their own place among 24 columns', () => {
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of dashboard.panels) {
    const { x, y, w, h } = gridPos;
    expect({ title, isInside: x >= 0 && w > 0 && h > 0 && x + w <= 24 }).toEqual({ title, isInside: true });
    for (let column = x; column < x + w; column += 1) {
      for (let line = y; line < y + h; line += 1) {
        expect({ title, over: taken.get(`${column},${line}`) }).toEqual({ title, over: undefined });
        taken.set(`${column},${line}`, title);
      }
    }
  }
});

test('targets of a panel have letters of their own', () => {
  for (const { targets = [] } of charts) {
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  }
});

test.each(queries)('%s asks for nothing that nobody exports: %s', (_, expr) => {
  expect(unknownIn(expr, knownSeries())).toEqual([]);
});

test('promtool can read every query', async () => {
  const { passed, output } = await checkQueries(queries.map(([, expr]) => expr));
  expect({ passed, output }).toMatchObject({ passed: true });
  expect(output).toContain(`${queries.length} rules found`);
});

test('every metric of ours is looked at somewhere', () => {
  const asked = [...queries.map(([, expr]) => expr), ...rules.map(({ expr }) => expr)].flatMap(namesIn);
  const ours = [...exportedSeries().keys()].filter((name) => name.startsWith('calfleet_'));
  const base = (name: string) => name.replace(/_(?:bucket|sum|count)$/, '');
  const seen = new Set(asked.map(base));
  expect([...new Set(ours.map(base))].filter((name) => !seen.has(name)).sort()).toEqual(unseen);
});

/** Each with what is looked at in its stead. */
const unseen = [
  // calfleet_calendars{state="deletes_held"}: how many wait now.
  'calfleet_deletes_held_total',
  // calfleet_full_sync_total{reason="view"}
  'calfleet_list_loops_total',
  // calfleet_quarantined: how many there are now.
  'calfleet_quarantined_total',
];

test('Grafana finds its data source and the dashboard where compose puts them', () => {
  const read = (path: string): unknown => parse(readFileSync(join(grafana, 'provisioning', path), 'utf8'));
  expect(read('datasources/prometheus.yml')).toMatchObject({
    datasources: [{ type: 'prometheus', url: 'http://prometheus:9090' }],
  });
  expect(read('dashboards/calfleet.yml')).toMatchObject({
    providers: [{ type: 'file', options: { path: '/var/lib/grafana/dashboards' } }],
  });
});
