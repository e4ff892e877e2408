/**
 * `npm run verify`: what is generated and committed equals what would be generated now, and guards quote lines that are
 * there. `--write` brings up to date what can be generated.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { describeSettings } from '@calfleet/config';
import { conflictsDoc } from '../packages/sync/testing/strategy-doc.ts';
import { clientTypes, openApiFile } from './api-description.ts';
import { guards, misplaced } from './guards/index.ts';
import { makePrometheusRule } from './prometheus-rule.ts';

const artefacts: { file: string; make: (file: string) => string | Promise<string> }[] = [
  { file: '.env.example', make: describeSettings },
  {
    file: 'deploy/kubernetes/components/monitoring/prometheus-rule.yaml',
    make: makePrometheusRule,
  },
  { file: 'docs/CONFLICTS.md', make: conflictsDoc },
  { file: 'docs/openapi.json', make: openApiFile },
  { file: 'packages/client/generated/surface.ts', make: clientTypes },
];

async function main(write: boolean): Promise<void> {
  for (const { file, make } of artefacts) {
    const text = await make(file);
    if ((await readFile(file, 'utf8').catch(() => null)) === text) continue;
    if (write) {
      await writeFile(file, text);
      console.log(`${file} written`);
    } else {
      console.error(`${file} is stale: "npm run generate" writes it anew.`);
      process.exitCode = 1;
    }
  }
  for (const guard of guards) {
    const wrong = misplaced(guard);
    if (wrong === '') continue;
    console.error(`scripts/guards: "${guard.says}": ${wrong}.`);
    process.exitCode = 1;
  }
}

void main(process.argv.includes('--write'));
