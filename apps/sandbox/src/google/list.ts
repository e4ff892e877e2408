/** events.list: full rounds, deltas, and the tokens that bind pages and rounds together. */
import { json as jsonReply, type Reply } from '../reply.ts';
import type { CalendarEntry } from '../store/calendar.ts';
import type { World } from '../store/world.ts';
import { fullSyncRequired, invalidPageToken, invalidSyncToken } from './errors.ts';
import { applyMask, readMask } from './fields.ts';
import { digest, readPage, type Round } from './list-page.ts';
import { readListQuery, type ListQuery } from './list-query.ts';
import type { ListScope } from './list-items.ts';
import { instantOf } from './times.ts';
import {
  decodePageToken,
  decodeSyncToken,
  encodePageToken,
  encodeSyncToken,
  type SyncPayload,
} from './tokens.ts';

export interface ListRequest {
  world: World;
  entry: CalendarEntry;
  email: string;
  params: URLSearchParams;
}

export function listEvents(request: ListRequest): Reply {
  const { world, entry, email, params } = request;
  const { calendar } = entry;
  const query = readListQuery(world.zones, params, `${email}\n${calendar.id}`);
  const since = query.syncToken === null ? undefined : openSyncToken(request, query.syncToken);
  if (since !== undefined && since.singleEvents !== query.singleEvents) throw invalidSyncToken();
  const round = openRound(request, query, since);
  const scope = scopeOf(request, query, since);
  const { items, next } = readPage(scope, round);
  const head: Record<string, unknown> = {
    kind: 'calendar#events',
    etag: `"p${calendar.log.seq}"`,
    summary: calendar.summary,
    description: calendar.description ?? '',
    updated: new Date(calendar.updatedMs).toISOString(),
    timeZone: params.get('timeZone') ?? calendar.timeZone,
    accessRole: entry.accessRole,
    defaultReminders: entry.accessRole === 'owner' ? [{ method: 'popup', minutes: 10 }] : [],
  };
  if (next !== null) head.nextPageToken = encodePageToken({ ...pageOf(request, query, round), ...next });
  else if (!query.isTokenless) head.nextSyncToken = nextSyncToken(request, query, since, round);
  const text = JSON.stringify(head);
  const body = `${text.slice(0, -1)},"items":[${items.join(',')}]}`;
  const mask = readMask(params.get('fields'));
  return mask === null ? { status: 200, body } : jsonReply(applyMask(JSON.parse(body), mask));
}

/** @throws GoogleError 400 for what is no token of this calendar, 410 for what was one. */
function openSyncToken({ world, entry, email }: ListRequest, token: string): SyncPayload {
  const payload = decodeSyncToken(token);
  if (payload === undefined || payload.calendar !== entry.calendar.id || payload.email !== email) {
    throw invalidSyncToken();
  }
  const { syncTokenTtlMs } = world.quirks;
  const isOld = syncTokenTtlMs !== null && payload.issuedAtMs + syncTokenTtlMs <= world.clock.now();
  const isKilled =
    payload.calendarEpoch !== entry.calendar.syncEpoch || payload.entryEpoch !== entry.syncEpoch;
  if (isOld || isKilled) throw fullSyncRequired();
  return payload;
}

function openRound({ entry }: ListRequest, query: ListQuery, since: SyncPayload | undefined): Round {
  const { log, pageEpoch } = entry.calendar;
  const sinceSeq = since?.seq ?? 0;
  if (query.pageToken === null) {
    const cursor = { at: sinceSeq, skip: 0, partial: -1 };
    return { cursor, page: 1, roundSeq: log.seq, roundSize: log.size, sinceSeq };
  }
  const token = decodePageToken(query.pageToken);
  if (token === undefined || token.query !== digest(query.fingerprint) || token.epoch !== pageEpoch) {
    throw invalidPageToken();
  }
  const { at, skip, partial, page, roundSeq, roundSize } = token;
  return { cursor: { at, skip, partial }, page, roundSeq, roundSize, sinceSeq };
}

function scopeOf(
  { world, entry, email }: ListRequest,
  query: ListQuery,
  since: SyncPayload | undefined,
): ListScope {
  const isWindowed = since !== undefined && world.quirks.delta === 'windowed';
  const edge = (text: string | undefined, open: number): number =>
    text === undefined ? open : (instantOf(world.zones, text, null) ?? open);
  const reader = { email, accessRole: entry.accessRole, maxAttendees: query.maxAttendees };
  return {
    world,
    calendar: entry.calendar,
    reader,
    query,
    isDelta: since !== undefined,
    fromMs: isWindowed ? edge(since.timeMin, -Infinity) : query.fromMs,
    toMs: isWindowed ? edge(since.timeMax, Infinity) : query.toMs,
  };
}

function pageOf(
  { entry }: ListRequest,
  query: ListQuery,
  round: Round,
): { query: string; epoch: number; page: number; roundSeq: number; roundSize: number } {
  const { page, roundSeq, roundSize } = round;
  const { pageEpoch } = entry.calendar;
  return { query: digest(query.fingerprint), epoch: pageEpoch, page: page + 1, roundSeq, roundSize };
}

function nextSyncToken(
  { world, entry, email }: ListRequest,
  query: ListQuery,
  since: SyncPayload | undefined,
  round: Round,
): string {
  const timeMin = since === undefined ? query.timeMin : (since.timeMin ?? null);
  const timeMax = since === undefined ? query.timeMax : (since.timeMax ?? null);
  return encodeSyncToken({
    calendar: entry.calendar.id,
    email,
    seq: round.roundSeq,
    calendarEpoch: entry.calendar.syncEpoch,
    entryEpoch: entry.syncEpoch,
    issuedAtMs: world.clock.now(),
    singleEvents: query.singleEvents,
    ...(timeMin === null ? {} : { timeMin }),
    ...(timeMax === null ? {} : { timeMax }),
  });
}
