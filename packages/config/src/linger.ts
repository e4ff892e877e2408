/**
 * The moment between "I go" and "I am gone" of a server behind a balancer: it serves on, tells each caller to come back
 * over another connection, and leaves when nobody has asked for a while.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Balancers need about a second to notice that an instance goes; one that is slow keeps on asking. */
const leastMs = 1_500;
const quietMs = 750;
/** Supervisors kill after ten seconds, and the answers under way need theirs. */
const mostMs = 4_000;

export interface Linger {
  /** A request came in. */
  asked(): void;
  /** Resolves when nobody has asked for a while, at the latest after 4 s. */
  over(): Promise<void>;
}

export function createLinger(): Linger {
  let askedAt = 0;
  return {
    asked: () => {
      askedAt = performance.now();
    },
    over: async () => {
      const startedAt = performance.now();
      await pause(leastMs);
      while (performance.now() - askedAt < quietMs && performance.now() - startedAt < mostMs)
        await pause(100);
    },
  };
}
