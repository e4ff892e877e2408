/** What the launcher says once everything runs: figures, addresses, and lines to paste. */
import type { Environment } from '@calfleet/config';
import { countMirror, openDatabase, type MirrorCounts } from '@calfleet/db';
import type { ProviderName } from '@calfleet/domain';
import { isUnset, loopback } from './settings.ts';

/** As a person calls them; the memory provider is never shown to one. */
export const providerTitles: Record<ProviderName, string> = {
  google: 'Google',
  microsoft: 'Microsoft',
  memory: 'Memory',
};

export async function readCounts(settings: Environment): Promise<MirrorCounts[]> {
  const db = openDatabase({
    url: settings['DATABASE_URL'] ?? '',
    poolSize: 1,
    applicationName: 'calfleet-local',
  });
  try {
    return await db.transaction({ role: 'worker' }, countMirror);
  } finally {
    await db.close();
  }
}

const figure = (value: number): string => Math.round(value).toLocaleString('en-US');

/** One line for all, then one for each provider. */
export function mirrorSummary(run: {
  counts: readonly MirrorCounts[];
  tookMs: number;
  providerCalls: number;
}): string[] {
  const { counts, tookMs, providerCalls } = run;
  const seconds = Math.max(tookMs, 1) / 1000;
  const sum = (of: 'calendars' | 'events' | 'occurrences'): number =>
    counts.reduce((total, row) => total + row[of], 0);
  const told = (row: Omit<MirrorCounts, 'provider'>, colon: string): string =>
    `${figure(row.calendars)} calendars${colon} ${figure(row.events)} events, ${figure(row.occurrences)} occurrences`;
  const all = { calendars: sum('calendars'), events: sum('events'), occurrences: sum('occurrences') };
  return [
    `Mirrored ${told(all, ':')} in ${seconds.toFixed(1)} s ` +
      `(${figure(all.events / seconds)} events/s, ${figure(providerCalls)} provider calls)`,
    ...counts.map((row) => `  ${providerTitles[row.provider].padEnd(9)} ${told(row, ',')}`),
  ];
}

export function addresses(settings: Environment, adminKey: string): string[] {
  const api = loopback(settings['API_PORT']);
  const webhooks = `${loopback(settings['INGRESS_PORT'])}/integrations/calendar/webhooks`;
  return [
    '',
    `  API       ${api}/integrations/calendar`,
    `  Queues    ${api}/admin/queues (any name, the admin key as password)`,
    ...enabledProviders(settings).map(
      (provider, index) => `  ${index === 0 ? 'Webhooks' : '        '}  ${webhooks}/${provider}`,
    ),
    `  Metrics   ${loopback(settings['WORKER_METRICS_PORT'])}/metrics (worker; also on the two above)`,
    ...(settings['SANDBOX_PORT'] === undefined ? [] : [`  Sandbox   ${loopback(settings['SANDBOX_PORT'])}`]),
    `  Admin key ${adminKey}`,
    '',
  ];
}

/** Whose client the settings name. */
const enabledProviders = (settings: Environment): ('google' | 'microsoft')[] => [
  ...(isUnset(settings['GOOGLE_CLIENT_ID']) ? [] : ['google' as const]),
  ...(isUnset(settings['MICROSOFT_CLIENT_ID']) ? [] : ['microsoft' as const]),
];

/** In single quotes, where a shell reads nothing but a quote; keys of the environment may hold anything. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The next days of a user, as a line that works when it is pasted. */
export function curlEvents(
  settings: Environment,
  who: { adminKey: string; userId: string; now: Date },
): string {
  const day = 86_400_000;
  const query = new URLSearchParams({
    start: who.now.toISOString(),
    end: new Date(who.now.getTime() + 7 * day).toISOString(),
    limit: '5',
  });
  const url = `${loopback(settings['API_PORT'])}/integrations/calendar/events?${query.toString()}`;
  return (
    `  curl -sS -H ${quoted(`Authorization: Bearer ${who.adminKey}`)} ` +
    `-H ${quoted(`X-User-Id: ${who.userId}`)} ${quoted(url)}`
  );
}

/** How a mailbox of a real provider is connected. */
export function howToConnect(settings: Environment, adminKey: string): string[] {
  const push = settings['API_BASE_URL']?.startsWith('https:')
    ? []
    : [
        'API_BASE_URL is not a public https address: providers cannot notify it, so calendars are polled.',
        '',
      ];
  const connect = (provider: 'google' | 'microsoft'): string[] => [
    `  curl -sS -X POST -H ${quoted(`Authorization: Bearer ${adminKey}`)} -H ${quoted('X-User-Id: <your user>')} ` +
      `-H ${quoted('Content-Type: application/json')} ` +
      `-d ${quoted(JSON.stringify({ provider, refresh_token: '<refresh token>' }))} ` +
      `${quoted(`${loopback(settings['API_PORT'])}/integrations/calendar/accounts`)}`,
    '',
  ];
  return [
    ...push,
    'Connect an account with a refresh token that your OAuth client was granted:',
    '',
    ...enabledProviders(settings).flatMap(connect),
  ];
}
