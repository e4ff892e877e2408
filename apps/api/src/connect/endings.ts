/** How a trip to a provider's consent page ends, in the words that the application and its user are told. */
import type { SyncError, SyncErrorCode } from '@calfleet/domain';

export const endings = {
  access_denied: 'The access was not granted.',
  consent_required:
    'The provider asks for more than your consent: an administrator of your organisation has to allow it.',
  missing_scope: 'Not everything that is needed was granted.',
  state_expired: 'The sign-in took too long. Please begin again.',
  code_rejected: 'The provider did not confirm the sign-in. Please begin again.',
  provider_unavailable: 'The provider does not answer. Please try again in a few minutes.',
  misconfigured: 'This installation is not set up for this provider. Its operator has to look at it.',
} as const;

export type Ending = keyof typeof endings;

/** Error words of a provider's authorization answer (RFC 6749, 4.1.2.1); others are an operator's. */
const spoken: Record<string, Ending> = {
  access_denied: 'access_denied',
  login_required: 'access_denied',
  interaction_required: 'access_denied',
  account_selection_required: 'access_denied',
  consent_required: 'consent_required',
  admin_policy_enforced: 'consent_required',
  org_internal: 'consent_required',
  server_error: 'provider_unavailable',
  temporarily_unavailable: 'provider_unavailable',
};

export const endingOfWord = (error: string): Ending => spoken[error] ?? 'misconfigured';

/** What the exchange of a code may raise; anything else is a fault of ours. */
const raised: Partial<Record<SyncErrorCode, Ending>> = {
  request_rejected: 'code_rejected',
  credentials_revoked: 'consent_required',
  misconfigured: 'misconfigured',
  rate_limited: 'provider_unavailable',
  provider_unavailable: 'provider_unavailable',
};

export const endingOfError = ({ code }: SyncError): Ending | null => raised[code] ?? null;
