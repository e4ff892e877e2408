/**
 * Moves the windows of calendars whose events are stored whole, so that the promised future is always full: a calendar
 * at a time, in short transactions under its lock, beside its pulls (docs/decisions/0024-windows-move-in-three-steps.md).
 */
import { ZoneTable, asSyncError, type CalendarId, type ProviderName } from '@calfleet/domain';
import {
  addStanding,
  beginMove,
  dropOutside,
  finishMove,
  putInQuarantine,
  releaseFromQuarantine,
  seriesToExtend,
  sqlStateOf,
  windowsToMove,
  type SeriesToExtend,
  type Transaction,
  type WindowFault,
  type WindowMove,
  type WindowPlace,
} from '@calfleet/db';
import type { Budget } from './budget.ts';
import type { SyncDeps } from './deps.ts';
import { extendSeries, recomputeSeries } from './series.ts';
import { movedWindowAt, mustMoveAt } from './windows.ts';

const pageSize = 500;
const rowsMax = 1_000;
/** Of a series that repeats every hour, nine days are 216 occurrences. */
const seriesMax = 20;
/** A pull holds the calendar for a page: it comes first, and the calendar's turn comes with the next tick. */
const lockTimeoutMs = 2_000;
/** So many failures in a row are the database's, and no calendar's. */
const failuresMax = 10;
const dayMs = 86_400_000;

export interface WindowsMoved {
  moved: number;
  /** Occurrences that lie outside of every window now. */
  dropped: number;
  failed: number;
  isDone: boolean;
}

/** @param holdMs a transaction goes on with its next step for so long */
export async function moveWindows(deps: SyncDeps, budget: Budget, holdMs: number): Promise<WindowsMoved> {
  const total: WindowsMoved = { moved: 0, dropped: 0, failed: 0, isDone: true };
  const at = deps.clock.now();
  const target = movedWindowAt(at, deps.settings);
  const bounds = mustMoveAt(at, deps.settings);
  for (const { name, windowed } of deps.providers.values()) {
    if (windowed) continue;
    for (const fault of ['endsBefore', 'endsAfter', 'startsAfter'] as const) {
      const night = { deps, budget, holdMs, target, total };
      await moveEach(night, { provider: name, fault, bound: bounds[fault] });
    }
  }
  return total;
}

interface Night {
  deps: SyncDeps;
  budget: Budget;
  holdMs: number;
  target: { start: Date; end: Date };
  total: WindowsMoved;
}

async function moveEach(
  night: Night,
  wrong: { provider: ProviderName; fault: WindowFault; bound: Date },
): Promise<void> {
  let after: WindowPlace | null = null;
  for (let failures = 0; ;) {
    const page: WindowPlace[] = await night.deps.db.transaction({ role: 'worker' }, (tx) =>
      windowsToMove(tx, { ...wrong, after, limit: pageSize }),
    );
    for (const { id } of page) {
      if (night.budget.isSpent()) {
        night.total.isDone = false;
        return;
      }
      const failure = await moveOne(night, id);
      failures = failure === null ? 0 : failures + 1;
      if (failure !== null && failures >= failuresMax) throw failure;
    }
    after = page.at(-1) ?? null;
    if (page.length < pageSize) return;
  }
}

/** @returns why it could not be moved: one calendar stops no other, and is named */
async function moveOne(night: Night, id: CalendarId): Promise<Error | null> {
  const { deps, budget, total } = night;
  try {
    for (let stand: Stand = { phase: 'begin' }; stand.phase !== 'end';) {
      // A move that is given up in the middle begins again: what it added stays, and nothing promises it yet.
      if (budget.mustStop()) {
        total.isDone = false;
        return null;
      }
      budget.take();
      const before: Stand = stand;
      const done: Steps = await deps.db.transaction(
        { role: 'worker', calendars: [id], lockTimeoutMs },
        (tx) => steps(night, tx, id, before),
      );
      stand = done.stand;
      total.moved += done.moved;
      total.dropped += done.dropped;
      deps.metrics.cleanupRows.inc({ table: 'occurrences' }, done.dropped);
    }
    return null;
  } catch (thrown) {
    total.isDone = false;
    // A pull is at it: nothing is wrong.
    if (sqlStateOf(thrown) === '55P03') return null;
    total.failed += 1;
    deps.logger.error('A window could not be moved', { calendar_id: id, error: thrown });
    return asSyncError(thrown);
  }
}

