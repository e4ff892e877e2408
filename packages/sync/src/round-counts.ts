/** What a pull came to, in metrics: lag, mode, what nobody had announced, and the calls that were not needed. */
import type { ChangesPage } from '@calfleet/domain';
import type { CalendarInRound, PageOutcome } from './apply.ts';
import type { SyncDeps } from './deps.ts';
import type { PullRequest } from './pull.ts';

/** What a fleet without push would ask at: the beat that the saving is told against. */
const baselineMs = 600_000;

/** A page of a notified round is stored: how late the newest of its changes is. */
export function countPage({ clock, metrics }: SyncDeps, calendar: CalendarInRound, page: ChangesPage): void {
  const { mode, trigger } = calendar.round;
  // Only there are all items news.
  if (trigger !== 'notify' || mode !== 'incremental') return;
  const times = page.items.map((item) =>
    item.type === 'event' ? Date.parse(item.event.providerUpdatedAt ?? '') : Number.NaN,
  );
  const newest = Math.max(...times.filter((time) => !Number.isNaN(time)));
  if (newest === -Infinity) return;
  const seconds = Math.max(0, clock.now().getTime() - newest) / 1_000;
  metrics.changeToStore.observe({ provider: calendar.provider }, seconds);
}

/** A round is finished. */
export function countRound(
  { clock, metrics }: SyncDeps,
  calendar: CalendarInRound,
  request: PullRequest,
  end: Extract<PageOutcome, { done: true }>,
): void {
  const { provider, round } = calendar;
  const now = clock.now().getTime();
  metrics.sync.inc({ provider, mode: round.mode });
  metrics.syncDuration.observe({ provider, mode: round.mode }, seconds(now - round.startedAt.getTime()));
  if (request.reason === 'notify') {
    metrics.notificationToStore.observe({ provider }, seconds(now - request.requestedAt.getTime()));
  }
  const reason = round.mode === 'full' ? reasonOf(calendar) : null;
  if (reason !== null) metrics.fullSync.inc({ provider, reason });
  const missed = round.mode === 'incremental' && isUnannounced(calendar);
  const changes = end.created + end.updated + end.deleted;
  if (missed && changes > 0) metrics.missedChange.inc({ provider, found_by: 'poll' }, changes);
  const saved = pollsSaved(calendar);
  if (saved > 0) metrics.apiCallsSaved.inc({ provider, cause: 'polling_baseline' }, saved);
}

/** A wish that a round had answered before its job ran: one list of changes that nobody had to ask for. */
export const countCoalesced = (
  { metrics }: SyncDeps,
  { provider }: Pick<CalendarInRound, 'provider'>,
): void => metrics.apiCallsSaved.inc({ provider, cause: 'coalesced' });

const seconds = (ms: number): number => Math.max(0, ms) / 1_000;

/** Why everything was read. null: the cursor had died, which was counted when it did. */
function reasonOf({ round, windowEnd, fullRequested, reading, cursor }: CalendarInRound): string | null {
  if (round.trigger === 'audit') return 'audit';
  if (windowEnd === null) return 'first';
  if (fullRequested) return 'manual';
  if (reading === 'view') return 'view';
  return cursor === null ? null : 'window';
}

/** A look of our own, at a calendar of which push would have told, and had not. */
function isUnannounced({ coverage, round, dirtySeq, syncedSeq, lookAgainAt }: CalendarInRound): boolean {
  const isLook = lookAgainAt !== null && lookAgainAt <= round.startedAt;
  return coverage === 'push' && round.trigger === 'schedule' && dirtySeq === syncedSeq && !isLook;
}

function pollsSaved({ coverage, round, lastRoundStartedAt }: CalendarInRound): number {
  if (coverage !== 'push' || lastRoundStartedAt === null) return 0;
  return Math.floor((round.startedAt.getTime() - lastRoundStartedAt.getTime()) / baselineMs) - 1;
}
