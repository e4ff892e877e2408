/** One thing of each kind that has an id, in a state in which everything may be asked of it. */
import { newId } from '@calfleet/domain';
import type { House } from './house.ts';
import { seedCalendar, seedEvent, seedSingle, type SeededCalendar } from './rows.ts';

/** Ids by the room of their paths: `/accounts/{id}`. */
export type Owned = Record<
  'accounts' | 'calendars' | 'events' | 'writes' | 'conflicts' | 'quarantine',
  string
>;

export async function seedEverything(house: House, userId: string): Promise<Owned> {
  const at = await seedCalendar(house, { userId });
  const ask = async (method: string, path: string, body: unknown) => {
    const reply = await house.send(method, path, body, { user: userId });
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  };
  await ask('POST', '/sync/schedule', {
    auto_sync_enabled: false,
    sync_frequency_minutes: 60,
    conflict_strategy: 'manual',
    write_permissions: 'all',
  });
  await ask('PATCH', `/calendars/${at.calendarId}`, { write_enabled: true });
  const time = (hour: string) => ({ date_time: `2026-11-24T${hour}:00:00`, time_zone: 'Europe/Berlin' });
  const made = await ask('POST', '/events', {
    calendar_id: at.calendarId,
    summary: `Planning of ${userId}`,
    start: time('09'),
    end: time('10'),
  });
  await ask('PATCH', `/events/${made.id}`, { summary: `Retro of ${userId}` });
  const [write] = (await house.get('/writes', { user: userId })).body.items;
  await seedEvent(house, at, {
    summary: 'Held',
    held: true,
    zoned: ['2026-11-25T09:00:00Z', '2026-11-25T10:00:00Z', 'Europe/Berlin'],
  });
  await house.worker(`update calendars set state = 'deletes_held' where id = $1`, [at.calendarId]);
  return {
    accounts: at.accountId,
    calendars: at.calendarId,
    events: made.id,
    writes: write?.id ?? '',
    conflicts: await seedConflict(house, at),
    quarantine: await seedQuarantined(house, at),
  };
}

/** An event whose title became "here" here and "there" there, as the engine leaves it for a person. */
async function seedConflict(house: House, at: SeededCalendar): Promise<string> {
  const eventId = await seedSingle(house, at, {
    summary: 'there',
    zoned: ['2026-11-26T09:00:00Z', '2026-11-26T10:00:00Z', 'Europe/Berlin'],
  });
  const [writeId, conflictId] = [newId(), newId()];
  const time = (instant: string) => ({ kind: 'zoned', instant, zone: 'Europe/Berlin' });
  const base = {
    status: 'confirmed',
    summary: 'Planning',
    description: null,
    location: null,
    start: time('2026-11-26T09:00:00Z'),
    end: time('2026-11-26T10:00:00Z'),
    recurrence: [],
    attendees: [],
    visibility: 'default',
    transparency: 'opaque',
  };
  await house.worker(
    `insert into calendar_writes (id, user_id, account_id, calendar_id, event_id, op, patch, base, base_version, state,
       created_at, updated_at)
     values ($1, $2, $3, $4, $5, 'update', '{"summary": "here"}', $6, '"0"', 'conflict', now(), now())`,
    [writeId, at.userId, at.accountId, at.calendarId, eventId, JSON.stringify(base)],
  );
  await house.worker(
    `insert into calendar_sync_conflicts (id, user_id, account_id, calendar_id, event_id, write_id, fields, base, local,
       provider, strategy, status, created_at)
     values ($1, $2, $3, $4, $5, $6, '{summary}', '{"summary": "Planning"}', '{"summary": "here"}',
       '{"summary": "there"}', 'manual', 'open', now())`,
    [conflictId, at.userId, at.accountId, at.calendarId, eventId, writeId],
  );
  return conflictId;
}

async function seedQuarantined(house: House, at: SeededCalendar): Promise<string> {
  const id = newId();
  await house.worker(
    `insert into calendar_quarantine (id, user_id, calendar_id, code, reason, raw, first_seen_at, last_seen_at)
     values ($1, $2, $3, 'unreadable', 'no start', '{}', now(), now())`,
    [id, at.userId, at.calendarId],
  );
  return id;
}
