/** What the end of a pull says about the next one; when the beat itself falls is the domain's (`beat.ts`). */
import { beatMs } from '@calfleet/domain';

/** A failing calendar is tried at growing distances: 1 min, 2, 4 … to the beat. */
const firstBackoffMs = 60_000;

/**
 * Looks of our own accord in a row that found nothing. One that finds something proves that notifications get lost,
 * and the beat is back at once; what a notification announced says nothing about that.
 */
export function quietPollsAfter(pull: { trigger: string; quietPolls: number; changes: number }): number {
  if (pull.trigger !== 'schedule') return pull.quietPolls;
  return pull.changes === 0 ? pull.quietPolls + 1 : 0;
}

/** Graph may tell of a change before its list shows it: an empty answer is asked for again after these waits. */
const looksMs = [2_000, 30_000, 180_000];

export interface MoreLooks {
  lookAgainAt: Date | null;
  /** Looks that found nothing, in a row. */
  looks: number;
}

export const noMoreLooks: MoreLooks = { lookAgainAt: null, looks: 0 };

/** After a round: whether a notification may still be ahead of the list. */
export function looksAfter(round: {
  calendar: {
    dirtySeq: bigint;
    syncedSeq: bigint;
    lookAgainAt: Date | null;
    looks: number;
    round: { trigger: string };
  };
  changes: number;
  at: Date;
}): MoreLooks {
  const { calendar, changes, at } = round;
  const isHinted = calendar.round.trigger === 'notify' && calendar.dirtySeq > calendar.syncedSeq;
  const isLook = calendar.lookAgainAt !== null && calendar.lookAgainAt <= at;
  if (!isHinted && !isLook) return { lookAgainAt: calendar.lookAgainAt, looks: calendar.looks };
  // What was found may have been told by another notification than the last one: that look comes a little later.
  const looks = changes > 0 ? 1 : isHinted ? 0 : calendar.looks + 1;
  const waitMs = looksMs[looks];
  return waitMs === undefined ? noMoreLooks : { lookAgainAt: new Date(at.getTime() + waitMs), looks };
}

export function retryAt({ at, failures }: { at: Date; failures: number }): Date {
  const backoffMs = Math.min(beatMs, firstBackoffMs * 2 ** Math.min(Math.max(0, failures - 1), 10));
  return new Date(at.getTime() + backoffMs);
}
