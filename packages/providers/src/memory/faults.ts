/** Planned misfortune: a fault waits for calls that match it, lets some pass and strikes the next ones. */
import { SyncError, type EventWriter, type SyncErrorCode } from '@calfleet/domain';

export type MemoryOperation =
  'listCalendars' | 'listChanges' | 'readEvents' | 'watch' | 'stopWatch' | keyof EventWriter;

export interface MemoryFault {
  code: SyncErrorCode;
  retryAfterMs?: number;
  scopeMissing?: boolean;
  /** Default: every operation. */
  operation?: MemoryOperation;
  providerCalendarId?: string;
  /** Matching calls that pass unharmed first. Default 0. */
  skip?: number;
  /** Calls it strikes. Default 1; Infinity never ends. */
  count?: number;
  /** `after`: the call is done and its answer lost. Default `before`. */
  when?: 'before' | 'after';
}

export class MemoryFaults {
  private armed: Required<Pick<MemoryFault, 'skip' | 'count'>>[] & MemoryFault[] = [];

  add(fault: MemoryFault): void {
    this.armed.push({ ...fault, skip: fault.skip ?? 0, count: fault.count ?? 1 });
  }

  clear(): void {
    this.armed = [];
  }

  /** The fault that strikes this call, used up by one; undefined when none does. */
  strike(operation: MemoryOperation, providerCalendarId: string | null): MemoryFault | undefined {
    for (const fault of this.armed) {
      if (fault.count <= 0 || (fault.operation ?? operation) !== operation) continue;
      if (fault.providerCalendarId !== undefined && fault.providerCalendarId !== providerCalendarId) continue;
      if (fault.skip > 0) {
        fault.skip -= 1;
        continue;
      }
      fault.count -= 1;
      return fault;
    }
    return undefined;
  }
}

export const errorOf = (fault: MemoryFault): SyncError =>
  new SyncError(fault.code, `planned ${fault.code}`, {
    ...(fault.retryAfterMs !== undefined && { retryAfterMs: fault.retryAfterMs }),
    ...(fault.scopeMissing !== undefined && { scopeMissing: fault.scopeMissing }),
  });
