/** What each process is told. A role that does not need a secret never reads it. */
import { read, refuse, type Environment, type Values } from './load.ts';
import { plainHttpProblems } from './plain-http.ts';
import { providerProblems, providerSettingNames, providersOf } from './providers.ts';
import type { SettingName } from './settings.ts';
import type { RingKey } from './values.ts';

const names = <const Names extends readonly SettingName[]>(...list: Names): Names => list;

const redis = names('REDIS_URL', 'REDIS_PREFIX');
const window = names('SYNC_PAST_DAYS', 'SYNC_FUTURE_DAYS');
const tokens = names('AUTH_JWT_SECRET', 'AUTH_JWKS_URL', 'AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE');

const roles = {
  ingress: names('LOG_LEVEL', 'INGRESS_PORT', 'CHANNEL_SIGNING_KEYS', ...redis),
  api: names(
    'LOG_LEVEL',
    'API_PORT',
    'API_ADMIN_PORT',
    'API_PUBLIC_URL',
    'OAUTH_REDIRECT_URIS',
    'PLAIN_HTTP_HOSTS',
    'DATABASE_URL',
    'CALFLEET_ALLOW_SUPERUSER',
    'TOKEN_ENCRYPTION_KEYS',
    'CALFLEET_ADMIN_KEY',
    ...tokens,
    'API_REQUESTS_PER_KEY_MINUTE',
    'API_REQUESTS_PER_USER_MINUTE',
    ...redis,
    ...providerSettingNames,
    ...window,
  ),
  worker: names(
    'LOG_LEVEL',
    'WORKER_METRICS_PORT',
    'WORKER_QUEUES',
    'WORKER_CONCURRENCY',
    'API_BASE_URL',
    'PLAIN_HTTP_HOSTS',
    'DATABASE_URL',
    'CALFLEET_ALLOW_SUPERUSER',
    'TOKEN_ENCRYPTION_KEYS',
    'CHANNEL_SIGNING_KEYS',
    'MASS_DELETE_PERCENT',
    'MASS_DELETE_MIN',
    'WRITES_PER_EVENT_HOUR',
    'WRITES_PER_ACCOUNT_HOUR',
    'AUDIT_SAMPLE_PERCENT',
    'GOOGLE_QUOTA_PROJECT_PER_MINUTE',
    'GOOGLE_QUOTA_USER_PER_MINUTE',
    'MICROSOFT_QUOTA_MAILBOX_PER_10_MINUTES',
    'KEEP_RUNS_DAYS',
    'KEEP_DELETED_EVENTS_DAYS',
    'KEEP_CHANNELS_DAYS',
    'KEEP_QUARANTINE_DAYS',
    'KEEP_AUDITS_DAYS',
    'KEEP_HISTORY_DAYS',
    'SCHEDULE_AUTO_SYNC',
    'SCHEDULE_WEBHOOK_DRAIN',
    'SCHEDULE_CONFLICT_RESOLUTION',
    'SCHEDULE_CLEANUP',
    'SCHEDULE_INCREMENTAL_PULL',
    'SCHEDULE_WATCH_RENEWAL',
    'SCHEDULE_MIRROR_AUDIT',
    ...redis,
    ...providerSettingNames,
    ...window,
  ),
  migrate: names('LOG_LEVEL', 'DATABASE_URL', 'MIGRATION_DATABASE_URL'),
  operator: names('DATABASE_URL', ...redis),
  rotation: names('TOKEN_ENCRYPTION_KEYS', 'CHANNEL_SIGNING_KEYS'),
  sandbox: names(
    'SANDBOX_HOST',
    'SANDBOX_PORT',
    'SANDBOX_SEED',
    'SANDBOX_SEED_NUMBER',
    'SANDBOX_CLIENT_ID',
    'SANDBOX_CLIENT_SECRET',
    'SANDBOX_PUSH_HTTP_HOSTS',
  ),
};

/** Which process reads a setting, for the documentation. */
export const readersOf = (name: SettingName): string[] =>
  Object.entries(roles).flatMap(([role, list]) => (list.some((other) => other === name) ? [role] : []));

/** @throws ConfigError */
export function ingressConfig(env: Environment) {
  const { values, problems } = read(env, roles.ingress);
  refuse(problems);
  return {
    logLevel: values.LOG_LEVEL,
    port: values.INGRESS_PORT,
    ...redisOf(values),
    channelSigningKeys: values.CHANNEL_SIGNING_KEYS,
  };
}

