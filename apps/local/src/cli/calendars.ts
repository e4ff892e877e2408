/** `calendars`: every calendar, or those that were not verified for too long. */
import { listFleetCalendars, type FleetCalendar } from '@calfleet/db';
import type { Fleet } from './fleet.ts';
import { everyPage } from './pages.ts';
import { table } from './table.ts';

/** The beat of incremental-pull is 20 min, and a pull has its turn within a minute or two of it. */
const staleMs = 30 * 60_000;

export async function showCalendars({ db, clock, print }: Fleet, options: { stale: boolean }): Promise<void> {
  const staleBefore = options.stale ? new Date(clock.now().getTime() - staleMs) : null;
  const rows = await everyPage<FleetCalendar>((after, limit) =>
    db.transaction({ role: 'worker' }, (tx) => listFleetCalendars(tx, { after, limit, staleBefore })),
  );
  if (options.stale && rows.length === 0)
    return print('Every calendar was verified within the last 30 minutes.');
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
