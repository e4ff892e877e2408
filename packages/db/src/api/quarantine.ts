/** Items of the provider that could not be read or stored. */
import { Prisma } from '../../generated/client';
import type { CalendarId } from '@calfleet/domain';
import type { Transaction } from '../transaction.ts';
import { beforeAllIds, type Page } from './page.ts';

export interface QuarantineRow {
  id: string;
  calendar_id: CalendarId;
  provider_event_id: string | null;
  code: string;
  reason: string;
  /** As received, the first 64 KiB. */
  raw: Uint8Array;
  times_seen: number;
  retry_requested_at: Date | null;
  first_seen_at: Date;
  last_seen_at: Date;
}

// 64 KiB: far above a usual event (2 KB), and a page of 50 stays sendable.
const columns = Prisma.sql`id, calendar_id, provider_event_id, code, reason,
  substring(raw from 1 for 65536) as raw, times_seen, retry_requested_at, first_seen_at, last_seen_at`;

/** Oldest first. */
export async function listQuarantine(
  tx: Transaction,
  { userId, after, limit }: { userId: string } & Page<string>,
): Promise<QuarantineRow[]> {
  return tx.$queryRaw<QuarantineRow[]>`
    select ${columns} from calendar_quarantine
    where user_id = ${userId} and id > ${after ?? beforeAllIds}::uuid
    order by id limit ${limit}`;
}

/** @returns null when the user has no such item. */
export async function requestQuarantineRetry(
  tx: Transaction,
  { userId, id, now }: { userId: string; id: string; now: Date },
): Promise<QuarantineRow | null> {
  const [row] = await tx.$queryRaw<QuarantineRow[]>`
    update calendar_quarantine set retry_requested_at = ${now.toISOString()}::timestamptz
    where user_id = ${userId} and id = ${id}::uuid returning ${columns}`;
  return row ?? null;
}
