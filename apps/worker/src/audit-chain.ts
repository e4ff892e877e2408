/**
 * Lays the hash chain of the audit log, and says each entry in the log stream: what is shipped from there is out of reach of
 * whoever can rewrite the database, chain and all.
 */
import { chainAudit } from '@calfleet/db';
import type { SyncDeps } from '@calfleet/sync';
import { startBeat, type Beat } from './beat.ts';

/** An entry is looked for by one worker or another every so often. */
const everyMs = 30_000;
const batch = 500;
/** A backlog of more goes on at the next beat. */
const batchesMax = 100;

type Deps = Pick<SyncDeps, 'db' | 'logger'>;

/** @returns how many links were laid */
export async function layAuditChain({ db, logger }: Deps): Promise<number> {
  let links = 0;
  for (let batches = 0; batches < batchesMax; batches += 1) {
    const laid = await db.transaction({ role: 'worker' }, async (tx) => {
      const chained = await chainAudit(tx, { limit: batch });
      // Before the commit: said twice is better than never.
      for (const { n, ...entry } of chained) logger.info('Audit', { n: Number(n), ...entry });
      return chained.length;
    });
    links += laid;
    if (laid < batch) break;
  }
  return links;
}

export const keepAuditChain = (deps: Deps): Beat =>
  startBeat({
    everyMs,
    task: async () => void (await layAuditChain(deps)),
    onError: (error) => deps.logger.error('The chain of the audit log could not be laid', { error }),
  });
