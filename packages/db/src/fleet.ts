/** What the fleet knows about its Redis: one row, changed by compare-and-set only. */
import type { CalendarId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

export interface FleetRow {
  redis_epoch: string | null;
  pass_epoch: string | null;
  pass_detected_at: Date | null;
  pass_position: CalendarId | null;
  pass_done_at: Date | null;
}

export async function readFleet(tx: Transaction): Promise<FleetRow> {
  const rows = await tx.$queryRaw<FleetRow[]>`
    select redis_epoch, pass_epoch, pass_detected_at, pass_position, pass_done_at from calendar_fleet`;
  if (!rows[0]) throw new Error('calendar_fleet has lost its row.');
  return rows[0];
}

/** Redis lost its memory. @returns whether this worker is the one that says so */
export async function beginPass(
  tx: Transaction,
  pass: { was: string | null; epoch: string; at: Date },
): Promise<boolean> {
  const won = await tx.$executeRaw`
    update calendar_fleet
       set redis_epoch = ${pass.epoch}, pass_epoch = ${pass.epoch}, pass_detected_at = ${pass.at},
           pass_position = null, pass_done_at = null
     where redis_epoch is not distinct from ${pass.was}`;
  return won > 0;
}

/**
 * Marks the next calendars whose hints may have been lost: push-covered, and last asked before the loss was seen.
 * @returns the calendars marked, or null when another worker took this batch
 */
export async function markBatch(
  tx: Transaction,
  pass: { epoch: string; position: CalendarId | null; detectedAt: Date; limit: number; at: Date },
): Promise<CalendarId[] | null> {
  const batch = await tx.$queryRaw<{ id: CalendarId }[]>`
    select id from calendars
     where id > coalesce(${pass.position}::uuid, '00000000-0000-0000-0000-000000000000')
       and coverage = 'push' and active and state not in ('paused', 'gone')
       and (last_round_started_at is null or last_round_started_at < ${pass.detectedAt})
     order by id limit ${pass.limit}`;
  const last = batch.at(-1)?.id ?? null;
  const won = await tx.$executeRaw`
    update calendar_fleet
       set pass_position = coalesce(${last}::uuid, pass_position),
           pass_done_at = case when ${batch.length < pass.limit} then ${pass.at} else pass_done_at end
     where pass_epoch = ${pass.epoch} and pass_done_at is null
       and pass_position is not distinct from ${pass.position}::uuid`;
  if (won === 0) return null;
  const marked = batch.map((row) => row.id);
  await tx.$executeRaw`update calendars set dirty_seq = dirty_seq + 1 where id = any(${marked}::uuid[])`;
  return marked;
}
