/** The rule files of deploy/prometheus in the shape that the Prometheus operator takes. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { parse, stringify } from 'yaml';

const rules = 'deploy/prometheus/rules';

/** @throws when a file holds anything but groups */
export async function makePrometheusRule(file: string): Promise<string> {
  const names = (await readdir(rules)).filter((name) => name.endsWith('.yml')).sort();
  const groups = await Promise.all(names.map(groupsOf));
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'calfleet', labels: { 'app.kubernetes.io/name': 'calfleet' } },
    spec: { groups: groups.flat() },
  };
  const text = `# Generated from ${rules} by "npm run generate".\n${stringify(rule, { lineWidth: 0 })}`;
  return format(text, { ...(await resolveConfig(file)), filepath: file });
}

async function groupsOf(name: string): Promise<unknown[]> {
  const content = parse(await readFile(join(rules, name), 'utf8')) as Record<string, unknown>;
  const { groups, ...rest } = content;
  if (!Array.isArray(groups) || Object.keys(rest).length > 0)
    throw new Error(`${name} holds more than groups`);
  return groups as unknown[];
}
