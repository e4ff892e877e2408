/** What clients did: requests by account and operation, how many at once, token refreshes. */
import type { Operation } from '../faults/faults.ts';

export interface UsageReport {
  requests: number;
  /** Highest number of requests in progress at one time. */
  concurrentMax: number;
  byOperation: Partial<Record<Operation, number>>;
  byStatus: Record<string, number>;
  /** Successful refresh grants. */
  refreshes: number;
}

class Tally {
  requests = 0;
  concurrentMax = 0;
  current = 0;
  refreshes = 0;
  readonly byOperation: Partial<Record<Operation, number>> = {};
  readonly byStatus: Record<string, number> = {};
}

export class Usage {
  private total = new Tally();
  private accounts = new Map<string, Tally>();

  /** Counts a request in. @returns what to call once, when it has ended, with its status (0: cut off). */
  begin(operation: Operation, email: string | null): (status: number) => void {
    const tallies = email === null ? [this.total] : [this.total, this.tally(email)];
    for (const tally of tallies) {
      tally.requests += 1;
      tally.current += 1;
      tally.concurrentMax = Math.max(tally.concurrentMax, tally.current);
      tally.byOperation[operation] = (tally.byOperation[operation] ?? 0) + 1;
    }
    return (status) => {
      for (const tally of tallies) {
        tally.current -= 1;
        tally.byStatus[status] = (tally.byStatus[status] ?? 0) + 1;
      }
    };
  }

  refreshed(email: string): void {
    this.total.refreshes += 1;
    this.tally(email).refreshes += 1;
  }

  /** @param email left out: everybody together, requests nobody signed included. */
  report(email?: string): UsageReport {
    const tally = email === undefined ? this.total : (this.accounts.get(email) ?? new Tally());
    const { requests, concurrentMax, byOperation, byStatus, refreshes } = tally;
    return { requests, concurrentMax, refreshes, byOperation: { ...byOperation }, byStatus: { ...byStatus } };
  }

  clear(): void {
    this.total = new Tally();
    this.accounts = new Map();
  }

  private tally(email: string): Tally {
    const tally = this.accounts.get(email) ?? new Tally();
    this.accounts.set(email, tally);
    return tally;
  }
}
