/** The demo: three people connect their sandbox mailboxes, and the first mirror is watched until it is whole. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ProviderName } from '@calfleet/domain';
import { demoAccounts, demoMailboxes } from '@calfleet/sandbox';
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

export interface DemoUser {
  /** Named like the mailboxes, without their domains. */
  id: string;
  name: string;
  /** At most one at each provider. */
  mailboxes: { provider: ProviderName; email: string; refreshToken: string }[];
}

/** Who has a mailbox in the sandbox, in the order of the demo. */
export const demoUsers: readonly DemoUser[] = gatherUsers();

function gatherUsers(): DemoUser[] {
  const users = new Map<string, DemoUser>();
  const all = [
    ...demoAccounts.map((account) => ({ ...account, provider: 'google' as const })),
    ...demoMailboxes.map((mailbox) => ({ ...mailbox, provider: 'microsoft' as const })),
  ];
  for (const { provider, email, name, refreshToken } of all) {
    const id = email.slice(0, email.indexOf('@'));
    const user = users.get(id) ?? { id, name, mailboxes: [] };
    user.mailboxes.push({ provider, email, refreshToken });
    users.set(id, user);
  }
  return [...users.values()];
}

interface Account {
  id: string;
  provider: string;
  status: string;
}

/** One client per user. @returns how many mailboxes had to be connected */
export async function connectDemo(clients: readonly ApiClient[]): Promise<number> {
  let connected = 0;
  for (const [index, client] of clients.entries()) {
    const accounts = await client.list<Account>('/accounts');
    for (const { provider, refreshToken } of demoUsers[index]?.mailboxes ?? []) {
      if (accounts.some((account) => account.provider === provider && account.status === 'active')) continue;
      await client.post('/accounts', { provider, refresh_token: refreshToken });
      connected += 1;
    }
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
    // In this order: whatever is listed by now has a status.
    const isListed = (await Promise.all(clients.map(everyAccountIsListed))).every(Boolean);
    const perUser = await Promise.all(clients.map((client) => client.list<CalendarStatus>('/sync/status')));
    const all = perUser.flat();
    const done = all.filter(isSettled);
    if (isListed && done.length === all.length) return;
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

/** An account's calendars are stored all at once. */
async function everyAccountIsListed(client: ApiClient): Promise<boolean> {
  const accounts = await client.list<Account>('/accounts');
  const calendars = await client.list<{ account_id: string }>('/calendars');
  return accounts
    .filter(({ status }) => status === 'active')
    .every(({ id }) => calendars.some((calendar) => calendar.account_id === id));
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
