import { z } from 'zod';
import { api } from '@calfleet/db';
import { trust, trustOf } from '../answers/calendar.ts';
import { event, eventAnswer, occurrence, occurrenceAnswer } from '../answers/event.ts';
import { asUser, type Call, type Context } from '../context.ts';
import { cursorOf, readFeedCursor, writeFeedCursor } from '../feed-cursor.ts';
import { notFound } from '../problems.ts';
import { flag, isUuid, plainText } from '../requests/input.ts';
import { pageOf, pageParams, pageSizeDefault, readCursor, writeCursor } from '../requests/paging.ts';
import { boundText, rangeInside, readRange } from '../requests/range.ts';
import { askedCalendars, placingParams, readPlacing } from '../requests/scope.ts';
import { forUser } from '../route.ts';
import { eventOrOccurrenceId } from '../written-event.ts';

const listQuery = z.strictObject({
  ...pageParams,
  start: boundText('From').optional(),
  end: boundText('To').optional(),
  ...placingParams,
  expand: flag()
    .optional()
    .describe('True unless told: an item for each occurrence, in order of start. False: the stored events.'),
  managed: flag().optional().describe('Those created through Calfleet, or the others.'),
  ical_uid: plainText({ max: 1024 }).optional(),
  q: plainText({ max: 200 }).optional().describe('Found in summary, description or location, in any case.'),
  include_deleted: flag().optional().describe('False unless told.'),
});
type ListQuery = z.output<typeof listQuery>;

const page = pageOf(z.union([occurrence, event]), 'With `expand=false` events, else occurrences.');

const listed = {
  summary: 'What takes place in a range',
  details:
    'Items that overlap [start, end): they begin before `end` and end after `start`; those without length at `start` are in it. A range that reaches outside of what is kept ready is a 422 `outside_window` that says the bounds.',
  query: listQuery,
  answers: {
    200: page
      .extend({
        ...trust,
        feed_cursor: z.string().describe('For GET /changes: what changed since this list was made.'),
      })
      .describe('With `expand=false` events, else occurrences.'),
  },
  problems: ['not_found', 'outside_window'],
} as const;

/** Occurrences in the order in which they take place; with `expand=false` the stored events by id. */
export const listEvents = forUser(listed, async (context, call, { query }) => {
  const body =
    (query.expand ?? true)
      ? await listExpanded(context, call, query)
      : await listStored(context, call, query);
  return { status: 200, body };
});

// A cursor carries the feed cursor of its list's first page: what changed since then must be read again.
const feedCursor = z.string().refine((text) => readFeedCursor(text) !== null);
const occurrenceKey = z.tuple([
  z.string().refine(isPlacedStart),
  z.string().refine(isUuid),
  slotText(),
  feedCursor,
]);
const eventKey = z.tuple([z.string().refine(isUuid), feedCursor]);

async function listExpanded(context: Context, call: Call, query: ListQuery) {
  const { userId } = call;
  const limit = query.limit ?? pageSizeDefault;
  const key = readCursor('occurrences', query.cursor, occurrenceKey);
  const { zone, place } = await readPlacing(context, query.time_zone);
  const asked = readRange(query, zone, context.zones);
  const now = context.clock.now();
  const { calendars, page } = await asUser(context, call, async (tx) => {
    const calendars = await askedCalendars(tx, { userId, calendarId: query.calendar_id ?? null });
    const range = rangeInside(asked, calendars);
    const page = await api.listOccurrences(tx, {
      userId,
      calendars: place(calendars),
      range,
      filter: filterOf(query),
      after: key && { placed: key[0], ownerId: key[1], slot: key[2] },
      limit: limit + 1,
    });
    return { calendars, page };
  });
  const feed_cursor = key ? key[3] : writeFeedCursor(cursorOf(page.feed, now));
  const shown = page.occurrences.slice(0, limit);
  const last = page.occurrences.length > limit ? shown.at(-1) : undefined;
  return {
    items: shown.map((row) => occurrenceAnswer(context.zones, row)),
    next_cursor: last
      ? writeCursor('occurrences', [
          last.occurrence_placed,
          last.occurrence_owner_id,
          last.occurrence_slot,
          feed_cursor,
        ])
      : null,
    ...trustOf(calendars),
    feed_cursor,
  };
}

async function listStored(context: Context, call: Call, query: ListQuery) {
  const { userId } = call;
  const limit = query.limit ?? pageSizeDefault;
  const key = readCursor('events', query.cursor, eventKey);
  const { zone, place } = await readPlacing(context, query.time_zone);
  const asked = readRange(query, zone, context.zones);
  const now = context.clock.now();
  const { calendars, page } = await asUser(context, call, async (tx) => {
    const calendars = await askedCalendars(tx, { userId, calendarId: query.calendar_id ?? null });
    const range = asked.start || asked.end ? rangeInside(asked, calendars) : null;
    const page = await api.listEvents(tx, {
      userId,
      calendars: place(calendars),
      range,
      filter: filterOf(query),
      after: key ? key[0] : null,
      limit: limit + 1,
    });
    return { calendars, page };
  });
  const feed_cursor = key ? key[1] : writeFeedCursor(cursorOf(page.feed, now));
  const shown = page.events.slice(0, limit);
  const last = page.events.length > limit ? shown.at(-1) : undefined;
  return {
    items: shown.map((row) => eventAnswer(context.zones, row)),
    next_cursor: last ? writeCursor('events', [last.id, feed_cursor]) : null,
    ...trustOf(calendars),
    feed_cursor,
  };
}

const filterOf = (query: ListQuery): api.EventFilter => ({
  managed: query.managed ?? null,
  icalUid: query.ical_uid ?? null,
  q: query.q ?? null,
  includeDeleted: query.include_deleted ?? false,
});

const shown = {
  summary: 'One event, also a deleted one, or one occurrence',
  params: { id: eventOrOccurrenceId },
  answers: { 200: z.union([event, occurrence]) },
  problems: ['not_found'],
} as const;

/** An event id, or an occurrence id: `<series uuid>_<slot>`. */
export const getEvent = forUser(shown, async (context, call) => {
  const id = call.params['id'] ?? '';
  const cut = id.lastIndexOf('_');
  const [ownerId, slot] = cut < 0 ? [id, null] : [id.slice(0, cut), id.slice(cut + 1)];
  if (!isUuid(ownerId) || (slot !== null && !isSlot(slot))) throw notFound();
  const { userId } = call;
  const body = await asUser(context, call, async (tx) => {
    if (slot !== null) {
      const occurrence = await api.findOccurrence(tx, { userId, ownerId, slot });
      return occurrence && occurrenceAnswer(context.zones, occurrence);
    }
    const event = await api.findEvent(tx, { userId, id: ownerId });
    return event && eventAnswer(context.zones, event);
  });
  if (!body) throw notFound();
  return { status: 200, body };
});

function isSlot(text: string): boolean {
  return /^\d{8}(T\d{6}Z)?$/.test(text);
}

function slotText() {
  return z.string().refine((text) => text === '' || isSlot(text));
}

/** `YYYY-MM-DDTHH:MM:SS.ffffffZ`, as our statements write it; a made-up one must not reach Postgres. */
function isPlacedStart(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/.test(text)) return false;
  const instant = new Date(`${text.slice(0, 23)}Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().slice(0, 19) === text.slice(0, 19);
}
