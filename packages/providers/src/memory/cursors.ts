/**
 * Cursors and page cursors as texts that carry all they need, so that the cloud holds nothing per round. Both name
 * their calendar and epoch; one of another calendar, question or epoch is dead.
 */
import { SyncError } from '@calfleet/domain';
import type { MemoryCalendar } from './cloud.ts';

/** Where a round stands. */
export interface RoundPosition {
  /** Sequence number that the round began after; null for a full round. */
  since: number | null;
  /** Sequence number and births when the first page was asked: the next cursor, and where newest-first rounds begin. */
  startSeq: number;
  startBirths: number;
  newestFirst: boolean;
  /** Index of the next candidate. */
  index: number;
  /** Of the next page, counted from 1. */
  page: number;
}

export const cursorText = (calendar: MemoryCalendar, seq: number): string =>
  JSON.stringify(['cursor', calendar.providerCalendarId, calendar.cursorEpoch, seq]);

/** @throws cursor_expired */
export function readCursor(calendar: MemoryCalendar, cursor: string): number {
  const [kind, id, epoch, seq] = readList(cursor);
  const isOurs = kind === 'cursor' && id === calendar.providerCalendarId && epoch === calendar.cursorEpoch;
  if (!isOurs || typeof seq !== 'number') throw expired('cursor');
  return seq;
}

export const pageCursorText = (calendar: MemoryCalendar, position: RoundPosition): string =>
  JSON.stringify(['page', calendar.providerCalendarId, calendar.pageEpoch, position]);

/** @throws cursor_expired also when the page belongs to a round that began with another cursor */
export function readPageCursor(
  calendar: MemoryCalendar,
  pageCursor: string,
  since: number | null,
): RoundPosition {
  const [kind, id, epoch, position] = readList(pageCursor);
  const isOurs = kind === 'page' && id === calendar.providerCalendarId && epoch === calendar.pageEpoch;
  if (!isOurs || (position as RoundPosition).since !== since) throw expired('page cursor');
  return position as RoundPosition;
}

function readList(text: string): unknown[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? (list as unknown[]) : [];
  } catch {
    return [];
  }
}

const expired = (what: string): SyncError => new SyncError('cursor_expired', `the ${what} is dead`);
