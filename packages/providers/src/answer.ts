import type { ProviderAnswer, SyncError } from '@calfleet/domain';

/** What a session is told of a request that came to this error. */
export function answerOf({ code, context }: SyncError): ProviderAnswer {
  const { status, cause } = context;
  return {
    code,
    status: typeof status === 'number' ? status : null,
    cause: typeof cause === 'string' ? cause : null,
  };
}
