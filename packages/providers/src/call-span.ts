/** One span per request to a provider: whose, what for, and the status. Addresses hold ids and links hold tokens, so none. */
import type { ProviderName } from '@calfleet/domain';
import { inSpan } from '@calfleet/telemetry';
import { networkCause } from './http.ts';

export interface ProviderCall {
  provider: Extract<ProviderName, 'google' | 'microsoft'>;
  /** The port's method, or `refresh`. */
  operation: string;
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  accountId?: string;
}

export function inCallSpan<Answer extends { status: number }>(
  { provider, operation, method, accountId }: ProviderCall,
  send: () => Promise<Answer>,
): Promise<Answer> {
  const facts = {
    'calfleet.provider': provider,
    'calfleet.operation': operation,
    'calfleet.account_id': accountId,
    'http.request.method': method,
  };
  return inSpan(`${provider} ${operation}`, { kind: 'client', facts }, async (span) => {
    const ended = (status: number) => {
      span.set({ 'http.response.status_code': status });
      // https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status: for clients, a 4xx is a failure, too.
      if (status >= 400) span.fail(String(status));
    };
    try {
      const answer = await send();
      ended(answer.status);
      return answer;
    } catch (thrown) {
      const status = statusOf(thrown);
      if (status === null) span.fail(networkCause(thrown));
      else ended(status);
      throw thrown;
    }
  });
}

/** Google's client throws what is no success. */
function statusOf(thrown: unknown): number | null {
  if (typeof thrown !== 'object' || thrown === null || !('status' in thrown)) return null;
  return typeof thrown.status === 'number' ? thrown.status : null;
}
