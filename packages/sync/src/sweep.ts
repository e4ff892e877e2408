/**
 * The end of a full round: what it no longer saw is deleted, but never past the mass-delete brake without a person's
 * word (I10). Only absence is judged here; explicit deletions were applied with their pages.
 */
import { ZoneTable } from '@calfleet/domain';
import {
  countHeld,
  excuseUnjudged,
  expireOutside,
  freeUnseenSlots,
  holdUnseen,
  lookAtIncomplete,
  lookAtUnseen,
  lookAtUnsettled,
  measureSweep,
  sweepUnseen,
  trimToWindow,
  type Evidence,
  type SweepSize,
  type Transaction,
} from '@calfleet/db';
import type { CalendarInRound } from './apply.ts';
import type { SyncDeps, SyncSettings } from './deps.ts';
import { recomputeSeries } from './series.ts';
import { askedOf } from './windows.ts';

export interface Sweep {
  deleted: number;
  /** Rows of the calendar that wait for a person now. */
  held: number;
  /** A person's word was carried out. */
  agreedApplied: boolean;
}

export async function sweepRound(
  deps: SyncDeps,
  tx: Transaction,
  calendar: CalendarInRound,
  last: { evidence: Evidence; seenNow: number; hasHeld: boolean; windowed: boolean },
): Promise<Sweep> {
  const { evidence, windowed } = last;
  const promised = { start: calendar.round.windowStart, end: calendar.round.windowEnd };
  if (windowed) await lookAtIncomplete(tx, evidence, { id: calendar.round.id, asked: askedOf(promised) });
  if (calendar.round.mode === 'incremental') {
    // Only a full round knows what is absent.
    const held = last.hasHeld ? await countHeld(tx, calendar.id) : 0;
    return { deleted: 0, held, agreedApplied: false };
  }
  const expired = windowed ? await leaveOutside(tx, calendar, evidence) : 0;
  // A round that began before the person spoke is not the fresh look that was promised.
  const isFresh = calendar.heldApplySeq !== null && calendar.heldApplySeq <= calendar.round.dirtySeq;
  const agreedAt = isFresh ? calendar.heldApplyUntil : null;
  const scope = { evidence, agreedAt };
  const size = await measureSweep(tx, scope);
  const isHeldBack = brakeHolds(size, calendar.round.seen + last.seenNow, deps.settings);
  // Guard: of a window, absence is asked about before it is believed.
  if (windowed && !isHeldBack) await lookAtUnseen(tx, evidence);
  await lookAtUnsettled(tx, scope);
  const swept = await sweepUnseen(tx, scope, isHeldBack || windowed ? 'agreed' : 'all');
  if (isHeldBack) deps.metrics.deletesHeld.inc({ provider: calendar.provider }, size.unseen);
  const held = isHeldBack ? await holdUnseen(tx, scope) : await countHeld(tx, calendar.id);
  const deleted = swept.deleted + expired;
  if (windowed) return { deleted, held, agreedApplied: agreedAt !== null };
  const freed = isHeldBack ? [] : await freeUnseenSlots(tx, scope);
  await recomputeSeries(tx, evidence, new ZoneTable(), [...new Set([...swept.series, ...freed])]);
  return { deleted, held, agreedApplied: agreedAt !== null };
}

/** The window may have moved on: what it left is expired. What lies in the old and the new one is judged. */
async function leaveOutside(tx: Transaction, calendar: CalendarInRound, evidence: Evidence): Promise<number> {
  await trimToWindow(tx, evidence);
  const expired = await expireOutside(tx, evidence, null);
  await excuseUnjudged(tx, evidence, { start: calendar.round.windowStart, end: calendar.round.windowEnd });
  return expired;
}

/**
 * An empty answer while rows exist, or a large share of them missing: more likely a provider's bad day than a
 * person's tidy one.
 */
export function brakeHolds(
  { unseen, live }: SweepSize,
  seen: number,
  settings: Pick<SyncSettings, 'massDeleteMin' | 'massDeletePercent'>,
): boolean {
  if (live === 0) return false;
  // Guard I10.
  if (seen === 0) return true;
  return unseen >= settings.massDeleteMin && unseen * 100 > settings.massDeletePercent * live;
}
