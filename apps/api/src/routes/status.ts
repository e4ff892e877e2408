import { z } from 'zod';
import { api } from '@calfleet/db';
import { calendarState, coverage, freshness, freshnessSeconds } from '../answers/calendar.ts';
import { instant } from '../answers/times.ts';
import { asUser, type Context } from '../context.ts';
import { notFound } from '../problems.ts';
import { uuid } from '../requests/input.ts';
import { idPage, pageOf, pageParams } from '../requests/paging.ts';
import { forUser } from '../route.ts';

const mode = z.enum(['incremental', 'full']);

const status = z
  .object({
    calendar_id: z.uuid(),
    state: calendarState,
    coverage,
    dirty_seq: z.int().describe('How often it was said that there is something new.'),
    synced_seq: z
      .int()
      .describe('How much of that was read: a request is done when this has reached its `request_seq`.'),
    last_success_at: instant.nullable(),
    last_mode: mode.nullable(),
    freshness_seconds: freshness,
    next_pull_at: instant.nullable(),
    failures: z.int().min(0).describe('In a row.'),
    last_error: z.string().nullable(),
    progress: z
      .object({ pages: z.int(), events: z.int() })
      .optional()
      .describe('Of the round that is under way; left out: none is.'),
    drift: z
      .object({ checked_at: instant, differences: z.int() })
      .optional()
      .describe('What the last audit of the mirror found; left out: there was none.'),
    channel: z.object({
      state: z.enum(['none', 'creating', 'active']),
      expires_at: instant.nullable(),
      last_notification_at: instant.nullable(),
    }),
  })
  .meta({ id: 'SyncStatus' });

const listed = {
  summary: 'How far each calendar is behind its provider',
  query: z.strictObject(pageParams),
  answers: { 200: pageOf(status, 'Oldest calendar first.') },
};

export const listStatus = forUser(listed, async (context, call, { query }) => {
  const { page, answer } = idPage('status', query);
  const { userId } = call;
  const rows = await asUser(context, call, (tx) => api.listStatus(tx, { userId, ...page }));
  return {
    status: 200,
    body: answer(
      rows,
      (row) => row.calendar_id,
      (row) => statusAnswer(row, context),
    ),
  };
});

const statusAnswer = (row: api.StatusRow, { clock }: Context) => ({
  calendar_id: row.calendar_id,
  state: row.state,
  coverage: row.coverage,
  dirty_seq: Number(row.dirty_seq),
  synced_seq: Number(row.synced_seq),
  last_success_at: row.last_synced_at,
  last_mode: row.last_mode,
  freshness_seconds: freshnessSeconds(row.last_synced_at, clock),
  next_pull_at: row.next_pull_at,
  failures: row.failures,
  last_error: row.last_error,
  ...(row.round_running ? { progress: { pages: row.round_pages, events: row.round_seen } } : {}),
  ...(row.audited_at === null || row.audit_differences === null
    ? {}
    : { drift: { checked_at: row.audited_at, differences: row.audit_differences } }),
  channel: {
    state: row.channel_state ?? 'none',
    expires_at: row.channel_expires_at,
    last_notification_at: row.channel_last_notification_at,
  },
});

const run = z
  .object({
    id: z.uuid(),
    calendar_id: z.uuid(),
    trigger: z.string().describe('What led to it: `notification`, `user`, `schedule`, …'),
    mode,
    outcome: z.enum(['completed', 'failed', 'restarted', 'deletes_held']),
    created: z.int(),
    updated: z.int(),
    deleted: z.int(),
    pages: z.int(),
    provider_calls: z.int(),
    started_at: instant,
    duration_ms: z.int(),
    error: z.string().nullable(),
  })
  .meta({ id: 'SyncRun' });

const ran = {
  summary: 'Rounds of pulling, and what each did',
  query: z.strictObject({
    ...pageParams,
    calendar_id: uuid().optional().describe('Of this calendar alone.'),
  }),
  answers: { 200: pageOf(run, 'Newest first.') },
  problems: ['not_found'],
} as const;

export const listRuns = forUser(ran, async (context, call, given) => {
  const { calendar_id: calendarId = null, ...query } = given.query;
  const { page, answer } = idPage('runs', query);
  const { userId } = call;
  const rows = await asUser(context, call, async (tx) => {
    if (calendarId !== null && !(await api.findCalendar(tx, { userId, id: calendarId }))) throw notFound();
    return api.listRuns(tx, { userId, calendarId, ...page });
  });
  return { status: 200, body: answer(rows, (row) => row.id, runAnswer) };
});

const runAnswer = (row: api.RunRow) => ({
  id: row.id,
  calendar_id: row.calendar_id,
  trigger: row.trigger,
  mode: row.mode,
  outcome: row.outcome,
  created: row.created,
  updated: row.updated,
  deleted: row.deleted,
  pages: row.pages,
  provider_calls: row.provider_calls,
  started_at: row.started_at,
  duration_ms: row.finished_at.getTime() - row.started_at.getTime(),
  error: row.error ?? row.error_code,
});
