/** The change feed. A long poll re-reads and holds no transaction, so that waiting clients cost the feed nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { api, type Transaction } from '@calfleet/db';
import { instant } from '../answers/times.ts';
import { asUser, type Call, type Context } from '../context.ts';
import { cursorOf, readFeedCursor, writeFeedCursor, type FeedCursor } from '../feed-cursor.ts';
import { invalid, RequestProblem } from '../problems.ts';
import { uuid, wholeNumber } from '../requests/input.ts';
import { pageParams, pageSizeDefault } from '../requests/paging.ts';
import { forUser } from '../route.ts';

/** Past it, a client lists and continues from the list's `feed_cursor`. */
const retentionMs = 30 * 86_400_000;

/** The price of a waiting client is four short reads a second. */
const rereadMs = 250;

const changesQuery = z.strictObject({
  after: z
    .string({ error: 'is missing: start, now or a cursor' })
    .max(200)
    .describe('`start`, `now`, or a cursor: `next_cursor` of the last answer, or `feed_cursor` of a list.')
    .meta({ examples: ['start', 'now'] }),
  limit: pageParams.limit,
  wait_seconds: wholeNumber({ min: 0, max: 30 })
    .optional()
    .describe('How long to wait for something to answer; 0 unless told.'),
  calendar_id: uuid().optional().describe('Of this calendar alone.'),
});

const change = z
  .object({
    cursor: z.string(),
    at: instant,
    kind: z
      .enum(['created', 'updated', 'deleted', 'expired', 'calendar_changed', 'account_changed'])
      .describe('`expired`: it left the window that is kept; it was not deleted.'),
    event_id: z.uuid().nullable(),
    calendar_id: z.uuid().nullable(),
    account_id: z.uuid().nullable(),
    series_id: z.uuid().nullable(),
    version: z.int().nullable(),
    fields: z.array(z.string()).describe('What changed, as far as it is known.'),
    origin: z.enum(['local', 'provider', 'resolution', 'system']).describe('Who made the change.'),
  })
  .meta({ id: 'Change' });

const followed = {
  summary: 'The change feed: what happened since a cursor',
  details:
    'Without gaps, and in order for each event. A cursor is good for 30 days; after that it is a 410: list the events, then continue from `feed_cursor` of the list.',
  query: changesQuery,
  answers: {
    200: z.object({
      items: z.array(change),
      next_cursor: z.string().describe('Never null: to be sent as `after` the next time.'),
    }),
  },
  problems: ['gone'],
} as const;

interface Question {
  position: api.FeedPosition;
  calendarId: string | null;
  limit: number;
}

export const listChanges = forUser(followed, async (context, call, { query }) => {
  const { limit = pageSizeDefault, calendar_id: calendarId = null } = query;
  const position = await asUser(context, call, (tx) => startingPoint(context, tx, query.after));
  const deadline = AbortSignal.timeout((query.wait_seconds ?? 0) * 1000);
  const enough = AbortSignal.any([deadline, call.gone, context.stopping]);
  const wait = query.wait_seconds ?? 0;
  for (;;) {
    const page = await readPage(context, call, { position, calendarId, limit });
    if (page.items.length > 0 || wait === 0 || enough.aborted) return { status: 200, body: page };
    await pause(rereadMs, undefined, { signal: enough }).catch(() => undefined);
  }
});

/** @throws RequestProblem `gone` when rows after the cursor may be missing */
async function startingPoint(context: Context, tx: Transaction, after: string): Promise<api.FeedPosition> {
  if (after === 'start') return { xid: 0n, seq: 0n };
  const feed = await api.feedState(tx);
  if (after === 'now') return { xid: feed.horizon, seq: 0n };
  const cursor = readFeedCursor(after);
  if (!cursor) throw invalid('after', 'is neither start, now nor a cursor of this feed');
  if (isLost(cursor, feed) || (await isPastRetention(context, tx, cursor))) {
    throw new RequestProblem('gone', 'The cursor is too old: list events and continue from feed_cursor');
  }
  return cursor.position;
}

/** Of another feed, or ahead of this one: the database was restored from a backup. */
const isLost = ({ epoch, position }: FeedCursor, feed: api.FeedState): boolean =>
  epoch !== feed.epoch || position.xid > feed.horizon;

async function isPastRetention({ clock }: Context, tx: Transaction, { at }: FeedCursor): Promise<boolean> {
  const now = clock.now();
  if (at.getTime() < now.getTime() - retentionMs) return true;
  const oldest = await api.oldestKeptWeek(tx);
  // Partitions begin with the week in which the first worker started; a clock before that says nothing of them.
  return oldest !== null && oldest <= now && at < oldest;
}

async function readPage(context: Context, call: Call, { position, calendarId, limit }: Question) {
  // Before the read: what is written during it is later.
  const readAt = context.clock.now();
  const { feed, changes } = await asUser(context, call, (tx) =>
    api.readChanges(tx, { userId: call.userId, after: position, calendarId, limit }),
  );
  const cursorAt = (row: api.ChangeRow) =>
    writeFeedCursor({ epoch: feed.epoch, position: { xid: row.xid, seq: row.seq }, at: row.at });
  const last = changes.length === limit ? changes.at(-1) : undefined;
  return {
    items: changes.map((row) => ({
      cursor: cursorAt(row),
      at: row.at,
      kind: row.kind,
      event_id: row.event_id,
      calendar_id: row.calendar_id,
      account_id: row.account_id,
      series_id: row.series_id,
      version: row.version === null ? null : Number(row.version),
      fields: row.fields,
      origin: row.origin,
    })),
    // A page that is not full has reached the horizon, so that idle clients do not grow old.
    next_cursor: last ? cursorAt(last) : writeFeedCursor(cursorOf(feed, readAt)),
  };
}
