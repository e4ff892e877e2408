/** One edit at the provider, followed until the change feed of the API shows it. */
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

/** Google answers a change's notification within seconds; the drain would find it within 30 s more. */
const arrivalMs = 60_000;

/** @param who the user's own client, and the mailbox that is also the id of its primary calendar */
export async function showLiveEdit(
  { client, email, sandboxUrl }: { client: ApiClient; email: string; sandboxUrl: string },
  { now, stop }: { now: () => number; stop: AbortSignal },
): Promise<Arrival> {
  const summary = `Coffee with Calfleet, ${new Date(now()).toISOString().slice(11, 19)}`;
  let { next_cursor: cursor } = await client.get<Changes>('/changes', { after: 'now' });
  const startedAt = now();
  const hour = 3_600_000;
  await new ControlClient(sandboxUrl)
    .account(email)
    .calendar(email)
    .insert({
      summary,
      start: { dateTime: new Date(startedAt + hour).toISOString() },
      end: { dateTime: new Date(startedAt + 2 * hour).toISOString() },
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
