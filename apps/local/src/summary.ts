/** What the launcher says once everything runs: figures, addresses, and lines to paste. */
import type { Environment } from '@calfleet/config';
import { countMirror, openDatabase, type MirrorCounts } from '@calfleet/db';
import { loopback } from './settings.ts';

export async function readCounts(settings: Environment): Promise<MirrorCounts> {
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

export function mirrorSummary(run: { counts: MirrorCounts; tookMs: number; providerCalls: number }): string {
  const { counts, tookMs, providerCalls } = run;
  const seconds = Math.max(tookMs, 1) / 1000;
  return (
    `Mirrored ${figure(counts.calendars)} calendars: ${figure(counts.events)} events, ` +
    `${figure(counts.occurrences)} occurrences in ${seconds.toFixed(1)} s ` +
    `(${figure(counts.events / seconds)} events/s, ${figure(providerCalls)} provider calls)`
  );
}

export function addresses(settings: Environment, adminKey: string): string[] {
  const api = loopback(settings['API_PORT']);
  return [
    '',
    `  API       ${api}/integrations/calendar`,
    `  Webhooks  ${loopback(settings['INGRESS_PORT'])}/integrations/calendar/webhooks/google`,
    `  Metrics   ${loopback(settings['WORKER_METRICS_PORT'])}/metrics (worker; also on the two above)`,
    ...(settings['SANDBOX_PORT'] === undefined ? [] : [`  Sandbox   ${loopback(settings['SANDBOX_PORT'])}`]),
    `  Admin key ${adminKey}`,
    '',
  ];
}

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

/** How a mailbox of the real provider is connected. */
export function howToConnect(settings: Environment, adminKey: string): string[] {
  const body = JSON.stringify({ provider: 'google', refresh_token: '<refresh token>' });
  const push = settings['API_BASE_URL']?.startsWith('https:')
    ? []
    : [
        'API_BASE_URL is not a public https address: providers cannot notify it, so calendars are polled.',
        '',
      ];
  return [
    ...push,
    'Connect an account with a refresh token that your OAuth client was granted:',
    '',
    `  curl -sS -X POST -H ${quoted(`Authorization: Bearer ${adminKey}`)} -H ${quoted('X-User-Id: <your user>')} ` +
      `-H ${quoted('Content-Type: application/json')} -d ${quoted(body)} ` +
      `${quoted(`${loopback(settings['API_PORT'])}/integrations/calendar/accounts`)}`,
    '',
  ];
}
