/**
 * One calendar, brought up to date: takes the lease, opens or resumes its round, asks page by page and applies each.
 * One round per calendar at a time (I6); every page of every round is followed, empty ones too (I2); a hint that came
 * in meanwhile leads to one more pull (I5).
 */
import {
  asSyncError,
  newId,
  type CalendarId,
  type CalendarProvider,
  SyncError,
  type ProviderSession,
} from '@calfleet/domain';
import {
  abandonRound,
  acquireLease,
  openRound,
  releaseLease,
  type LeasedCalendar,
  type Reading,
  type RoundMode,
} from '@calfleet/db';
import type { PullReason } from '@calfleet/jobs';
import { applyPage, type CalendarInRound, type PageOutcome } from './apply.ts';
import type { SyncDeps } from './deps.ts';
import { LoopGuard, ListLoops } from './loop-guard.ts';
import { providerOf } from './provider-of.ts';
import { failBegin, failPull } from './pull-failure.ts';
import { recheckEvents } from './recheck.ts';
import { ring } from './ring.ts';
import { countCoalesced, countPage, countRound } from './round-counts.ts';
import { askedOf, type Bounds, firstWindowAt, isWindowSpent, mustRoll, slackWindowAt } from './windows.ts';

export interface PullRequest {
  calendarId: CalendarId;
  /** `audit`: everything is read once, to compare it. */
  reason: PullReason | 'audit';
  /** When the wish arose: for a notification, when it was received. */
  requestedAt: Date;
}

export type PullResult =
  /** Somebody else is at it, or it is not to be pulled. */
  | 'busy'
  /** Nothing to do: a round that began after the wish has answered it. */
  | 'clean'
  | 'pulled'
  /** The process stops; the round stays where it is and the calendar was rung again. */
  | 'handed_back';

/** A page of a round that is older than this is not believed any more: page tokens die, and so do reasons. */
const roundAgeMaxMs = 15 * 60_000;
/** 2,500 items a page: 25 million events. Past it the provider is going round in circles. */
const pagesMax = 10_000;
/** A list that went round in circles is asked for anew after a day. */
const otherReadingMs = 86_400_000;
/** Its small pages: Graph's usual ones have 200 items, so half of what we ask for may be no less. */
const smallPage = 50;
/** Full lists that failed in a row: from then on, a plain view is read. */
const failuresMax = 4;
/** A cursor that dies again right after a full round began: leave it to the next job. */
const restartsMax = 3;

/** @throws SyncError what the queue has to know; the lease is given back and the round stays */
export async function pullCalendar(
  deps: SyncDeps,
  request: PullRequest,
  signal: AbortSignal,
): Promise<PullResult> {
  const begun = await begin(deps, request).catch((thrown: unknown) =>
    failBegin(deps, request.calendarId, thrown),
  );
  if (begun === 'busy') {
    // Whose it is was not read.
    deps.logger.debug('Pull ended', { result: begun, calendar_id: request.calendarId });
    return begun;
  }
  const logger = deps.logger.child({ calendar_id: begun.calendar.id, account_id: begun.calendar.accountId });
  const result =
    'round' in begun ? await follow({ ...deps, logger }, begun.round, request, signal) : ('clean' as const);
  logger.debug('Pull ended', { result });
  return result;
}

/** @throws SyncError */
async function follow(
  deps: SyncDeps,
  begun: CalendarInRound,
  request: PullRequest,
  signal: AbortSignal,
): Promise<PullResult> {
  let calendar = begun;
  for (let restarts = 0; ;) {
    try {
      const end = await runRound(deps, calendar, urgencyOf(request, calendar), signal);
      if (end === null) {
        await handBack(deps, calendar, request.reason);
        return 'handed_back';
      }
      await afterRound(deps, calendar, request, end);
      if (end.mustLook) await lookAround(deps, calendar, urgencyOf(request, calendar), signal);
      return 'pulled';
    } catch (thrown) {
      // Twice at most: from changes to smaller pages, and on to a plain view.
      if (thrown instanceof ListLoops && calendar.reading !== 'view') {
        calendar = await readOtherwise(deps, calendar, thrown);
        continue;
      }
      const error = asSyncError(thrown);
      if (error.code !== 'cursor_expired' || restarts >= restartsMax) return failPull(deps, calendar, error);
      calendar = await restart(deps, calendar, error, restarts === 0);
      restarts += 1;
    }
  }
}

