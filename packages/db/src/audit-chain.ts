/**
 * The hash chain of the audit log: link n holds SHA-256 over the hash of link n-1 and the content of one entry, so that an
 * entry that was changed, taken away or put elsewhere shows. It is laid by workers behind the log, within a minute: laid in
 * the transaction of each act, every act would wait for the one before it.
 */
import { createHash } from 'node:crypto';
import { Prisma } from '../generated/client';
import type { AuditEntry } from './audit-log.ts';
import type { Transaction } from './transaction.ts';

export interface ChainedEntry extends Required<AuditEntry> {
  n: bigint;
  id: string;
  /** Hexadecimal. */
  hash: string;
}

/** What an entry says, as one text: `[id, at, actor, action, target, source, request_id, facts]`. */
const content = Prisma.sql`jsonb_build_array(l.id, to_char(l.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  l.actor, l.action, l.target, l.source, l.request_id, l.facts)::text`;

/** The hash before the first link. */
const beginning = Buffer.alloc(32);

const linkHash = (before: Uint8Array, text: string): Buffer<ArrayBuffer> =>
  createHash('sha256').update(before).update(text, 'utf8').digest();

/** Entries that come later than this behind others are not looked for any more; verification tells of them. */
const latest = Prisma.sql`interval '1 day'`;

/**
 * Lays links for entries that have none. One worker at a time; the others find nothing to do. Worker role only.
 * @returns the entries, in order; fewer than `limit`: there were no more
 */
export async function chainAudit(tx: Transaction, { limit }: { limit: number }): Promise<ChainedEntry[]> {
  const [lock] = await tx.$queryRaw<{ mine: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended('audit_chain', 2)) as mine`;
  if (!lock?.mine) return [];
  const [end] = await tx.$queryRaw<{ n: bigint; hash: Uint8Array; at: Date | null }[]>`
    select c.n, c.hash, l.at from audit_chain c left join audit_log l on l.id = c.entry_id order by c.n desc limit 1`;
  const found = await tx.$queryRaw<(Required<AuditEntry> & { id: string; content: string })[]>`
    select l.id, l.at, l.actor, l.action, l.target, l.source, l.request_id as "requestId", l.facts, ${content} as content
      from audit_log l
     where l.at >= coalesce(${end?.at ?? null}::timestamptz - ${latest}, '-infinity')
       and not exists (select from audit_chain c where c.entry_id = l.id)
     order by l.at, l.id limit ${limit}`;
  let n = end?.n ?? 0n;
  let hash = Buffer.from(end?.hash ?? beginning);
  const chained = found.map(({ content: text, ...entry }): ChainedEntry => {
    n += 1n;
    hash = linkHash(hash, text);
    return { ...entry, n, hash: hash.toString('hex') };
  });
  await tx.$executeRaw`
    insert into audit_chain (n, entry_id, hash)
    select n, id, decode(hash, 'hex') from unnest(${chained.map((link) => link.n)}::bigint[],
      ${chained.map((link) => link.id)}::uuid[], ${chained.map((link) => link.hash)}::text[]) as link (n, id, hash)`;
  return chained;
}

export interface ReadLink {
  n: bigint;
  entryId: string;
  hash: string;
  /** The entry is not there any more. */
  isGone: boolean;
  /** What the hash should be; null where the link before it is not known. */
  expected: string | null;
}

/** Links in order, judged. Worker role only. @param page.before the link that the page follows; null: from the first one */
export async function readLinks(
  tx: Transaction,
  { before, limit }: { before: ReadLink | null; limit: number },
): Promise<ReadLink[]> {
  const rows = await tx.$queryRaw<{ n: bigint; entryId: string; hash: Uint8Array; content: string | null }[]>`
    select c.n, c.entry_id as "entryId", c.hash, case when l.id is not null then ${content} end as content
      from audit_chain c left join audit_log l on l.id = c.entry_id
     where c.n > ${before?.n ?? 0n} order by c.n limit ${limit}`;
  let n = before?.n ?? 0n;
  let hash = before === null ? beginning : Buffer.from(before.hash, 'hex');
  return rows.map((row) => {
    const follows = row.n === n + 1n && row.content !== null;
    const expected = follows ? linkHash(hash, row.content ?? '').toString('hex') : null;
    n = row.n;
    hash = Buffer.from(row.hash);
    return { n, entryId: row.entryId, hash: hash.toString('hex'), isGone: row.content === null, expected };
  });
}

/** Entries without a link: how many, and since when. Worker role only. */
export async function unchainedAudit(tx: Transaction): Promise<{ entries: number; oldest: Date | null }> {
  const [row] = await tx.$queryRaw<{ entries: number; oldest: Date | null }[]>`
    select count(*)::int as entries, min(at) as oldest from audit_log l
     where not exists (select from audit_chain c where c.entry_id = l.id)`;
  return row ?? { entries: 0, oldest: null };
}
