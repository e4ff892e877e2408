/** `sync`: rings for one calendar, as its user could. */
import { requestPull } from '@calfleet/db';
import { createProducer } from '@calfleet/jobs';
import type { CalendarId } from '@calfleet/domain';
import { UsageError } from './command.ts';
import type { Fleet } from './fleet.ts';

export async function syncCalendar(
  { config, db, clock, print }: Fleet,
  { calendar, full }: { calendar: string; full: boolean },
): Promise<void> {
  const id = calendar as CalendarId;
  const at = clock.now();
  const seq = await db.transaction({ role: 'worker' }, (tx) => requestPull(tx, { id, full, at }));
  if (seq === null) throw new UsageError(`--calendar ${calendar} is no active calendar.`);
  const { redisUrl, redisPrefix: prefix } = config;
  const producer = createProducer({ redisUrl, prefix, onError: () => undefined });
  try {
    const requestedAt = at.toISOString();
    await producer.enqueue('pull-calendar', { calendarId: id, reason: 'user', requestedAt });
    print(`Queued${full ? ' in full' : ''}: done when synced_seq reaches ${seq}.`);
  } catch {
    print(`Marked, but Redis did not answer: the next drain pulls it. Done when synced_seq reaches ${seq}.`);
  } finally {
    await producer.close();
  }
}
