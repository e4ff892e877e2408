/**
 * Callers and returning browsers that were refused, counted: one row of the audit log for each minute that had any, however many there were, so
 * that whoever guesses keys cannot fill the log.
 */
import { appendAudit, type Database } from '@calfleet/db';
import type { Clock } from '@calfleet/domain';
import type { Logger } from '@calfleet/telemetry';
import type { JwtRefusal } from './jwt.ts';
import type { KeyRefusal } from './key-lookup.ts';

/** A browser back from a provider with a state that was not given out here, was used before, or is another provider's. */
export type StateRefusal = 'missing' | 'unknown' | 'used' | 'other_provider';

export type Refusal =
  | `key_${KeyRefusal}`
  | `token_${JwtRefusal}`
  /** Known, and without the scope for it. */
  | 'scope'
  /** A token of one user, used for another. */
  | 'other_user'
  /** More requests than a caller may make. */
  | 'too_many'
  | `state_${StateRefusal}`;

export interface Refusals {
  /** @param address where the connection comes from */
  count(refusal: Refusal, address: string): void;
  /** Writes what was counted. */
  flush(): Promise<void>;
}

const windowMs = 60_000;
/** Named; the others are one number. */
const sourcesMax = 20;

export function createRefusals({
  db,
  clock,
  logger,
}: {
  db: Database;
  clock: Clock;
  logger: Logger;
}): Refusals {
  let reasons = new Map<string, number>();
  let sources = new Map<string, number>();
  let timer: NodeJS.Timeout | null = null;

  const flush = async (): Promise<void> => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (reasons.size === 0) return;
    const facts = { reasons: Object.fromEntries(reasons), sources: Object.fromEntries(sources) };
    reasons = new Map();
    sources = new Map();
    const entry = { at: clock.now(), actor: 'process:api', action: 'callers.refused', facts };
    await db
      .transaction({ role: 'api', userId: '' }, (tx) => appendAudit(tx, entry))
      .catch(() => logger.warn('Refused callers could not be written down', facts));
  };

  return {
    count(refusal, address) {
      const source = sources.has(address) || sources.size < sourcesMax ? address : 'elsewhere';
      reasons.set(refusal, (reasons.get(refusal) ?? 0) + 1);
      sources.set(source, (sources.get(source) ?? 0) + 1);
      timer ??= setTimeout(() => void flush(), windowMs).unref();
    },
    flush,
  };
}
