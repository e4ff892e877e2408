import { z } from 'zod';
import { api } from '@calfleet/db';
import { freshnessSeconds } from '../answers/calendar.ts';
import { asUser, type Context, type Handler } from '../context.ts';
import { notFound } from '../problems.ts';
import { readQuery, uuid } from '../requests/input.ts';
import { idPage, pageParams } from '../requests/paging.ts';

export const listStatus: Handler = async (context, call) => {
  const query = readQuery(call, z.strictObject(pageParams));
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
};

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

const runsQuery = z.strictObject({ ...pageParams, calendar_id: uuid().optional() });

/** Newest first. */
export const listRuns: Handler = async (context, call) => {
  const { calendar_id: calendarId = null, ...query } = readQuery(call, runsQuery);
  const { page, answer } = idPage('runs', query);
  const { userId } = call;
  const rows = await asUser(context, call, async (tx) => {
    if (calendarId !== null && !(await api.findCalendar(tx, { userId, id: calendarId }))) throw notFound();
    return api.listRuns(tx, { userId, calendarId, ...page });
  });
  return { status: 200, body: answer(rows, (row) => row.id, runAnswer) };
};

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
