/** Every provider of the house, by name. A new provider is one folder and one entry in {@link createProviders}. */
import type { CalendarProvider, Clock, ProviderName, TokenEndpoint } from '@calfleet/domain';
import { createGoogleTokenEndpoint } from './google/oauth.ts';
import { createGoogleProvider } from './google/provider.ts';
import { createMicrosoftTokenEndpoint } from './microsoft/oauth.ts';
import { createMicrosoftProvider } from './microsoft/provider.ts';

export interface ProviderEntry {
  provider: CalendarProvider;
  tokens: TokenEndpoint;
}

/** The enabled providers; a provider without credentials is absent. */
export type Providers = ReadonlyMap<ProviderName, ProviderEntry>;

export interface ProvidersConfig {
  clock: Clock;
  /** For one request with its whole answer. */
  timeoutMs: number;
  /** null: this house has no Google client. */
  google: {
    clientId: string;
    clientSecret: string;
    rootUrl: string;
    tokenUrl: string;
    revokeUrl: string;
  } | null;
  /** null, or left out: this house has no Microsoft client. */
  microsoft?: {
    clientId: string;
    clientSecret: string;
    tenant: string;
    graphRootUrl: string;
    loginRootUrl: string;
  } | null;
}

export function createProviders(config: ProvidersConfig): Providers {
  const { clock, timeoutMs, google, microsoft } = config;
  const providers = new Map<ProviderName, ProviderEntry>();
  if (google)
    providers.set('google', {
      provider: createGoogleProvider({ ...google, timeoutMs, clock }),
      tokens: createGoogleTokenEndpoint({ ...google, timeoutMs }),
    });
  if (microsoft)
    providers.set('microsoft', {
      provider: createMicrosoftProvider({ rootUrl: microsoft.graphRootUrl, timeoutMs, clock }),
      tokens: createMicrosoftTokenEndpoint({ ...microsoft, timeoutMs }),
    });
  return providers;
}