type Stand =
  | { phase: 'begin' }
  | { phase: 'standing'; move: WindowMove; from: string; after: string }
  | { phase: 'series'; move: WindowMove; after: string }
  | { phase: 'drop'; move: WindowMove }
  | { phase: 'end' };

interface Steps {
  stand: Stand;
  moved: number;
  dropped: number;
}

/** As many steps as a short transaction takes: of most calendars, all. */
async function steps(night: Night, tx: Transaction, id: CalendarId, stand: Stand): Promise<Steps> {
  const since = performance.now();
  const done: Steps = { stand, moved: 0, dropped: 0 };
  do {
    done.stand = await step(night, tx, id, done);
  } while (done.stand.phase !== 'end' && performance.now() - since < night.holdMs);
  return done;
}

async function step({ deps, target }: Night, tx: Transaction, id: CalendarId, done: Steps): Promise<Stand> {
  const { stand } = done;
  switch (stand.phase) {
    case 'begin': {
      const move = await beginMove(tx, id, target);
      if (!move) return { phase: 'end' };
      const from = isWider(move) ? '-infinity' : new Date(move.end.getTime() - dayMs).toISOString();
      return { phase: 'standing', move, from, after: nil };
    }
    case 'standing': {
      const { move } = stand;
      const until = new Date(move.newEnd.getTime() + dayMs);
      const page = await addStanding(tx, move, { ...stand, until, limit: rowsMax });
      // An exception stands in its series, or alone without it.
      await extend(deps, tx, move, page.series.map(unproblematic));
      return page.next ? { ...stand, ...page.next } : { phase: 'series', move, after: '' };
    }
    case 'series': {
      const { move } = stand;
      const page = await seriesToExtend(tx, id, { after: stand.after, limit: seriesMax });
      await extend(deps, tx, move, page);
      const last = page.at(-1);
      if (last && page.length === seriesMax) return { ...stand, after: last.id };
      // Another one moved it meanwhile: that one drops, too.
      if (!(await finishMove(tx, move))) return { phase: 'end' };
      done.moved += 1;
      return { phase: 'drop', move };
    }
    case 'drop': {
      const dropped = await dropOutside(tx, stand.move, rowsMax);
      done.dropped += dropped;
      return dropped === rowsMax ? stand : { phase: 'end' };
    }
    case 'end':
      return stand;
  }
}

const nil = '00000000-0000-0000-0000-000000000000';
const unproblematic = (id: string): SeriesToExtend => ({ id, problem: null });

/** More of the past is promised than before: whatever reaches into it may have begun at any time. */
const isWider = ({ start, newStart }: WindowMove): boolean => newStart < start;

async function extend(
  deps: SyncDeps,
  tx: Transaction,
  move: WindowMove,
  series: readonly SeriesToExtend[],
): Promise<void> {
  const readable = series.filter(({ problem }) => problem !== 'recurrence_unreadable');
  // Cut at a limit: there is more to it once the past is gone, and a part of it says nothing of the rest.
  const mustRecompute = ({ problem }: SeriesToExtend): boolean =>
    isWider(move) || problem === 'recurrence_truncated';
  const names = (list: readonly SeriesToExtend[]): string[] => list.map(({ id }) => id);
  const calendar = { calendarId: move.id, userId: move.userId };
  const zones = new ZoneTable();
  const whole = {
    ...calendar,
    windowStart: move.newStart,
    windowEnd: new Date(Math.max(move.end.getTime(), move.newEnd.getTime())),
  };
  const recomputed = names(readable.filter(mustRecompute));
  const added = { ...calendar, windowStart: move.end, windowEnd: move.newEnd };
  const problems = [
    ...(await recomputeSeries(tx, whole, zones, recomputed)),
    ...(move.newEnd > move.end
      ? await extendSeries(tx, added, zones, names(readable.filter((each) => !mustRecompute(each))))
      : []),
  ];
  const isNew = new Set(names(readable.filter(({ problem }) => problem === null)));
  const bad = problems.filter(
    ({ providerEventId }) => providerEventId !== null && isNew.has(providerEventId),
  );
  await putInQuarantine(tx, { id: move.id, userId: move.userId }, bad, deps.clock.now());
  const failed = new Set(problems.map(({ providerEventId }) => providerEventId));
  const healed = recomputed.filter((id) => !failed.has(id));
  if (healed.length > 0) await releaseFromQuarantine(tx, move.id, { stored: [], expanded: healed });
}
