/** What the engine does: rounds, calls to providers, tokens, channels, audits. Counted where it is done. */
import type { Declare } from './declare.ts';
import {
  finders,
  fullSyncReasons,
  invalidations,
  modes,
  providers,
  quarantineCodes,
  readings,
  renewalResults,
  requestReasons,
  savings,
  statusClasses,
  tokenResults,
} from './labels.ts';

export const declareRounds = ({ counter, histogram }: Declare) => ({
  notificationToStore: histogram(
    'notification_to_store_seconds',
    'From the receipt of a notification to the commit of what it announced.',
    { labels: { provider: providers }, buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900] },
  ),
  changeToStore: histogram(
    'change_to_store_seconds',
    "From the provider's own time of a change to its commit: the newest change of each page of a notified round. The " +
      "provider's delay and the difference of two clocks are in it.",
    { labels: { provider: providers }, buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900] },
  ),
  syncDuration: histogram(
    'sync_duration_seconds',
    'Of finished rounds, from the start of the round to the commit of its last page. A resumed round counts from its first page.',
    {
      labels: { provider: providers, mode: modes },
      buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600],
    },
  ),
  sync: counter('sync_total', 'Finished rounds.', { provider: providers, mode: modes }),
  fullSync: counter('full_sync_total', 'Full rounds by what made them necessary.', {
    provider: providers,
    reason: fullSyncReasons,
  }),
  listLoops: counter(
    'list_loops_total',
    'Lists of changes that went round in circles, by what is read instead.',
    { provider: providers, reading: readings },
  ),
  missedChange: counter(
    'missed_change_total',
    'Changes of push-covered calendars that no notification announced, by what found them.',
    { provider: providers, found_by: finders },
  ),
  apiCallsSaved: counter(
    'api_calls_saved_total',
    'Calls that were not made. coalesced: pulls whose wish a running round had answered already. polling_baseline: ' +
      'lists of a push-covered calendar that a poll every 10 minutes would have asked for since its last round, without ' +
      'the one that was made.',
    { provider: providers, cause: savings },
  ),
  quarantined: counter('quarantined_total', 'Items that could not be stored, by reason.', {
    code: quarantineCodes,
  }),
  deletesHeld: counter('deletes_held_total', 'Events whose deletion waits for a person.', {
    provider: providers,
  }),
  auditDifferences: counter(
    'audit_differences_total',
    'Differences between a mirror and its provider that audits found.',
    { provider: providers, kind: 16 },
  ),
});

export const declareProviderCalls = ({ counter, gauge }: Declare) => ({
  providerRequests: counter(
    'provider_requests_total',
    'Requests to providers, token endpoints included, by class of answer and what it came to.',
    { provider: providers, status_class: statusClasses, reason: requestReasons },
  ),
  providerThrottleWait: counter(
    'provider_throttle_wait_seconds_total',
    'Time that calls waited for a place or a budget, and time for which providers told us to stay away.',
    { provider: providers },
  ),
  quotaUsed: gauge('quota_used_ratio', "Of the project's budget, how much is spent in the running window.", {
    provider: providers,
  }),
  tokenRefresh: counter('token_refresh_total', 'Refreshes of access tokens, by result.', {
    provider: providers,
    result: tokenResults,
  }),
  tokenInvalidated: counter(
    'token_invalidated_total',
    'Grants that do not work any more until their user connects again.',
    { provider: providers, reason: invalidations },
  ),
  channelRenewals: counter('channel_renewals_total', 'Channels opened, prolonged and replaced, by result.', {
    provider: providers,
    result: renewalResults,
  }),
});