/** Audits read whole calendars that nobody waits for, and a whole calendar read once more is nobody's quick wish. */
function urgencyOf({ reason }: PullRequest, calendar: CalendarInRound): PullReason {
  if (reason === 'audit') return 'backfill';
  return reason === 'user' && calendar.round.mode === 'full' && calendar.cursor !== null
    ? 'schedule'
    : reason;
}

/** Without a round: what it was asked for is in the mirror already. */
type Begun = { calendar: LeasedCalendar; round: CalendarInRound } | { calendar: LeasedCalendar };

async function begin(deps: SyncDeps, request: PullRequest): Promise<Begun | 'busy'> {
  const at = deps.clock.now();
  const begun = await deps.db.transaction({ role: 'worker' }, async (tx) => {
    let calendar = await acquireLease(tx, request.calendarId);
    if (!calendar) return 'busy';
    const retryAfterMs = parkedFor(calendar, at);
    if (retryAfterMs > 0) {
      await releaseLease(tx, calendar, null);
      const context = { account_id: calendar.accountId };
      return new SyncError('rate_limited', 'The provider asked us to stay away.', { retryAfterMs, context });
    }
    if (calendar.round && at.getTime() - calendar.round.pageAt.getTime() > roundAgeMaxMs) {
      const why = { runId: newId(), code: 'round_too_old', at, forgetCursor: false };
      calendar = await abandonRound(tx, calendar, why);
    }
    const wantsAll = request.reason === 'audit';
    // A full round that is under way is carried on, whoever carries it on.
    let plan = planOf(deps, calendar, at, wantsAll || calendar.round?.mode === 'full');
    if (calendar.round && mustLeave(calendar, plan)) {
      const why = { runId: newId(), code: 'read_otherwise', at, forgetCursor: false };
      calendar = await abandonRound(tx, calendar, why);
      plan = planOf(deps, calendar, at, wantsAll);
    }
    if (isInRound(calendar)) return { calendar, round: calendar };
    if (isAnswered(calendar, request.reason, at)) {
      await releaseLease(tx, calendar, null);
      countCoalesced(deps, calendar);
      return { calendar };
    }
    return { calendar, round: await open(deps, tx, calendar, request.reason, plan) };
  });
  if (begun instanceof SyncError) throw begun;
  return begun;
}

/** The provider said when to come back, and nobody comes earlier: neither a notification nor a user. */
const parkedFor = (calendar: LeasedCalendar, at: Date): number =>
  calendar.lastErrorCode === 'rate_limited' ? (calendar.nextPullAt?.getTime() ?? 0) - at.getTime() : 0;

/** The second job of a burst returns at once: what it was rung for is in the mirror. */
function isAnswered(calendar: LeasedCalendar, reason: PullRequest['reason'], at: Date): boolean {
  if (reason === 'audit') return false;
  const isRead = calendar.cursor !== null || (calendar.reading === 'view' && calendar.windowEnd !== null);
  const isClean = calendar.dirtySeq === calendar.syncedSeq && !calendar.fullRequested && isRead;
  const isDue = [calendar.nextPullAt, calendar.lookAgainAt].some((due) => due !== null && due <= at);
  return isClean && !(isDue && reason === 'schedule');
}

async function open(
  deps: SyncDeps,
  tx: Parameters<typeof openRound>[0],
  calendar: LeasedCalendar,
  trigger: string,
  plan: Plan,
): Promise<CalendarInRound> {
  const at = deps.clock.now();
  const mode = plan.reading === 'view' ? 'full' : plan.mode;
  const window = windowFor(deps, calendar, { at, mode, trigger });
  const opened = await openRound(tx, calendar, {
    id: newId(),
    mode,
    trigger,
    at,
    reading: plan.reading,
    windowStart: window.start,
    windowEnd: window.end,
  });
  if (!isInRound(opened)) throw new Error('A round was opened and is not there.');
  return opened;
}

interface Plan {
  mode: RoundMode;
  reading: Reading;
}

/**
 * What the next round is. The roll of a window is a full round; the old cursor and window stay until its last page
 * replaces both. A full list that fails holds nothing up: changes are asked for between the attempts, as long as the
 * window lasts; and where there is no other way, a plain view is read.
 */
