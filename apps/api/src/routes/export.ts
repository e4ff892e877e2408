/**
 * Everything that is kept of a user, a line each, in the shapes of the lists. Read page by page as fast as the client
 * takes it, in a transaction per page: what changes meanwhile is in it as it was, or as it is.
 */
import { z } from 'zod';
import { api, type Transaction } from '@calfleet/db';
import { account, accountAnswer, calendar, calendarAnswer } from '../answers/calendar.ts';
import { event, eventAnswer } from '../answers/event.ts';
import { asUser, type Call, type Context } from '../context.ts';
import { forUser } from '../route.ts';
import { conflict, conflictAnswer } from './conflicts.ts';
import { revision, revisionAnswer } from './history.ts';
import { preferences, scheduleAnswer } from './schedule.ts';
import { write, writeAnswer } from './writes.ts';

/** Rows in memory at a time. */
const pageSize = 500;

const lineOf = <Kind extends string>(kind: Kind, { shape }: z.ZodObject) =>
  z.object({ type: z.literal(kind), ...shape });

const line = z
  .union([
    lineOf('preferences', preferences),
    lineOf('account', account),
    lineOf('calendar', calendar),
    lineOf('event', event),
    lineOf('revision', revision.extend({ event_id: z.uuid() })),
    lineOf('write', write),
    lineOf('conflict', conflict),
    z.object({ type: z.literal('end'), lines: z.int().describe('How many came before.') }),
  ])
  .meta({ id: 'ExportLine' });

const exported = {
  summary: 'All of the data of the user',
  details:
    'A line of JSON each, in the shapes of the lists. Ends with a line that counts the others: a file without it is not whole.',
  answers: { 200: { description: 'Lines of JSON.', type: 'application/x-ndjson', schema: line } },
};

export const exportAll = forUser(exported, async (context, call) => ({
  status: 200,
  body: null,
  lines: counted(linesOf(context, call)),
}));

type Line = { type: string } & Record<string, unknown>;

async function* counted(lines: AsyncIterable<Line>): AsyncGenerator<Line> {
  let count = 0;
  for await (const line of lines) {
    count += 1;
    yield line;
  }
  yield { type: 'end', lines: count };
}

async function* linesOf(context: Context, call: Call): AsyncGenerator<Line> {
  const { userId } = call;
  const { clock, zones } = context;
  const preferred = await asUser(context, call, (tx) => api.findPreferences(tx, { userId }));
  if (preferred) yield { type: 'preferences', ...scheduleAnswer(preferred) };
  const pages = <Row extends { id: string }>(
    read: (tx: Transaction, page: api.Page<string>) => Promise<Row[]>,
  ) => pagesOf(context, call, read);
  for await (const rows of pages((tx, page) => api.listAccounts(tx, { userId, ...page })))
    yield* rows.map((row) => ({ type: 'account', ...accountAnswer(row) }));
  const calendars: string[] = [];
  for await (const rows of pages((tx, page) => api.listCalendars(tx, { userId, accountId: null, ...page }))) {
    calendars.push(...rows.map(({ id }) => id));
    yield* rows.map((row) => ({ type: 'calendar', ...calendarAnswer(row, clock) }));
  }
  for await (const events of pages((tx, page) => allEvents(tx, { userId, calendars, page }))) {
    yield* events.map((row) => ({ type: 'event', ...eventAnswer(zones, row) }));
    yield* revisionsOf(
      context,
      call,
      events.map(({ id }) => id),
    );
  }
  for await (const rows of pages((tx, page) => api.listWrites(tx, { userId, state: null, ...page })))
    yield* rows.map((row) => ({ type: 'write', ...writeAnswer(row) }));
  for await (const rows of pages((tx, page) => api.listConflicts(tx, { userId, status: null, ...page })))
    yield* rows.map((row) => ({ type: 'conflict', ...conflictAnswer(context, row) }));
}

/** Deleted ones too, as long as they are kept. */
async function allEvents(
  tx: Transaction,
  { userId, calendars, page }: { userId: string; calendars: readonly string[]; page: api.Page<string> },
): Promise<api.EventRow[]> {
  const filter = { managed: null, icalUid: null, q: null, includeDeleted: true };
  const placed = calendars.map((id) => ({ id, zone: 'UTC' }));
  const { events } = await api.listEvents(tx, { userId, calendars: placed, range: null, filter, ...page });
  return events;
}

async function* revisionsOf(context: Context, call: Call, eventIds: readonly string[]): AsyncGenerator<Line> {
  let after: { eventId: string; n: bigint } | null = null;
  for (;;) {
    const page: api.Page<{ eventId: string; n: bigint }> = { after, limit: pageSize };
    const rows = await asUser(context, call, (tx) =>
      api.listRevisionsOf(tx, { userId: call.userId, eventIds, ...page }),
    );
    yield* rows.map((row) => ({
      type: 'revision',
      event_id: row.event_id,
      ...revisionAnswer(context, row),
    }));
    const last = rows.at(-1);
    if (!last || rows.length < pageSize) return;
    after = { eventId: last.event_id, n: last.n };
  }
}

async function* pagesOf<Row extends { id: string }>(
  context: Context,
  call: Call,
  read: (tx: Transaction, page: api.Page<string>) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  let after: string | null = null;
  for (;;) {
    const page: api.Page<string> = { after, limit: pageSize };
    const rows: Row[] = await asUser(context, call, (tx) => read(tx, page));
    yield rows;
    const last = rows.at(-1);
    if (!last || rows.length < pageSize) return;
    after = last.id;
  }
}
