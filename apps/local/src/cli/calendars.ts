/** `calendars`: every calendar, or those that were not verified for too long. */
import { listFleetCalendars, type FleetCalendar } from '@calfleet/db';
import type { Fleet } from './fleet.ts';
import { everyPage } from './pages.ts';
import { table } from './table.ts';

/** @param options.staleMinutes null: all of them */
export async function showCalendars(
  { db, clock, print }: Fleet,
  { staleMinutes }: { staleMinutes: number | null },
): Promise<void> {
  const staleBefore = staleMinutes === null ? null : new Date(clock.now().getTime() - staleMinutes * 60_000);
  const rows = await everyPage<FleetCalendar>((after, limit) =>
    db.transaction({ role: 'worker' }, (tx) => listFleetCalendars(tx, { after, limit, staleBefore })),
  );
  if (staleMinutes !== null && rows.length === 0) {
    const time = staleMinutes === 1 ? 'minute' : `${staleMinutes} minutes`;
    return print(`Every calendar was verified within the last ${time}.`);
  }
  print(
    table(
      ['calendar', 'user', 'name', 'state', 'coverage', 'dirty', 'last synced', 'failures', 'last error'],
      rows.map((row) => [
        row.id,
        row.user_id,
        row.name,
        row.state,
        row.coverage,
        row.dirty ? 'yes' : 'no',
        row.last_synced_at,
        row.failures,
        row.last_error_code,
      ]),
    ),
  );
}