/** @throws ConfigError */
export function apiConfig(env: Environment) {
  const { values, problems } = read(env, roles.api);
  refuse([
    ...problems,
    ...plainHttpProblems(values),
    ...providerProblems(values),
    ...tokenProblems(values),
    ...sharedSecretProblems(values),
  ]);
  return {
    logLevel: values.LOG_LEVEL,
    port: values.API_PORT,
    /** Of the queue board and the admin endpoints; null: they share the port of the others. */
    adminPort: values.API_ADMIN_PORT,
    /** Ends in `/`. */
    publicUrl: values.API_PUBLIC_URL,
    /** Where users may be sent back to after connecting. */
    redirectUris: values.OAUTH_REDIRECT_URIS,
    ...databaseOf(values),
    ...redisOf(values),
    tokenEncryptionKeys: values.TOKEN_ENCRYPTION_KEYS,
    adminKey: values.CALFLEET_ADMIN_KEY,
    /** Tokens of users; none are accepted without a secret or a key set. */
    jwt: {
      secret: values.AUTH_JWT_SECRET,
      keySetUrl: values.AUTH_JWKS_URL,
      issuer: values.AUTH_JWT_ISSUER,
      audience: values.AUTH_JWT_AUDIENCE,
    },
    /** Requests a minute. */
    callerLimits: {
      perKey: values.API_REQUESTS_PER_KEY_MINUTE,
      perUser: values.API_REQUESTS_PER_USER_MINUTE,
    },
    providers: providersOf(values),
    window: windowOf(values),
  };
}

/** @throws ConfigError */
export function workerConfig(env: Environment) {
  const { values, problems } = read(env, roles.worker);
  refuse([
    ...problems,
    ...plainHttpProblems(values),
    ...providerProblems(values),
    ...windowProblems(values),
    ...sharedKeyProblems(values),
  ]);
  return {
    logLevel: values.LOG_LEVEL,
    metricsPort: values.WORKER_METRICS_PORT,
    queues: values.WORKER_QUEUES,
    concurrency: values.WORKER_CONCURRENCY,
    /** Public base of the ingress; ends in `/`. */
    baseUrl: values.API_BASE_URL,
    ...databaseOf(values),
    ...redisOf(values),
    tokenEncryptionKeys: values.TOKEN_ENCRYPTION_KEYS,
    channelSigningKeys: values.CHANNEL_SIGNING_KEYS,
    providers: providersOf(values),
    window: windowOf(values),
    massDelete: { percent: values.MASS_DELETE_PERCENT, min: values.MASS_DELETE_MIN },
    writeBrake: { perEvent: values.WRITES_PER_EVENT_HOUR, perAccount: values.WRITES_PER_ACCOUNT_HOUR },
    auditSamplePercent: values.AUDIT_SAMPLE_PERCENT,
    quotas: {
      google: {
        projectPerMinute: values.GOOGLE_QUOTA_PROJECT_PER_MINUTE,
        accountPerMinute: values.GOOGLE_QUOTA_USER_PER_MINUTE,
      },
      microsoft: { mailboxPerTenMinutes: values.MICROSOFT_QUOTA_MAILBOX_PER_10_MINUTES },
    },
    keptDays: {
      runs: values.KEEP_RUNS_DAYS,
      deletedEvents: values.KEEP_DELETED_EVENTS_DAYS,
      channels: values.KEEP_CHANNELS_DAYS,
      quarantine: values.KEEP_QUARANTINE_DAYS,
      audits: values.KEEP_AUDITS_DAYS,
      history: values.KEEP_HISTORY_DAYS,
    },
    schedules: {
      'auto-sync': values.SCHEDULE_AUTO_SYNC,
      'webhook-drain': values.SCHEDULE_WEBHOOK_DRAIN,
      'conflict-resolution': values.SCHEDULE_CONFLICT_RESOLUTION,
      cleanup: values.SCHEDULE_CLEANUP,
      'incremental-pull': values.SCHEDULE_INCREMENTAL_PULL,
      'watch-renewal': values.SCHEDULE_WATCH_RENEWAL,
      'mirror-audit': values.SCHEDULE_MIRROR_AUDIT,
    },
  };
}

/** @throws ConfigError */
export function migrateConfig(env: Environment) {
  const { values, problems } = read(env, roles.migrate);
  refuse(problems);
  return {
    logLevel: values.LOG_LEVEL,
    /** The login that the roles are granted to. */
    databaseUrl: values.DATABASE_URL,
    migrationDatabaseUrl: values.MIGRATION_DATABASE_URL ?? values.DATABASE_URL,
  };
}

/** @throws ConfigError */
export function operatorConfig(env: Environment) {
  const { values, problems } = read(env, roles.operator);
  refuse(problems);
  return { databaseUrl: values.DATABASE_URL, ...redisOf(values) };
}

