/** Which providers are on: those with both a client id and a client secret. A fleet without any is a mistake. */
import type { Values } from './load.ts';

export const providerSettingNames = [
  'GOOGLE_CLIENT_ID',
  'GOOGLE_CLIENT_SECRET',
  'GOOGLE_API_ROOT_URL',
  'GOOGLE_AUTH_URL',
  'GOOGLE_TOKEN_URL',
  'GOOGLE_REVOKE_URL',
  'GOOGLE_USERINFO_URL',
] as const;

type ProviderValues = Values<(typeof providerSettingNames)[number]>;

export interface GoogleSettings {
  clientId: string;
  clientSecret: string;
  /** Ends in `/`. */
  apiRootUrl: string;
  authUrl: string;
  tokenUrl: string;
  revokeUrl: string;
  userinfoUrl: string;
}

/** A provider that is off is null. */
export interface ProviderSettings {
  google: GoogleSettings | null;
  /** Has no adapter yet. */
  microsoft: null;
}

export function providersOf(values: ProviderValues): ProviderSettings {
  return { google: googleOf(values), microsoft: null };
}

export function providerProblems(values: ProviderValues): string[] {
  if (providersOf(values).google) return [];
  return ['No provider is on: set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET'];
}

function googleOf(values: ProviderValues): GoogleSettings | null {
  const { GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret } = values;
  if (!clientId || !clientSecret) return null;
  return {
    clientId,
    clientSecret,
    apiRootUrl: values.GOOGLE_API_ROOT_URL,
    authUrl: values.GOOGLE_AUTH_URL,
    tokenUrl: values.GOOGLE_TOKEN_URL,
    revokeUrl: values.GOOGLE_REVOKE_URL,
    userinfoUrl: values.GOOGLE_USERINFO_URL,
  };
}
