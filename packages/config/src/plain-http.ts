/**
 * Tokens and notifications travel to these addresses, so they are https. Plain http is for the other end on this machine,
 * and for hosts that the operator names: the sandbox in a container of its own.
 */
import type { SettingName } from './settings.ts';

const addresses = [
  'API_BASE_URL',
  'API_PUBLIC_URL',
  'AUTH_JWKS_URL',
  'GOOGLE_API_ROOT_URL',
  'GOOGLE_AUTH_URL',
  'GOOGLE_TOKEN_URL',
  'GOOGLE_REVOKE_URL',
  'GOOGLE_USERINFO_URL',
  'MICROSOFT_GRAPH_ROOT_URL',
  'MICROSOFT_LOGIN_ROOT_URL',
] as const satisfies readonly SettingName[];

const lists = ['OAUTH_REDIRECT_URIS'] as const satisfies readonly SettingName[];

const textsOf = (value: unknown): string[] =>
  [value].flat().filter((text): text is string => typeof text === 'string');

/** @param values as read; what is missing or unreadable has a problem of its own */
export function plainHttpProblems(
  values: Partial<Record<SettingName, unknown>> & { PLAIN_HTTP_HOSTS?: readonly string[] },
): string[] {
  return [...addresses, ...lists].flatMap((name) => {
    const isOpen = textsOf(values[name]).some((text) => {
      const { protocol, hostname } = new URL(text);
      return protocol === 'http:' && !isLoopback(hostname) && !values.PLAIN_HTTP_HOSTS?.includes(hostname);
    });
    if (!isOpen) return [];
    return [
      `${name} must be https:// (http:// is accepted on loopback, and for hosts named in PLAIN_HTTP_HOSTS)`,
    ];
  });
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
