/** What a question to the provider proves about rows: when it was asked, and what was stored since. */
import type { AccountId, CalendarId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

/** What a page, or a single read, says about a calendar. */
export interface Evidence {
  calendarId: CalendarId;
  userId: string;
  accountId: AccountId;
  generation: bigint;
  /** The calendar's `write_seq` when the question was asked. */
  writeSeq: bigint;
  /** Stored as `written_seq` with what is written now; 0 for pages of a round. */
  writtenSeq: bigint;
  windowStart: Date;
  windowEnd: Date;
  at: Date;
  /** Whose change it is; as the feed says. */
  origin: 'provider' | 'local';
}

export interface Applied {
  created: number;
  updated: number;
  deleted: number;
  /** A series came back to life: what became of its exceptions, only a full round can tell. */
  revived: boolean;
  /** Provider ids of series whose occurrences must be computed again. */
  series: string[];
}

/** How the statements of a page answer. */
export interface AppliedRow {
  created: number;
  updated: number;
  deleted: number;
  revived: boolean;
  series: string[] | null;
}

export const nothing: Applied = { created: 0, updated: 0, deleted: 0, revived: false, series: [] };

export const appliedOf = ([row]: AppliedRow[]): Applied =>
  row ? { ...row, series: [...new Set(row.series ?? [])] } : nothing;

/** These ids were seen in this round although they could not be stored: the sweep leaves what we have of them. */
export async function stampSeen(
  tx: Transaction,
  evidence: Evidence,
  providerEventIds: readonly string[],
): Promise<void> {
  await tx.$executeRaw`
    update calendar_events set generation = ${evidence.generation}, last_confirmed_at = ${evidence.at}
     where calendar_id = ${evidence.calendarId}::uuid and provider_event_id = any(${[...providerEventIds]}::text[])`;
}

/**
 * Takes the next number of the calendar's own evidence: what is stored with it is newer than any running round. The
 * generation comes with it: a round that opens later sees the row, one that is open does not sweep it. So does the window,
 * which may have moved since the question was asked.
 */
export async function takeEvidence(
  tx: Transaction,
  calendarId: CalendarId,
): Promise<Pick<Evidence, 'writtenSeq' | 'generation' | 'windowStart' | 'windowEnd'>> {
  const rows = await tx.$queryRaw<{ write_seq: bigint; generation: bigint; start: Date; end: Date }[]>`
    update calendars set write_seq = write_seq + 1 where id = ${calendarId}::uuid
    returning write_seq, generation, least(window_start, round_window_start, moving_start) as start,
      greatest(window_end, round_window_end, moving_end) as end`;
  if (!rows[0]) throw new Error('The calendar is gone.');
  const { write_seq: writtenSeq, generation, start, end } = rows[0];
  return { writtenSeq, generation, windowStart: start, windowEnd: end };
}

/** Where a change of our own takes place: no question was asked, and no number is taken. */
export async function readPlace(
  tx: Transaction,
  calendarId: CalendarId,
): Promise<Pick<Evidence, 'generation' | 'windowStart' | 'windowEnd'> | null> {
  const [row] = await tx.$queryRaw<{ generation: bigint; start: Date | null; end: Date | null }[]>`
    select generation, least(window_start, round_window_start, moving_start) as start,
      greatest(window_end, round_window_end, moving_end) as end
    from calendars where id = ${calendarId}::uuid`;
  if (!row?.start || !row.end) return null;
  return { generation: row.generation, windowStart: row.start, windowEnd: row.end };
}
