/** The settings of the whole fleet: what the environment says, and what the launcher makes where it says nothing. */
import {
  apiConfig,
  ConfigError,
  ingressConfig,
  migrateConfig,
  sandboxConfig,
  workerConfig,
  type Environment,
} from '@calfleet/config';
import { sandboxClient } from '@calfleet/sandbox';
import type { Keys } from './keys.ts';
import type { PortWish } from './ports.ts';

/** Without a client of a real provider there is nothing to mirror but the sandbox; it plays both of them. */
export const wantsSandbox = (env: Environment): boolean =>
  isUnset(env['GOOGLE_CLIENT_ID']) && isUnset(env['MICROSOFT_CLIENT_ID']);

export const isUnset = (text: string | undefined): boolean => (text?.trim() ?? '') === '';

/** An empty text counts as unset, as everywhere in packages/config. */
export const withDefaults = (env: Environment, defaults: Environment): Record<string, string> =>
  Object.fromEntries(
    [...new Set([...Object.keys(defaults), ...Object.keys(env)])].flatMap((name) => {
      const text = isUnset(env[name]) ? defaults[name] : env[name];
      return text === undefined ? [] : [[name, text]];
    }),
  );

export function portWishes(env: Environment): PortWish[] {
  const sandbox: PortWish[] = wantsSandbox(env)
    ? [{ setting: 'SANDBOX_PORT', usual: 4010, host: env['SANDBOX_HOST']?.trim() || '127.0.0.1' }]
    : [];
  return [
    { setting: 'INGRESS_PORT', usual: 4000 },
    { setting: 'API_PORT', usual: 4001 },
    { setting: 'WORKER_METRICS_PORT', usual: 4002 },
    ...sandbox,
  ];
}

/** @param parts.ports by setting, as chosen @param parts.servers DATABASE_URL, MIGRATION_DATABASE_URL, REDIS_URL */
export function composeSettings(
  env: Environment,
  parts: { keys: Keys; ports: Record<string, string>; servers: Record<string, string> },
): Record<string, string> {
  const { keys, ports, servers } = parts;
  const own = {
    ...keys,
    ...servers,
    API_BASE_URL: loopback(ports['INGRESS_PORT']),
    API_PUBLIC_URL: loopback(ports['API_PORT']),
  };
  const settings = { ...withDefaults(env, own), ...ports };
  if (wantsSandbox(env)) return { ...settings, ...sandboxSettings(settings) };
  // None is started, so none is to be seen in what follows.
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !name.startsWith('SANDBOX_')));
}

/** The providers are where the sandbox is, whatever the environment says about their addresses. */
function sandboxSettings(settings: Record<string, string>): Record<string, string> {
  const sandbox = loopback(settings['SANDBOX_PORT']);
  const google = `${sandbox}/google`;
  const clientId = settings['SANDBOX_CLIENT_ID'] ?? sandboxClient.id;
  const clientSecret = settings['SANDBOX_CLIENT_SECRET'] ?? sandboxClient.secret;
  return {
    SANDBOX_SEED: settings['SANDBOX_SEED'] ?? 'demo',
    GOOGLE_CLIENT_ID: clientId,
    GOOGLE_CLIENT_SECRET: clientSecret,
    GOOGLE_API_ROOT_URL: `${google}/`,
    GOOGLE_AUTH_URL: `${google}/oauth2/auth`,
    GOOGLE_TOKEN_URL: `${google}/oauth2/token`,
    GOOGLE_REVOKE_URL: `${google}/oauth2/revoke`,
    GOOGLE_USERINFO_URL: `${google}/oauth2/userinfo`,
    MICROSOFT_CLIENT_ID: clientId,
    MICROSOFT_CLIENT_SECRET: clientSecret,
    MICROSOFT_TENANT: 'common',
    MICROSOFT_GRAPH_ROOT_URL: `${sandbox}/microsoft/v1.0`,
    MICROSOFT_LOGIN_ROOT_URL: `${sandbox}/microsoft/login`,
  };
}

export const loopback = (port: string | undefined): string => `http://127.0.0.1:${port ?? ''}`;

/** Asks every process for its opinion before any of them starts. @throws ConfigError with all that is wrong */
export function checkSettings(settings: Environment): void {
  const problems = [ingressConfig, apiConfig, workerConfig, migrateConfig, sandboxConfig].flatMap((read) => {
    try {
      read(settings);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  });
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
}
