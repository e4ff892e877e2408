/** `audit-log verify`: walks the hash chain of the audit log, and says where it does not hold. Reads, and changes nothing. */
import { readLinks, unchainedAudit, type ReadLink } from '@calfleet/db';
import type { NotedLink } from './audit-log-command.ts';
import type { Fleet } from './fleet.ts';

/** Nothing was changed; something was. */
export const auditLogExit = { whole: 0, broken: 1 } as const;

const pageSize = 1_000;
/** Named; the others are a number. */
const faultsMax = 100;
/** Workers look twice a minute. An entry that waits longer waits for a fleet that stands still, or was put in behind it. */
const waitMs = 3_600_000;

/** @returns the exit code */
export async function verifyAuditLog(fleet: Fleet, { noted }: { noted: NotedLink | null }): Promise<number> {
  const { db, clock, print } = fleet;
  const asWorker = { role: 'worker' } as const;
  const { first, last, links, faults } = await walk(fleet, noted);
  const waiting = await db.transaction(asWorker, unchainedAudit);
  if (waiting.oldest && clock.now().getTime() - waiting.oldest.getTime() > waitMs) {
    faults.push(`${waiting.entries} entries have no link, the oldest of ${waiting.oldest.toISOString()}.`);
  }
  if (noted && (!last || last.n < noted.n)) faults.push(`The chain ends before link ${noted.n}.`);
  for (const fault of faults.slice(0, faultsMax)) print(fault);
  if (faults.length > faultsMax) print(`${faults.length - faultsMax} more.`);
  if (!first || !last) print(`No links; ${waiting.entries} entries wait for theirs.`);
  else {
    const wait = waiting.entries > 0 ? `, ${waiting.entries} entries wait for theirs` : '';
    print(`${links} links from ${first.n} to ${last.n}, ${faults.length} faults${wait}.`);
    print(`Note down elsewhere, for --noted: ${last.n}:${last.hash}`);
  }
  return faults.length > 0 ? auditLogExit.broken : auditLogExit.whole;
}

async function walk({ db }: Fleet, noted: NotedLink | null) {
  const faults: string[] = [];
  let first: ReadLink | null = null;
  let last: ReadLink | null = null;
  let links = 0;
  for (;;) {
    const before: ReadLink | null = last;
    const page: ReadLink[] = await db.transaction({ role: 'worker' }, (tx) =>
      readLinks(tx, { before, limit: pageSize }),
    );
    for (const link of page) {
      faults.push(...faultsOf(link, last, noted));
      first ??= link;
      last = link;
    }
    links += page.length;
    if (page.length < pageSize) return { first, last, links, faults };
  }
}

function faultsOf(link: ReadLink, before: ReadLink | null, noted: NotedLink | null): string[] {
  const faults: string[] = [];
  if (before && link.n !== before.n + 1n) faults.push(`Links ${before.n + 1n} to ${link.n - 1n} are gone.`);
  if (link.isGone) faults.push(`Link ${link.n}: entry ${link.entryId} is gone.`);
  if (link.expected !== null && link.expected !== link.hash) {
    faults.push(`Link ${link.n}: entry ${link.entryId} was changed or put elsewhere.`);
  }
  if (noted?.n === link.n && noted.hash !== link.hash) {
    faults.push(`Link ${link.n} is not the one that was noted: the chain was laid anew.`);
  }
  return faults;
}
