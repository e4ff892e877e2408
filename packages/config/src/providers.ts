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
  'MICROSOFT_CLIENT_ID',
  'MICROSOFT_CLIENT_SECRET',
  'MICROSOFT_TENANT',
  'MICROSOFT_GRAPH_ROOT_URL',
  'MICROSOFT_LOGIN_ROOT_URL',
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

export interface MicrosoftSettings {
  clientId: string;
  clientSecret: string;
  /** `common`, `organizations`, `consumers`, a tenant id or a domain; safe as a path segment. */
  tenant: string;
  /** With the version, without a slash at its end. */
  graphRootUrl: string;
  /** Without a slash at its end; the tenant comes behind it. */
  loginRootUrl: string;
}

/** A provider that is off is null. */
export interface ProviderSettings {
  google: GoogleSettings | null;
  microsoft: MicrosoftSettings | null;
}

export function providersOf(values: ProviderValues): ProviderSettings {
  return { google: googleOf(values), microsoft: microsoftOf(values) };
}

/** Half a provider is a slip of the hand: the fleet would run without it and nobody would hear why. */
export function providerProblems(values: ProviderValues): string[] {
  const half = (['GOOGLE', 'MICROSOFT'] as const).flatMap((name) => {
    const [id, secret] = [`${name}_CLIENT_ID`, `${name}_CLIENT_SECRET`] as const;
    if (values[id] === null && values[secret] !== null) return [`${id} is missing: ${secret} is set`];
    if (values[id] !== null && values[secret] === null) return [`${secret} is missing: ${id} is set`];
    return [];
  });
  const { google, microsoft } = providersOf(values);
  if (half.length > 0 || google || microsoft) return half;
  return [
    'No provider is on: set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET',
  ];
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

function microsoftOf(values: ProviderValues): MicrosoftSettings | null {
  const { MICROSOFT_CLIENT_ID: clientId, MICROSOFT_CLIENT_SECRET: clientSecret } = values;
  if (!clientId || !clientSecret) return null;
  return {
    clientId,
    clientSecret,
    tenant: values.MICROSOFT_TENANT,
    graphRootUrl: values.MICROSOFT_GRAPH_ROOT_URL,
    loginRootUrl: values.MICROSOFT_LOGIN_ROOT_URL,
  };
}
