/** The consent of every provider of the house, by name: what connecting takes, and no provider's client. */
import type { ConsentEndpoint, ProviderName } from '@calfleet/domain';
import { createGoogleConsentEndpoint, type GoogleConsentOptions } from './google/oauth.ts';
import { createMicrosoftConsentEndpoint, type MicrosoftOauthOptions } from './microsoft/oauth.ts';

/** The enabled providers; a provider without credentials is absent. */
export type Consents = ReadonlyMap<ProviderName, ConsentEndpoint>;

export interface ConsentsConfig {
  /** For one request with its whole answer. */
  timeoutMs: number;
  /** null: this house has no such client. */
  google: Omit<GoogleConsentOptions, 'timeoutMs'> | null;
  microsoft: Omit<MicrosoftOauthOptions, 'timeoutMs'> | null;
}

export function createConsents({ timeoutMs, google, microsoft }: ConsentsConfig): Consents {
  const consents = new Map<ProviderName, ConsentEndpoint>();
  if (google) consents.set('google', createGoogleConsentEndpoint({ ...google, timeoutMs }));
  if (microsoft) consents.set('microsoft', createMicrosoftConsentEndpoint({ ...microsoft, timeoutMs }));
  return consents;
}
