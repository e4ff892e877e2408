/** What Postgres does for a statement of ours, as the role that runs it. */
import type { Transaction } from '../src/index.ts';

export interface PlanFacts {
  /** Indexes that are used. */
  indexes: string[];
  /** Tables that are read from one end to the other. */
  scanned: string[];
  /** Pages of 8 KiB looked into. */
  buffers: number;
  /** A line a node: what it does, to what, for how many rows of those that were expected. */
  texts: string[];
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows'?: number;
  'Plan Rows'?: number;
  'Actual Loops'?: number;
  'Actual Total Time'?: number;
  'Rows Removed by Filter'?: number;
  'Shared Hit Blocks'?: number;
  'Shared Read Blocks'?: number;
  Plans?: PlanNode[];
}

/** Runs the statements of `work` under `explain (analyze, buffers)`; their answers are empty. */
export async function explain(
  tx: Transaction,
  work: (tx: Transaction) => Promise<unknown>,
): Promise<PlanFacts> {
  const facts: PlanFacts = { indexes: [], scanned: [], buffers: 0, texts: [] };
  const explained = async (strings: TemplateStringsArray, ...values: unknown[]): Promise<void> => {
    const [first = '', ...rest] = strings;
    const texts = [`explain (analyze, buffers, format json) ${first}`, ...rest];
    const rows = await tx.$queryRaw<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(
      Object.assign(texts, { raw: texts }),
      ...values,
    );
    for (const { 'QUERY PLAN': plans } of rows) for (const { Plan: plan } of plans) note(facts, plan, 0);
  };
  await work(
    new Proxy(tx, {
      get: (target, property) => {
        if (property === '$queryRaw') {
          return (strings: TemplateStringsArray, ...values: unknown[]) =>
            explained(strings, ...values).then(() => []);
        }
        if (property === '$executeRaw') {
          return (strings: TemplateStringsArray, ...values: unknown[]) =>
            explained(strings, ...values).then(() => 0);
        }
        return Reflect.get(target, property, target) as unknown;
      },
    }),
  );
  return facts;
}

function note(facts: PlanFacts, node: PlanNode, depth: number): void {
  const buffers = (node['Shared Hit Blocks'] ?? 0) + (node['Shared Read Blocks'] ?? 0);
  if (node['Index Name'] !== undefined) facts.indexes.push(node['Index Name']);
  if (node['Node Type'] === 'Seq Scan') facts.scanned.push(node['Relation Name'] ?? '?');
  if (depth === 0) facts.buffers += buffers;
  facts.texts.push(
    [
      `${'  '.repeat(depth)}${node['Node Type']}`,
      node['Relation Name'],
      node['Index Name'],
      `rows ${node['Actual Rows']} × ${node['Actual Loops']} of ${node['Plan Rows']}, dropped ${node['Rows Removed by Filter'] ?? 0}`,
      `${node['Actual Total Time']} ms, ${buffers} pages`,
    ]
      .filter((fact) => fact !== undefined)
      .join(' · '),
  );
  for (const child of node.Plans ?? []) note(facts, child, depth + 1);
}
