/**
 * The mirror's rows as COPY takes them: read back once, kept in memory, and stored again as fast as Postgres can.
 */
import type { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

/** In the order in which their foreign keys allow. */
const tables = ['calendar_events', 'calendar_occurrences', 'calendar_changes'] as const;

export interface Copies {
  rows: number;
  bytes: number;
  tables: { name: string; columns: string; chunks: Buffer[] }[];
}

export async function readCopies(admin: Client): Promise<Copies> {
  const copies: Copies = { rows: 0, bytes: 0, tables: [] };
  for (const name of tables) {
    const columns = await storedColumns(admin, name);
    const stream = admin.query(copyTo(`copy (select ${columns} from ${name}) to stdout`));
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    copies.rows += stream.rowCount;
    const joined = inMegabytes(Buffer.concat(chunks));
    copies.bytes += joined.reduce((sum, chunk) => sum + chunk.length, 0);
    copies.tables.push({ name, columns, chunks: joined });
  }
  return copies;
}

/** One transaction, one COPY per table. */
export async function storeCopies(admin: Client, copies: Copies, schema: string): Promise<void> {
  await admin.query('begin');
  for (const { name, columns, chunks } of copies.tables) {
    const stream = admin.query(copyFrom(`copy ${schema}.${name} (${columns}) from stdin`));
    const done = new Promise<void>((resolve, reject) => {
      stream.once('finish', resolve);
      stream.once('error', reject);
    });
    for (const chunk of chunks) {
      if (!stream.write(chunk)) await new Promise<void>((resolve) => stream.once('drain', resolve));
    }
    stream.end();
    await done;
  }
  await admin.query('commit');
}

/** A mirror that is fast because it stores less would be no figure. */
export async function demandSameRows(admin: Client, copies: Copies): Promise<void> {
  const { rows } = await admin.query<{ stored: number }>(
    `select ((select count(*) from calendar_events) + (select count(*) from calendar_occurrences)
       + (select count(*) from calendar_changes))::int as stored`,
  );
  const stored = rows[0]?.stored;
  if (stored !== copies.rows) throw new Error(`Stored ${stored} rows, the floor ${copies.rows}.`);
}

/** The same columns without an index, a constraint or a key. */
export async function createBareTables(admin: Client): Promise<void> {
  await admin.query('create schema bare');
  for (const name of tables) {
    await admin.query(`create table bare.${name} as select * from public.${name} with no data`);
  }
}

export const clearBareTables = (admin: Client): Promise<unknown> =>
  admin.query(`truncate ${tables.map((name) => `bare.${name}`).join(', ')}`);

async function storedColumns(admin: Client, table: string): Promise<string> {
  const { rows } = await admin.query<{ columns: string }>(
    `select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  );
  return rows[0]?.columns ?? '';
}

/** COPY's text may be cut anywhere; large messages cost least. */
function inMegabytes(text: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0; start < text.length; start += 2 ** 20)
    chunks.push(text.subarray(start, start + 2 ** 20));
  return chunks;
}
