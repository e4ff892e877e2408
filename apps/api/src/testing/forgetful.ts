/**
 * A database whose statements have forgotten their WHERE: beside each statement of the API's role, the same one runs with
 * every condition taken back, in a savepoint that is rolled back. What it saw and did is judged by the test; the API goes on
 * with the statement as it was written.
 */
import type { Database, Transaction } from '@calfleet/db';

/** What became of one forgetful statement. */
export interface Forgotten {
  /** As the API wrote it. */
  text: string;
  /** Rows that it gave, as text; null: Postgres refused it. */
  gave: string | null;
  /** SQLSTATE, where it was refused. */
  refusal: string | null;
  /** What all rows of the others look like after it. */
  others: string;
  /** Rows that it gives to a role that row-level security lets see everything; null where it only writes, or was refused. */
  unwalled: string | null;
}

/** @param digest a statement that gives one text `digest`, of all rows that the user does not own; asked as the workers' role */
export function forgetful(db: Database, digest: string, tell: (forgotten: Forgotten) => void): Database {
  return {
    ...db,
    transaction: (options, work) =>
      db.transaction(options, (tx) => work(options.role === 'api' ? watched(tx, digest, tell) : tx)),
  };
}

function watched(tx: Transaction, digest: string, tell: (forgotten: Forgotten) => void): Transaction {
  const first =
    (name: '$queryRaw' | '$executeRaw') =>
    async (given: Sql | TemplateStringsArray, ...values: unknown[]): Promise<unknown> => {
      const sql = 'raw' in given ? { strings: [...given], values } : given;
      tell(await forget(tx, flatten(sql), digest));
      return (tx[name] as (...all: unknown[]) => Promise<unknown>)(given, ...values);
    };
  const own: Record<string, unknown> = { $queryRaw: first('$queryRaw'), $executeRaw: first('$executeRaw') };
  return new Proxy(tx, {
    get: (target, name) => own[String(name)] ?? (Reflect.get(target, name) as unknown),
  });
}

/** What a tagged template of Prisma holds; values may be such templates again. */
interface Sql {
  strings: string[];
  values: unknown[];
}

const isSql = (value: unknown): value is Sql =>
  typeof value === 'object' && value !== null && 'strings' in value && 'values' in value;

function flatten({ strings, values }: Sql): { text: string; values: unknown[] } {
  const all: unknown[] = [];
  const textOf = (sql: Sql): string =>
    sql.strings.reduce((text, part, index) => {
      const value = sql.values[index - 1];
      return text + (isSql(value) ? textOf(value) : `$${all.push(value)}`) + part;
    });
  return { text: textOf({ strings, values }), values: all };
}

async function forget(
  tx: Transaction,
  { text, values }: { text: string; values: unknown[] },
  digest: string,
): Promise<Forgotten> {
  const statement = withoutConditions(text);
  const run = async (): Promise<{ gave: string | null; refusal: string | null }> => {
    await tx.$executeRawUnsafe('savepoint attempt');
    try {
      const rows = await tx.$queryRawUnsafe<unknown[]>(statement, ...values);
      return { gave: asText(rows), refusal: null };
    } catch (error) {
      await tx.$executeRawUnsafe('rollback to savepoint attempt');
      return { gave: null, refusal: stateOf(error) };
    }
  };
  const as = (role: string) => tx.$queryRawUnsafe(`select set_config('role', 'calfleet_${role}', true)`);
  await tx.$executeRawUnsafe('savepoint forgetful');
  const { gave, refusal } = await run();
  await as('worker');
  const [row] = await tx.$queryRawUnsafe<{ digest: string }[]>(digest);
  // The role is taken back with the rest.
  await tx.$executeRawUnsafe('rollback to savepoint forgetful');
  await as('worker');
  const unwalled = isWriting(text) ? null : (await run()).gave;
  await tx.$executeRawUnsafe('rollback to savepoint forgetful');
  return { text, gave, refusal, others: row?.digest ?? '', unwalled };
}

const isWriting = (text: string): boolean =>
  /\b(?:insert into|update|delete from)\b(?! *of)/.test(text.replace(/for (?:no key )?update/g, ''));

const asText = (rows: unknown): string =>
  JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

function stateOf(error: unknown): string {
  const { meta, message } = error as { meta?: { code?: unknown }; message?: string };
  return typeof meta?.code === 'string' ? meta.code : (/Code: `(\w+)`/.exec(message ?? '')?.[1] ?? 'unknown');
}

/** What ends a WHERE at its own depth. */
const ends = /^(?:group|order|limit|offset|for|returning|union|except|intersect|having|window|do)$/i;
/** Comments, texts, words, and single characters. */
const pieces = /--[^\n]*|'(?:[^']|'')*'|"[^"]*"|[A-Za-z_]\w*|\$\d+|[\s\S]/g;

/** Each WHERE is true whatever it says, and so is each comparison with a user; the first LIMIT of the outside is far away. */
export function withoutConditions(text: string): string {
  const open: number[] = [];
  let depth = 0;
  let forgotten = '';
  const closeAt = (at: number) => {
    while ((open.at(-1) ?? -1) >= at) {
      open.pop();
      forgotten += ')) ';
    }
  };
  for (const [piece] of text.matchAll(pieces)) {
    if (piece.startsWith('--')) continue;
    if (piece === ')') {
      closeAt(depth);
      depth -= 1;
    } else if (ends.test(piece)) closeAt(depth);
    forgotten += piece;
    if (piece === '(') depth += 1;
    if (/^where$/i.test(piece)) {
      open.push(depth);
      forgotten += ' (true or (';
    }
  }
  closeAt(0);
  return forgotten
    .replaceAll(/(?:\w+\.)?user_id = \$\d+/g, (condition) => `(true or ${condition})`)
    .replace(/limit (\$\d+)\s*$/, 'limit greatest($1::bigint, 1000000)');
}
