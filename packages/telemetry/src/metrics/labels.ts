/**
 * The values that labels may have. Whatever else is given is counted as `other`: a label whose values come from outside
 * makes a time series of each of them, and may say what nobody should read.
 */

/** Some of: the values themselves. A number: names of our own making (routes, tables, key ids), at most so many. */
export type LabelValues = readonly string[] | number;

export const providers = ['google', 'microsoft', 'memory'] as const;
export const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] as const;
/** What a request to a provider came to: `ok`, a code of `SyncError`, or how it failed below HTTP. */
export const requestReasons = [
  'ok',
  'rate_limited',
  'credentials_revoked',
  'permission_denied',
  'cursor_expired',
  'remote_missing',
  'version_conflict',
  'request_rejected',
  'push_not_supported',
  'misconfigured',
  'provider_unavailable',
  'timeout',
  'network',
] as const;
export const notificationKinds = [
  'change',
  'sync',
  'not_exists',
  'reauthorization_required',
  'subscription_removed',
  'missed',
  'handshake',
  'batch',
  'unknown',
] as const;
export const notificationOutcomes = [
  'accepted',
  'bad_token',
  'late',
  'malformed',
  'not_stored',
  'overloaded',
  'rate_capped',
  'too_large',
  'unknown_event',
  'unknown_key',
] as const;
export const modes = ['full', 'incremental'] as const;
export const fullSyncReasons = ['cursor_expired', 'first', 'manual', 'window', 'view', 'audit'] as const;
export const readings = ['changes', 'small_pages', 'view'] as const;
export const quarantineCodes = [
  'unreadable',
  'unstorable',
  'recurrence_unreadable',
  'recurrence_truncated',
] as const;
export const finders = ['poll', 'audit'] as const;
export const savings = ['coalesced', 'polling_baseline'] as const;
export const tokenResults = [
  'refreshed',
  'provider_unavailable',
  'rate_limited',
  'credentials_revoked',
  'misconfigured',
  'bug',
] as const;
export const invalidations = ['invalid_grant', 'token_refused', 'scope_missing'] as const;
export const connectionStates = ['active', 'reauth_needed', 'disconnecting', 'disconnected'] as const;
export const calendarStates = [
  'new',
  'syncing',
  'active',
  'resyncing',
  'deletes_held',
  'paused',
  'gone',
] as const;
export const coverages = ['push', 'poll', 'none'] as const;
export const channelStates = [
  'creating',
  'active',
  'retired',
  'stopped',
  'expired',
  'abandoned',
  'failed',
] as const;
export const renewalResults = [
  'created',
  'renewed',
  'replaced',
  'lost',
  'refused',
  'failed',
  /** Our own budget or the provider's: tried again soon. */
  'put_off',
] as const;
/** Push is told of changes; the rest is asked at its beat. */
export const plans = ['push', 'poll'] as const;
/** Since a calendar was last verified: up to this long, and longer than the one before. */
export const ages = ['5m', '15m', '1h', '6h', '1d', 'older', 'never'] as const;
export const queues = ['webhooks', 'pull', 'push', 'backfill', 'accounts', 'watches', 'schedules'] as const;
export const queueStates = ['waiting', 'prioritized', 'delayed', 'active', 'failed'] as const;
export const ageStates = ['waiting', 'prioritized', 'delayed', 'active'] as const;
export const ticks = [
  'auto-sync',
  'webhook-drain',
  'conflict-resolution',
  'cleanup',
  'incremental-pull',
  'watch-renewal',
  'mirror-audit',
] as const;
export const jobs = [
  'receive-notification',
  'pull-calendar',
  'recheck-events',
  'push-calendar',
  'discover-account',
  'leave-account',
  'ensure-watch',
  'stop-watch',
  'audit-calendar',
  ...ticks,
] as const;
export const jobOutcomes = ['done', 'retried', 'snoozed', 'dropped', 'parked', 'handed_back'] as const;
export const tickOutcomes = ['completed', 'failed'] as const;
/** What became of a write that left: `moved`, somebody changed the event meanwhile, and it is tried upon that. */
export const writeOutcomes = ['applied', 'moved', 'put_off', 'conflict', 'parked'] as const;
export const writeStates = ['pending', 'pushing', 'conflict', 'parked'] as const;
export const brakeScopes = ['event', 'account'] as const;
export const stopScopes = ['fleet', 'account'] as const;
export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const;

/** A name of our own making: a route's pattern, a table, the id of a signing key. */
const ownName = /^[\w/:.{}-]{1,80}$/;

/** Keeps a label's values among those that it may have. */
export function createBound(values: LabelValues): (value: unknown) => string {
  if (typeof values !== 'number') {
    const known = new Set(values);
    return (value) => (typeof value === 'string' && known.has(value) ? value : 'other');
  }
  const seen = new Set<string>();
  return (value) => {
    if (typeof value !== 'string' || !ownName.test(value)) return 'other';
    if (seen.has(value)) return value;
    if (seen.size >= values) return 'other';
    seen.add(value);
    return value;
  };
}
