/** Every setting of Calfleet, once: what it is, its type, and its default. The only list; `.env.example` is made of it. */
import type { z } from 'zod';
import * as value from './values.ts';

export interface Setting<Value> {
  /** One sentence for the person who sets it. */
  about: string;
  schema: z.ZodType<Value, string>;
  /** Text used when it is not set. Without one, the setting is required unless `optional`. */
  default?: string;
  optional?: true;
  /** Never shown, not even in a problem. */
  secret?: true;
}

const setting = <Value>(schema: z.ZodType<Value, string>, defaultText: string, about: string) =>
  ({ schema, default: defaultText, about }) satisfies Setting<Value>;
const required = <Value>(schema: z.ZodType<Value, string>, about: string) =>
  ({ schema, about }) satisfies Setting<Value>;
const optional = <Value>(schema: z.ZodType<Value, string>, about: string) =>
  ({ schema, about, optional: true }) satisfies Setting<Value>;
const secret = <Rest extends Setting<unknown>>(rest: Rest) => ({ ...rest, secret: true as const });

export const settings = {
  DATABASE_URL: secret(
    required(
      value.connection('postgres', 'postgresql'),
      'Postgres as the application sees it: a login that is neither superuser nor BYPASSRLS.',
    ),
  ),
  MIGRATION_DATABASE_URL: secret(
    optional(
      value.connection('postgres', 'postgresql'),
      'Postgres for db:migrate, a login with CREATEROLE; the same as DATABASE_URL when not set.',
    ),
  ),
  CALFLEET_ALLOW_SUPERUSER: setting(
    value.flag(),
    '0',
    '1 accepts a superuser in DATABASE_URL, which switches row-level security off.',
  ),
  REDIS_URL: secret(required(value.connection('redis', 'rediss'), 'Redis 6.2 or later, for the queues.')),
  REDIS_PREFIX: setting(
    value.text().regex(/^\{[A-Za-z0-9_.-]{1,64}\}$/, { error: 'must be a name in braces, like {calfleet}' }),
    '{calfleet}',
    'Before every Redis key; the braces keep a queue on one node of a Redis Cluster.',
  ),
  API_BASE_URL: required(
    value.rootUrl(),
    'Public base address of the ingress; providers send notifications there.',
  ),
  API_PUBLIC_URL: required(value.rootUrl(), 'Public base address of the API, used for OAuth redirects.'),
  OAUTH_REDIRECT_URIS: setting(
    value.addressList(),
    '',
    'Addresses of your application, separated by commas, that a user may be sent back to after connecting; to the letter.',
  ),
  PLAIN_HTTP_HOSTS: setting(
    value.hostList(),
    '',
    'Hosts besides loopback whose addresses may be http://, separated by commas: the sandbox in a container.',
  ),
  INGRESS_PORT: setting(value.port(), '4000', 'Port of the ingress; 0 is any free one.'),
  API_PORT: setting(value.port(), '4001', 'Port of the API; 0 is any free one.'),
  API_ADMIN_PORT: optional(
    value.port(),
    'A port of their own for the queue board and the admin endpoints, which API_PORT then answers 404; 0 is any free one.',
  ),
  WORKER_METRICS_PORT: setting(
    value.port(),
    '4002',
    "Port of the worker's health and metrics; 0 is any free one.",
  ),
  SANDBOX_HOST: setting(
    value.text(),
    '127.0.0.1',
    'Address that the sandbox listens on; anything but loopback opens it to your network.',
  ),
  SANDBOX_PORT: setting(
    value.port(),
    '4010',
    'Port of the sandbox, the providers on your machine; 0 is any free one.',
  ),
  SANDBOX_SEED: setting(
    value.oneOf('none', 'demo'),
    'none',
    'What the sandbox begins with: nothing, or a demo fleet.',
  ),
  SANDBOX_SEED_NUMBER: setting(
    value.wholeNumber({ min: 0, max: 2_147_483_647 }),
    '1',
    "Seed of the sandbox's randomness; the same seed gives the same ids and faults.",
  ),
  SANDBOX_CLIENT_ID: optional(value.text(), 'OAuth client that the sandbox knows, instead of its own.'),
  SANDBOX_CLIENT_SECRET: secret(optional(value.text(), 'Secret of that client.')),
  SANDBOX_PUSH_HTTP_HOSTS: setting(
    value.hostList(),
    '',
    'Hosts besides loopback that the sandbox notifies over plain http, separated by commas: other containers.',
  ),
  WORKER_QUEUES: setting(
    value.listOf('webhooks', 'pull', 'push', 'backfill', 'accounts', 'watches', 'schedules'),
    'all',
    'Queues that this worker serves, separated by commas, so that replicas can specialise.',
  ),
  WORKER_CONCURRENCY: setting(
    value.wholeNumber({ min: 1, max: 200 }),
    '8',
    'Jobs that a worker runs at once per queue.',
  ),
  LOG_LEVEL: setting(
    value.oneOf('error', 'warn', 'info', 'debug'),
    'info',
    'Least urgent line that is logged.',
  ),
  TOKEN_ENCRYPTION_KEYS: secret(
    required(
      value.keyRing(),
      'Keys that seal provider tokens, id:base64 of 32 bytes, separated by commas; the first one writes.',
    ),
  ),
  CHANNEL_SIGNING_KEYS: secret(
    required(
      value.keyRing(),
      'Keys that sign notification channels, id:base64 of 32 bytes, separated by commas; the first one signs.',
    ),
  ),
  CALFLEET_ADMIN_KEY: secret(
    required(value.longSecret(), 'An API key with admin scope, at least 32 characters.'),
  ),
  AUTH_JWT_SECRET: secret(
    optional(
      value.longSecret(),
      'Secret with which your sign-in signs the tokens of its users (HS256), at least 32 characters.',
    ),
  ),
  AUTH_JWKS_URL: optional(
    value.queriedAddress(),
    'Where your sign-in publishes the keys that sign the tokens of its users (RS256, ES256).',
  ),
  AUTH_JWT_ISSUER: optional(value.text(), 'The "iss" that a token of a user must have; any when not set.'),
  AUTH_JWT_AUDIENCE: optional(value.text(), 'The "aud" that a token of a user must have; any when not set.'),
  API_REQUESTS_PER_KEY_MINUTE: setting(
    value.wholeNumber({ min: 1, max: 100_000_000 }),
    '60000',
    'Requests that one API key may make in a minute, for all users that it acts for.',
  ),
  API_REQUESTS_PER_USER_MINUTE: setting(
    value.wholeNumber({ min: 1, max: 100_000_000 }),
    '600',
    'Requests that one user may make in a minute with tokens.',
  ),
  GOOGLE_CLIENT_ID: optional(value.text(), 'OAuth client of your Google project; Google is off without it.'),
  GOOGLE_CLIENT_SECRET: secret(optional(value.text(), 'Secret of that client; Google is off without it.')),
  GOOGLE_API_ROOT_URL: setting(
    value.rootUrl(),
    'https://www.googleapis.com/',
    'Root of the Google Calendar API; a path is kept.',
  ),
  GOOGLE_AUTH_URL: setting(
    value.address(),
    'https://accounts.google.com/o/oauth2/v2/auth',
    'Where a user gives Google consent.',
  ),
  GOOGLE_TOKEN_URL: setting(
    value.address(),
    'https://oauth2.googleapis.com/token',
    'Where Google codes and refresh tokens are exchanged.',
  ),
  GOOGLE_REVOKE_URL: setting(
    value.address(),
    'https://oauth2.googleapis.com/revoke',
    'Where a Google grant is ended.',
  ),
  GOOGLE_USERINFO_URL: setting(
    value.address(),
    'https://openidconnect.googleapis.com/v1/userinfo',
    'Where the e-mail address of a Google grant is read.',
  ),
  MICROSOFT_CLIENT_ID: optional(
    value.text(),
    'Application (client) id of your Entra app; Microsoft is off without it.',
  ),
  MICROSOFT_CLIENT_SECRET: secret(
    optional(value.text(), 'Client secret of that app; Microsoft is off without it.'),
  ),
  MICROSOFT_TENANT: setting(
    value.tenant(),
    'common',
    'Whose users may connect: common, organizations, consumers, or one tenant by id or domain.',
  ),
  MICROSOFT_GRAPH_ROOT_URL: setting(
    value.bareRootUrl(),
    'https://graph.microsoft.com/v1.0',
    'Root of Microsoft Graph with its version; national clouds have their own.',
  ),
  MICROSOFT_LOGIN_ROOT_URL: setting(
    value.bareRootUrl(),
    'https://login.microsoftonline.com',
    'Root of the Microsoft login; the tenant comes behind it.',
  ),
  GOOGLE_QUOTA_PROJECT_PER_MINUTE: setting(
    value.wholeNumber({ min: 10, max: 10_000_000 }),
    '10000',
    'Requests a minute that Google grants your project; the fleet stays 5 % below.',
  ),
  GOOGLE_QUOTA_USER_PER_MINUTE: setting(
    value.wholeNumber({ min: 10, max: 10_000_000 }),
    '600',
    'Requests a minute that Google grants each user of your project; the fleet stays 5 % below.',
  ),
  MICROSOFT_QUOTA_MAILBOX_PER_10_MINUTES: setting(
    value.wholeNumber({ min: 10, max: 10_000_000 }),
    '10000',
    'Requests in ten minutes that Microsoft Graph grants your app for each mailbox; the fleet stays 5 % below.',
  ),
  SYNC_PAST_DAYS: setting(
    value.wholeNumber({ min: 1, max: 3650 }),
    '30',
    'Days before today whose occurrences are kept ready.',
  ),
  SYNC_FUTURE_DAYS: setting(
    value.wholeNumber({ min: 1, max: 3650 }),
    '365',
    'Days after today whose occurrences are kept ready.',
  ),
  MASS_DELETE_PERCENT: setting(
    value.wholeNumber({ min: 1, max: 100 }),
    '50',
    'Deletes of more than this share of a calendar wait for a person.',
  ),
  MASS_DELETE_MIN: setting(
    value.wholeNumber({ min: 1, max: 1_000_000 }),
    '20',
    'Fewer deletes than this never wait.',
  ),
  WRITES_PER_EVENT_HOUR: setting(
    value.wholeNumber({ min: 1, max: 1_000_000 }),
    '60',
    'Writes about one event that are sent within an hour; the next one waits for a person, since something goes in circles.',
  ),
  WRITES_PER_ACCOUNT_HOUR: setting(
    value.wholeNumber({ min: 1, max: 1_000_000 }),
    '10000',
    'Writes of one account that are sent within an hour; then its writing stops until a person resumes it.',
  ),
  KEEP_RUNS_DAYS: setting(
    value.wholeNumber({ min: 1, max: 3650 }),
    '30',
    'Days for which the record of a sync run is kept.',
  ),
  KEEP_DELETED_EVENTS_DAYS: setting(
    value.wholeNumber({ min: 30, max: 3650 }),
    '30',
    'Days for which a deleted or expired event can still be read; 30 at least, as long as the change feed tells of it.',
  ),
  KEEP_CHANNELS_DAYS: setting(
    value.wholeNumber({ min: 8, max: 3650 }),
    '8',
    'Days for which a channel that ended is remembered; 8 at least, as long as one that was abandoned may still speak.',
  ),
  KEEP_QUARANTINE_DAYS: setting(
    value.wholeNumber({ min: 1, max: 3650 }),
    '90',
    'Days after which an unreadable item is forgotten that a full reading of its calendar did not show again.',
  ),
  KEEP_AUDITS_DAYS: setting(
    value.wholeNumber({ min: 1, max: 3650 }),
    '90',
    'Days for which the findings of mirror audits are kept.',
  ),
  KEEP_HISTORY_DAYS: setting(
    value.wholeNumber({ min: 1, max: 3650 }),
    '90',
    'Days for which writes that are done, settled conflicts, and what events were before are kept.',
  ),
  SCHEDULE_AUTO_SYNC: setting(
    value.schedule(),
    'every 10m',
    'When due calendars of users with a beat of their own are pulled: "every <n>s|m|h" or a cron line in UTC.',
  ),
  SCHEDULE_WEBHOOK_DRAIN: setting(
    value.schedule(),
    'every 30s',
    'When changed calendars without a job are looked for: "every <n>s|m|h" or a cron line in UTC.',
  ),
  SCHEDULE_CONFLICT_RESOLUTION: setting(
    value.schedule(),
    'every 30m',
    'When conflicts that need no person are resolved: "every <n>s|m|h" or a cron line in UTC.',
  ),
  SCHEDULE_CLEANUP: setting(
    value.schedule(),
    '0 3 * * *',
    'When rows past their time are deleted: "every <n>s|m|h" or a cron line in UTC.',
  ),
  SCHEDULE_INCREMENTAL_PULL: setting(
    value.schedule(),
    'every 20m',
    'When due calendars are pulled: "every <n>s|m|h" or a cron line in UTC.',
  ),
  SCHEDULE_WATCH_RENEWAL: setting(
    value.schedule(),
    'every 1h',
    'When channels are renewed, found missing and stopped: "every <n>s|m|h" or a cron line in UTC.',
  ),
  SCHEDULE_MIRROR_AUDIT: setting(
    value.schedule(),
    '30 2 * * *',
    'When a sample of calendars is compared with its provider: "every <n>s|m|h" or a cron line in UTC.',
  ),
  AUDIT_SAMPLE_PERCENT: setting(
    value.wholeNumber({ min: 0, max: 100 }),
    '3',
    'Share of the active calendars that each run of the mirror audit compares, those first that waited longest.',
  ),
};

export type Settings = typeof settings;
export type SettingName = keyof Settings;

/** The value of one setting; null when it may be left out and is. */
export type SettingValue<Name extends SettingName> =
  | (Settings[Name] extends { schema: z.ZodType<infer Value, string> } ? Value : never)
  | (Settings[Name] extends { optional: true } ? null : never);
