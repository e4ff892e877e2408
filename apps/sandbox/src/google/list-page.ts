/**
 * One page of a round, quirks included. Full lists walk the order of birth, so an event that changes meanwhile is
 * neither lost nor moved; deltas walk the order of change. Whatever changes after a round's first page is in the
 * round again or in the next delta, never nowhere: the round's sync token says "since the first page".
 */
import { hash32, type Random } from '../random.ts';
import type { StoredEvent } from '../store/event-log.ts';
import { itemsOf, type ListScope } from './list-items.ts';

export interface Cursor {
  /** Full lists: events walked. Deltas: sequence number of the last event walked. Sorted lists: items given. */
  at: number;
  /** Items already given of the event that follows, where it is still `partial`. */
  skip: number;
  partial: number;
}

export interface Round {
  cursor: Cursor;
  page: number;
  roundSeq: number;
  roundSize: number;
  /** Deltas: the sequence number of the sync token. */
  sinceSeq: number;
}

export interface PageItems {
  items: string[];
  /** null: the round is over. */
  next: Cursor | null;
}

export function readPage(scope: ListScope, round: Round): PageItems {
  const { quirks, whims } = scope.world;
  const isEmpty = quirks.emptyPagesAt.includes(round.page) || whims.chance(quirks.emptyPageRate);
  if (isEmpty) return { items: [], next: round.cursor };
  let limit = Math.min(scope.query.maxResults, quirks.pageSizeMax);
  if (whims.chance(quirks.shortPageRate)) limit = whims.between(1, limit);
  if (scope.query.orderBy !== null) return readSorted(scope, round.cursor, limit);
  const { items, next } = collect(scope, round, limit);
  if (quirks.order === 'shuffled') shuffle(items, whims);
  if (quirks.order === 'reversed' && scope.isDelta) items.reverse();
  if (round.page > 1 && whims.chance(quirks.repeatRate)) items.unshift(...repeated(scope, round));
  return { items, next };
}

function collect(scope: ListScope, round: Round, limit: number): PageItems {
  const items: string[] = [];
  let { at } = round.cursor;
  for (const { event, after } of walk(scope, round)) {
    const given = itemsOf(scope, event);
    const start = after === round.cursor.partial ? round.cursor.skip : 0;
    for (let i = start; i < given.length; i += 1) {
      if (items.length >= limit) return { items, next: { at, skip: i, partial: after } };
      items.push(given[i]?.json ?? '');
    }
    at = after;
  }
  return { items, next: null };
}

/** The events from the cursor on, each with the cursor position behind it. */
function* walk(scope: ListScope, round: Round): Generator<{ event: StoredEvent; after: number }> {
  const { log } = scope.calendar;
  const { changesJoinRounds } = scope.world.quirks;
  if (scope.isDelta) {
    for (const event of log.changedAfter(round.cursor.at)) {
      if (!changesJoinRounds && event.seq > round.roundSeq) return;
      yield { event, after: event.seq };
    }
    return;
  }
  const isReversed = scope.world.quirks.order === 'reversed';
  const size = changesJoinRounds && !isReversed ? log.size : round.roundSize;
  for (let at = round.cursor.at; at < size; at += 1) {
    const event = log.born(isReversed ? size - 1 - at : at);
    if (event !== undefined) yield { event, after: at + 1 };
  }
}

/** An item of an earlier page as it is now. */
function repeated(scope: ListScope, round: Round): string[] {
  const { whims, quirks } = scope.world;
  const { log } = scope.calendar;
  const early: StoredEvent[] = [];
  if (scope.isDelta) {
    for (const event of log.changedAfter(round.sinceSeq)) {
      if (event.seq > round.cursor.at || early.length >= 100) break;
      early.push(event);
    }
  } else if (round.cursor.at > 0) {
    const at = whims.between(0, round.cursor.at - 1);
    const event = log.born(quirks.order === 'reversed' ? round.roundSize - 1 - at : at);
    if (event !== undefined) early.push(event);
  }
  if (early.length === 0) return [];
  return itemsOf(scope, whims.pick(early))
    .slice(0, 1)
    .map((item) => item.json);
}

/** Sorted lists never yield a sync token; the whole order is built per page, which is fine for what they are for. */
function readSorted(scope: ListScope, cursor: Cursor, limit: number): PageItems {
  const sorted: { json: string; key: number }[] = [];
  for (const event of scope.calendar.log.all()) {
    for (const item of itemsOf(scope, event)) {
      const key = scope.query.orderBy === 'updated' ? event.updatedMs : item.startMs;
      sorted.push({ json: item.json, key });
    }
  }
  sorted.sort((a, b) => a.key - b.key);
  const end = cursor.at + limit;
  const items = sorted.slice(cursor.at, end).map((item) => item.json);
  return { items, next: end < sorted.length ? { at: end, skip: 0, partial: -1 } : null };
}

function shuffle(items: string[], random: Random): void {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = random.between(0, i);
    const a = items[i];
    const b = items[j];
    if (a === undefined || b === undefined) continue;
    items[i] = b;
    items[j] = a;
  }
}

/** A short stand-in for a long query inside a page token. */
export const digest = (fingerprint: string): string =>
  hash32(fingerprint).toString(36) + hash32(fingerprint, 7).toString(36);