function planOf(deps: SyncDeps, calendar: LeasedCalendar, at: Date, wantsAll = false): Plan {
  const { windowed } = providerOf(deps, calendar);
  const rolls = windowed && mustRoll(calendar, at, deps.settings);
  const reading = rolls || isTriedAgain(calendar, at) ? 'changes' : calendar.reading;
  const canAskForChanges = calendar.cursor !== null && calendar.incrementalEnabled && reading !== 'view';
  const wantsFull = calendar.fullRequested || wantsAll || rolls;
  if (!windowed || calendar.failures === 0) {
    return { mode: canAskForChanges && !wantsFull ? 'incremental' : 'full', reading };
  }
  const canWait = canAskForChanges && !isWindowSpent(calendar, at, deps.settings);
  if (canWait) return { mode: 'incremental', reading };
  return { mode: 'full', reading: calendar.failures >= failuresMax ? 'view' : reading };
}

/** A full round that failed makes room for what can be read instead. */
const mustLeave = ({ round, reading }: LeasedCalendar, plan: Plan): boolean =>
  round?.mode === 'full' && (plan.mode === 'incremental' || (plan.reading === 'view' && reading !== 'view'));

/** A list that went round in circles may have come to its senses. */
const isTriedAgain = ({ readingSince }: LeasedCalendar, at: Date): boolean =>
  readingSince !== null && at.getTime() - readingSince.getTime() > otherReadingMs;

/**
 * Google's events are stored whole; the window only says which occurrences are kept, and cleanup moves it. A
 * windowed provider's cursor holds its window: a full round opens a new one. An audit compares what the old one promised.
 */
function windowFor(
  deps: SyncDeps,
  calendar: LeasedCalendar,
  { at, mode, trigger }: { at: Date; mode: RoundMode; trigger: string },
): Bounds {
  const { windowStart: start, windowEnd: end } = calendar;
  const { windowed } = providerOf(deps, calendar);
  const isNew = windowed && mode === 'full' && (trigger !== 'audit' || mustRoll(calendar, at, deps.settings));
  if (start && end && !isNew) return { start, end };
  return windowed ? slackWindowAt(at, deps.settings) : firstWindowAt(calendar.id, at, deps.settings);
}

type RoundEnd = Extract<PageOutcome, { done: true }>;

/** @returns null when the process is stopping: what was applied stays, the rest is asked for by whoever resumes */
async function runRound(
  deps: SyncDeps,
  calendar: CalendarInRound,
  urgency: PullReason,
  signal: AbortSignal,
): Promise<RoundEnd | null> {
  const provider = providerOf(deps, calendar);
  const guard = provider.windowed ? new LoopGuard() : null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    if (signal.aborted) return null;
    const calls = { sent: 0 };
    const session = deps.sessions.open({ ...calendar, urgency }, () => (calls.sent += 1));
    const turn = async () => {
      const page = await askPage(deps, provider, session, calendar);
      guard?.pass(page);
      return { page, outcome: await applyPage(deps, calendar, page, calls.sent) };
    };
    const { page, outcome } = await (urgency === 'backfill' ? deps.courtesy.politely(turn) : turn());
    countPage(deps, calendar, page);
    if (outcome.done) return outcome;
    calendar.round = {
      ...calendar.round,
      pageCursor: outcome.nextPageCursor,
      seen: calendar.round.seen + page.items.length,
      changes: calendar.round.changes + outcome.changes,
    };
  }
  throw new Error(`A round of ${pagesMax} pages has no end.`);
}

const askPage = (
  deps: SyncDeps,
  provider: CalendarProvider,
  session: ProviderSession,
  calendar: CalendarInRound,
): ReturnType<CalendarProvider['listChanges']> => {
  const { windowStart: start, windowEnd: end, cursor, pageCursor } = calendar.round;
  const window = provider.windowed ? askedOf({ start, end }) : { start, end };
  const { pageSize } = deps.settings;
  return provider.listChanges(session, {
    providerCalendarId: calendar.providerCalendarId,
    cursor,
    pageCursor,
    window: { start: window.start.toISOString(), end: window.end.toISOString() },
    ...(calendar.reading === 'view' ? { reading: 'view' as const } : {}),
    pageSize: calendar.reading === 'small_pages' ? Math.min(smallPage, Math.ceil(pageSize / 2)) : pageSize,
    calendarTimeZone: calendar.timeZone,
  });
};