/** What an operator needs beside {@link operatorConfig} where keys are concerned. @throws ConfigError */
export function rotationConfig(env: Environment) {
  const { values, problems } = read(env, roles.rotation);
  refuse([...problems, ...sharedKeyProblems(values)]);
  return {
    tokenEncryptionKeys: values.TOKEN_ENCRYPTION_KEYS,
    channelSigningKeys: values.CHANNEL_SIGNING_KEYS,
  };
}

/** @throws ConfigError */
export function sandboxConfig(env: Environment) {
  const { values, problems } = read(env, roles.sandbox);
  refuse(problems);
  const { SANDBOX_CLIENT_ID: id, SANDBOX_CLIENT_SECRET: clientSecret } = values;
  return {
    host: values.SANDBOX_HOST,
    port: values.SANDBOX_PORT,
    seed: values.SANDBOX_SEED,
    seedNumber: values.SANDBOX_SEED_NUMBER,
    /** null: the sandbox's own. */
    client: id !== null && clientSecret !== null ? { id, secret: clientSecret } : null,
    pushHttpHosts: values.SANDBOX_PUSH_HTTP_HOSTS,
  };
}

export type IngressConfig = ReturnType<typeof ingressConfig>;
export type ApiConfig = ReturnType<typeof apiConfig>;
export type WorkerConfig = ReturnType<typeof workerConfig>;
export type MigrateConfig = ReturnType<typeof migrateConfig>;
export type OperatorConfig = ReturnType<typeof operatorConfig>;
export type RotationConfig = ReturnType<typeof rotationConfig>;
export type SandboxConfig = ReturnType<typeof sandboxConfig>;

const redisOf = (values: Values<(typeof redis)[number]>) => ({
  redisUrl: values.REDIS_URL,
  redisPrefix: values.REDIS_PREFIX,
});

const databaseOf = (values: Values<'DATABASE_URL' | 'CALFLEET_ALLOW_SUPERUSER'>) => ({
  databaseUrl: values.DATABASE_URL,
  allowSuperuser: values.CALFLEET_ALLOW_SUPERUSER,
});

/**
 * Graph shows 1,825 days at once; a window opens with 30 days of slack and is asked for a day wider on each side.
 * https://learn.microsoft.com/graph/api/user-list-calendarview
 */
const graphDaysMax = 1_792;

function windowProblems(
  values: Values<(typeof window)[number] | (typeof providerSettingNames)[number]>,
): string[] {
  const { SYNC_PAST_DAYS: past, SYNC_FUTURE_DAYS: future } = values;
  if (!providersOf(values).microsoft || !(past + future > graphDaysMax)) return [];
  return [
    `SYNC_PAST_DAYS and SYNC_FUTURE_DAYS come to more than ${graphDaysMax}, which Microsoft does not show`,
  ];
}

/** One key, one purpose: the ingress, which strangers reach, must not hold what opens tokens. */
function sharedKeyProblems(values: Values<'TOKEN_ENCRYPTION_KEYS' | 'CHANNEL_SIGNING_KEYS'>): string[] {
  // Neither is there where it could not be read.
  const signing = (values.CHANNEL_SIGNING_KEYS as RingKey[] | undefined) ?? [];
  const sealing = (values.TOKEN_ENCRYPTION_KEYS as RingKey[] | undefined) ?? [];
  return sealing.some(({ key }) => signing.some((other) => other.key.equals(key)))
    ? ['TOKEN_ENCRYPTION_KEYS and CHANNEL_SIGNING_KEYS share a key']
    : [];
}

/** Whoever may sign tokens of users must not be an administrator by it. */
const sharedSecretProblems = (values: Values<'AUTH_JWT_SECRET' | 'CALFLEET_ADMIN_KEY'>): string[] =>
  values.AUTH_JWT_SECRET !== null && values.AUTH_JWT_SECRET === values.CALFLEET_ADMIN_KEY
    ? ['AUTH_JWT_SECRET and CALFLEET_ADMIN_KEY are the same']
    : [];

/** Whoever narrows tokens down and accepts none has forgotten something. */
function tokenProblems(values: Values<(typeof tokens)[number]>): string[] {
  if (values.AUTH_JWT_SECRET !== null || values.AUTH_JWKS_URL !== null) return [];
  return (['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE'] as const).flatMap((name) =>
    values[name] === null ? [] : [`${name} is set, and neither AUTH_JWT_SECRET nor AUTH_JWKS_URL is`],
  );
}

const windowOf = (values: Values<(typeof window)[number]>) => ({
  pastDays: values.SYNC_PAST_DAYS,
  futureDays: values.SYNC_FUTURE_DAYS,
});
