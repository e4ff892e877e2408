/** What calls to providers and refreshes of tokens came to, counted where sessions are opened: no caller can forget it. */
import { asSyncError, type ProviderAnswer, type ProviderName, type SyncError } from '@calfleet/domain';
import type { Metrics } from '@calfleet/telemetry';

export type CallMetrics = Pick<
  Metrics,
  'providerRequests' | 'providerThrottleWait' | 'tokenRefresh' | 'tokenInvalidated'
>;

export function countAnswer(
  metrics: CallMetrics,
  provider: ProviderName,
  { status, code, cause }: ProviderAnswer,
): void {
  const statusClass = status === null ? 'none' : `${Math.floor(status / 100)}xx`;
  const below = /timeout|timedout/i.test(cause ?? '') ? 'timeout' : 'network';
  // Without an answer the code says no more than that there was none.
  const reason = status === null && code === 'provider_unavailable' ? below : (code ?? 'ok');
  metrics.providerRequests.inc({ provider, status_class: statusClass, reason });
}

/** A refresh is one request to the token endpoint, and one try to keep a grant alive. */
export async function countedRefresh<T>(
  metrics: CallMetrics | undefined,
  provider: ProviderName,
  refresh: () => Promise<T>,
): Promise<T> {
  try {
    const grant = await refresh();
    metrics?.tokenRefresh.inc({ provider, result: 'refreshed' });
    if (metrics) countAnswer(metrics, provider, { status: 200, code: null, cause: null });
    return grant;
  } catch (thrown) {
    const { code, context } = asSyncError(thrown);
    metrics?.tokenRefresh.inc({ provider, result: code });
    const status = typeof context['status'] === 'number' ? context['status'] : null;
    const cause = typeof context['cause'] === 'string' ? context['cause'] : null;
    if (metrics) countAnswer(metrics, provider, { status, code, cause });
    throw thrown;
  }
}

/** An account was just marked: nothing of it works until its user connects again. */
export function countInvalidated(metrics: CallMetrics, provider: ProviderName, error: SyncError): void {
  const reason = error.code === 'permission_denied' ? 'scope_missing' : grantOrToken(error);
  metrics.tokenInvalidated.inc({ provider, reason });
}

/** The token endpoint refused the grant, or the provider refused a token that was just made with it. */
const grantOrToken = ({ context }: SyncError): string =>
  context['operation'] === 'refresh' ? 'invalid_grant' : 'token_refused';