/** The cursor is dead: what is there now is asked for in full, into a new generation. Loud, and by itself. */
async function restart(
  deps: SyncDeps,
  calendar: CalendarInRound,
  error: SyncError,
  isFirst: boolean,
): Promise<CalendarInRound> {
  // Graph's links die in the middle of a round, too: the cursor that it began with may still be good, once.
  const forgetCursor = !isFirst || calendar.round.pageCursor === null || !providerOf(deps, calendar).windowed;
  if (forgetCursor) deps.metrics.fullSync.inc({ provider: calendar.provider, reason: 'cursor_expired' });
  deps.logger.warn('The cursor is dead: the round begins again', {
    mode: calendar.round.mode,
    ...error.context,
  });
  return deps.db.transaction({ role: 'worker', calendars: [calendar.id] }, async (tx) => {
    const at = deps.clock.now();
    const why = { runId: newId(), code: error.code, at, forgetCursor };
    const abandoned = await abandonRound(tx, calendar, why);
    const { trigger } = calendar.round;
    const plan = planOf(deps, abandoned, at, trigger === 'audit');
    return open(deps, tx, abandoned, trigger, { ...plan, reading: calendar.reading });
  });
}

/** The list goes round in circles: smaller pages first, then a plain view of the window. Bounded, loud, by itself. */
async function readOtherwise(
  deps: SyncDeps,
  calendar: CalendarInRound,
  loop: ListLoops,
): Promise<CalendarInRound> {
  const reading = calendar.reading === 'changes' ? 'small_pages' : 'view';
  deps.metrics.listLoops.inc({ provider: calendar.provider, reading });
  deps.logger.warn('The list of changes goes round in circles: reading otherwise', {
    reading,
    pages: loop.pages,
  });
  return deps.db.transaction({ role: 'worker', calendars: [calendar.id] }, async (tx) => {
    const at = deps.clock.now();
    const why = { runId: newId(), code: 'list_loops', at, forgetCursor: reading === 'view' };
    const abandoned = await abandonRound(tx, calendar, why);
    const { trigger } = calendar.round;
    return open(deps, tx, abandoned, trigger, {
      ...planOf(deps, abandoned, at, trigger === 'audit'),
      reading,
    });
  });
}

async function handBack(
  deps: SyncDeps,
  calendar: CalendarInRound,
  reason: PullRequest['reason'],
): Promise<void> {
  await deps.db.transaction({ role: 'worker' }, (tx) => releaseLease(tx, calendar, null));
  await ring(deps, calendar.id, reason === 'audit' ? 'backfill' : reason);
}

async function afterRound(
  deps: SyncDeps,
  calendar: CalendarInRound,
  request: PullRequest,
  end: RoundEnd,
): Promise<void> {
  const now = deps.clock.now().getTime();
  countRound(deps, calendar, request, end);
  deps.logger.info('Pulled', {
    mode: calendar.round.mode,
    trigger: request.reason,
    created: end.created,
    updated: end.updated,
    deleted: end.deleted,
    held: end.held,
    duration_ms: now - calendar.round.startedAt.getTime(),
  });
  if (end.lookAgainAt) {
    const delayMs = Math.max(0, end.lookAgainAt.getTime() - now);
    await ring(deps, calendar.id, 'schedule', { delayMs });
  }
  // Guard I5: a hint came in after the round had begun: once more, always.
  if (end.stillDirty) await ring(deps, calendar.id, 'notify');
}

/** What the round could not decide is looked at now; what fails is found by the drain. */
async function lookAround(
  deps: SyncDeps,
  calendar: CalendarInRound,
  urgency: PullReason,
  signal: AbortSignal,
): Promise<void> {
  try {
    await recheckEvents(deps, calendar.id, signal, { urgency });
  } catch (thrown) {
    const { code, message } = asSyncError(thrown);
    deps.logger.warn('What the round left open is looked at later', { code, error: message });
  }
}

const isInRound = (calendar: LeasedCalendar): calendar is CalendarInRound => calendar.round !== null;
