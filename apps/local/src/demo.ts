/** The demo: three people connect their sandbox mailboxes, and the first mirror is watched until it is whole. */
import { setTimeout as pause } from 'node:timers/promises';
import { demoAccounts } from '@calfleet/sandbox';
import type { ApiClient } from './api-client.ts';

export interface CalendarStatus {
  calendar_id: string;
  state: string;
  coverage: 'push' | 'poll' | 'none';
  dirty_seq: number;
  synced_seq: number;
  last_error: string | null;
  progress?: { pages: number; events: number };
}

/** A demo user is named like the mailbox, without its domain. */
export const demoUsers = demoAccounts.map(({ email, name, refreshToken }) => ({
  id: email.slice(0, email.indexOf('@')),
  email,
  name,
  refreshToken,
}));

/** One client per user. @returns how many had to be connected */
export async function connectDemo(clients: readonly ApiClient[]): Promise<number> {
  let connected = 0;
  for (const [index, client] of clients.entries()) {
    const user = demoUsers[index];
    const accounts = await client.list<{ provider: string; status: string }>('/accounts');
    if (!user || accounts.some(({ provider, status }) => provider === 'google' && status === 'active'))
      continue;
    await client.post('/accounts', { provider: 'google', refresh_token: user.refreshToken });
    connected += 1;
  }
  return connected;
}

/** A first mirror of the demo takes seconds; after this time something is wrong. */
const mirrorMs = 120_000;
/** How often a line may say how far it is. */
const lineMs = 1_000;
const lookMs = 200;

/** @throws when it takes too long, with what each unfinished calendar says */
export async function watchMirror(
  clients: readonly ApiClient[],
  { say, now, stop }: { say: (line: string) => void; now: () => number; stop: AbortSignal },
): Promise<void> {
  const startedAt = now();
  let saidAt = startedAt;
  let said = '';
  for (;;) {
    stop.throwIfAborted();
    const perUser = await Promise.all(clients.map((client) => client.list<CalendarStatus>('/sync/status')));
    const all = perUser.flat();
    const done = all.filter(isSettled);
    if (perUser.every((calendars) => calendars.length > 0) && done.length === all.length) return;
    const events = all.reduce((sum, { progress }) => sum + (progress?.events ?? 0), 0);
    const line = `  ${done.length} of ${all.length} calendars${events > 0 ? `, ${events} events in the rounds under way` : ''}`;
    if (line !== said && now() - saidAt >= lineMs) {
      say(line);
      saidAt = now();
      said = line;
    }
    if (now() - startedAt > mirrorMs) throw new Error(unfinished(all));
    await pause(lookMs);
  }
}

/** Mirrored, nothing waiting, and watched, or known to be unwatchable. */
const isSettled = ({ state, coverage, dirty_seq, synced_seq }: CalendarStatus): boolean =>
  (state === 'active' || state === 'deletes_held') && coverage !== 'none' && dirty_seq === synced_seq;

function unfinished(calendars: readonly CalendarStatus[]): string {
  const lines = calendars
    .filter((calendar) => !isSettled(calendar))
    .map(({ calendar_id, state, coverage, last_error }) => {
      return `  ${calendar_id}: ${state}, ${coverage}${last_error === null ? '' : `, ${last_error}`}`;
    });
  return `The mirror was not whole after ${mirrorMs / 1000} s:\n${lines.join('\n')}`;
}
