/** One edit at the provider, followed until the change feed of the API shows it. */
import type { ProviderName } from '@calfleet/domain';
import { ControlClient } from '@calfleet/sandbox';
import type { ApiClient } from './api-client.ts';

interface Changes {
  items: { kind: string; event_id: string | null }[];
  next_cursor: string;
}

export interface Arrival {
  summary: string;
  /** From the edit's first byte to the feed's answer. */
  delayMs: number;
}

/** A notification is answered within seconds; without one, the drain would find the change within 30 s more. */
const arrivalMs = 60_000;

/** @param who the user's own client, and the mailbox whose default calendar gets an event */
export async function showLiveEdit(
  who: { client: ApiClient; provider: ProviderName; email: string; sandboxUrl: string },
  { now, stop }: { now: () => number; stop: AbortSignal },
): Promise<Arrival> {
  const { client, provider } = who;
  const drink = provider === 'microsoft' ? 'Tea' : 'Coffee';
  const summary = `${drink} with Calfleet, ${new Date(now()).toISOString().slice(11, 19)}`;
  let { next_cursor: cursor } = await client.get<Changes>('/changes', { after: 'now' });
  const startedAt = now();
  const hour = 3_600_000;
  await addEvent(who, {
    summary,
    start: new Date(startedAt + hour).toISOString(),
    end: new Date(startedAt + 2 * hour).toISOString(),
  });
  while (now() - startedAt < arrivalMs) {
    stop.throwIfAborted();
    const page = await client.get<Changes>('/changes', { after: cursor, wait_seconds: '5' });
    const delayMs = now() - startedAt;
    for (const { kind, event_id: id } of page.items) {
      // Updated: the sandbox' last life gave the same id to its edit, and the mirror remembers it as deleted.
      if ((kind !== 'created' && kind !== 'updated') || id === null) continue;
      const event = await client.get<{ summary: string | null }>(`/events/${id}`);
      if (event.summary === summary) return { summary, delayMs };
    }
    cursor = page.next_cursor;
  }
  throw new Error(`An edit in the sandbox did not arrive within ${arrivalMs / 1000} s.`);
}

/** As the mailbox's owner does it. */
async function addEvent(
  { provider, email, sandboxUrl }: { provider: ProviderName; email: string; sandboxUrl: string },
  { summary, start, end }: { summary: string; start: string; end: string },
): Promise<void> {
  const control = new ControlClient(sandboxUrl);
  if (provider === 'microsoft') {
    const utc = (instant: string) => ({ dateTime: instant.slice(0, 19), timeZone: 'UTC' });
    const calendar = control.microsoft.mailbox(email).calendar('Calendar');
    await calendar.create({ subject: summary, start: utc(start), end: utc(end) });
  } else {
    // A primary calendar is named like its mailbox.
    const calendar = control.account(email).calendar(email);
    await calendar.insert({ summary, start: { dateTime: start }, end: { dateTime: end } });
  }
}
