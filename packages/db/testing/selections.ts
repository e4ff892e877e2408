/** Every selection that a tick makes over the whole fleet, with the index it is to go through. */
import {
  accountsListedBefore,
  accountsOfHour,
  calendarsToAudit,
  calendarsToLookAtAgain,
  calendarsToPush,
  calendarsToRecheck,
  abandonUnanswered,
  channelsOnKey,
  dueCalendars,
  expireWatches,
  expiringChannels,
  oldSigningKeys,
  openConflicts,
  pastAudits,
  pastChannels,
  pastEvents,
  pastIdempotencyKeys,
  pastQuarantine,
  pastRevisions,
  pastRuns,
  pastWrites,
  refusedCalendars,
  retireHomeless,
  retireOverwatched,
  soonestExpiries,
  unlistedAccounts,
  unsettledCalendars,
  unwatchedCalendars,
  watchesToStop,
  windowsToMove,
  type PastRows,
  type Transaction,
} from '../src/index.ts';

export interface Selection {
  tick: string;
  what: string;
  /** One of these, separated by a bar. */
  index: string;
  run: (tx: Transaction) => Promise<unknown>;
}

const dayMs = 86_400_000;
const limit = 500;
const after = null;

export function selectionsAt(at: Date): Selection[] {
  const ago = (days: number): Date => new Date(at.getTime() - days * dayMs);
  const page = { after, limit, at };
  const selection =
    (tick: string) =>
    (what: string, index: string, run: Selection['run']): Selection => ({ tick, what, index, run });
  const past = (what: string, index: string, rows: PastRows, days: number): Selection =>
    selection('cleanup')(what, index, (tx) =>
      rows.pick(tx, { before: ago(days), at, limit: 1_000, skip: [], only: null }),
    );
  const drain = selection('webhook-drain');
  const renewal = selection('watch-renewal');
  const cleanup = selection('cleanup');
  const windowEnds = new Date(Math.floor(at.getTime() / dayMs) * dayMs + 368 * dayMs);
  return [
    selection('auto-sync')('due', 'calendars_due_auto', (tx) => dueCalendars(tx, { ...page, whose: 'auto' })),
    selection('incremental-pull')('due', 'calendars_due', (tx) =>
      dueCalendars(tx, { ...page, whose: 'all' }),
    ),
    drain('dirty, or in a round', 'calendars_unsettled', (tx) => unsettledCalendars(tx, page)),
    drain('to be looked at again', 'calendars_look_again', (tx) => calendarsToLookAtAgain(tx, page)),
    drain('writes that may leave', 'calendar_writes_waiting', (tx) => calendarsToPush(tx, at, limit)),
    drain('single reads', 'calendar_events_rechecks|calendar_events_rechecks_calendar', (tx) =>
      calendarsToRecheck(tx, page),
    ),
    drain('accounts never listed', 'calendar_accounts_unlisted', (tx) =>
      unlistedAccounts(tx, { limit, touchedBefore: at }),
    ),
    drain('without a channel', 'calendars_unwatched', (tx) =>
      unwatchedCalendars(tx, { ...page, triedBefore: at }),
    ),
    drain('channels that ran out', 'calendar_sync_channels_live', (tx) => expireWatches(tx, page)),
    drain('channels in their last hour', 'calendar_sync_channels_expiring', (tx) =>
      expiringChannels(tx, { ...page, until: ago(-1 / 24) }),
    ),
    drain('channels to stop', 'calendar_sync_channels_stop', (tx) => watchesToStop(tx, page)),
    drain('watched in vain', 'calendars_overwatched', (tx) => retireOverwatched(tx, page)),
    drain(
      'channels without a calendar',
      'calendar_sync_channels_homeless|calendar_sync_channels_calendar',
      (tx) => retireHomeless(tx, page),
    ),
    drain('channels never answered', 'calendar_sync_channels_creating', (tx) =>
      abandonUnanswered(tx, { ...page, createdBefore: at, sharing: ['google'] }),
    ),
    selection('conflict-resolution')('open conflicts', 'calendar_sync_conflicts_open', (tx) =>
      openConflicts(tx, { after, limit }),
    ),
    renewal('channels that run out in 12 h', 'calendar_sync_channels_expiring', (tx) =>
      expiringChannels(tx, { ...page, until: ago(-0.5) }),
    ),
    renewal('old keys', 'calendar_sync_channels_key', (tx) => oldSigningKeys(tx, 'k2')),
    renewal('channels on an old key', 'calendar_sync_channels_key', (tx) =>
      channelsOnKey(tx, { ...page, keyId: 'k1', slots: 128 }),
    ),
    renewal('refused long ago', 'calendars_refused', (tx) =>
      refusedCalendars(tx, { ...page, refusedBefore: ago(7) }),
    ),
    renewal('lists of the hour', 'calendar_accounts_hour', (tx) =>
      accountsOfHour(tx, { ...page, hour: at.getUTCHours(), listedBefore: ago(0.5) }),
    ),
    renewal('lists that were missed', 'calendar_accounts_listed', (tx) =>
      accountsListedBefore(tx, { ...page, listedBefore: ago(1) }),
    ),
    selection('mirror-audit')('the sample', 'calendars_audit', (tx) =>
      calendarsToAudit(tx, { percent: 3, max: 5_000 }),
    ),
    cleanup('windows that end too early', 'calendars_window_end', (tx) =>
      windowsToMove(tx, { ...page, provider: 'google', fault: 'endsBefore', bound: windowEnds }),
    ),
    cleanup('windows that end too late', 'calendars_window_end', (tx) =>
      windowsToMove(tx, { ...page, provider: 'google', fault: 'endsAfter', bound: ago(-375) }),
    ),
    cleanup('windows that begin too late', 'calendars_window_start', (tx) =>
      windowsToMove(tx, { ...page, provider: 'google', fault: 'startsAfter', bound: ago(30) }),
    ),
    past('runs', 'calendar_sync_runs_age', pastRuns, 30),
    past('audits', 'calendar_audits_age', pastAudits, 90),
    past('writes', 'calendar_writes_age', pastWrites, 90),
    past('revisions', 'calendar_event_revisions_age', pastRevisions, 90),
    past('channels', 'calendar_sync_channels_dead', pastChannels, 8),
    past('quarantine', 'calendar_quarantine_age', pastQuarantine, 90),
    past('answers to writes', 'calendar_idempotency_keys_age', pastIdempotencyKeys, 25 / 24),
    past('deleted events', 'calendar_events_tombstones', pastEvents, 30),
    selection('metrics')('soonest expiry', 'calendar_sync_channels_soonest', soonestExpiries),
  ];
}
