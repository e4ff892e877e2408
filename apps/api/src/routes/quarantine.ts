import { z } from 'zod';
import { api } from '@calfleet/db';
import { instant } from '../answers/times.ts';
import { asUser } from '../context.ts';
import { notFound } from '../problems.ts';
import { noFields, pathId } from '../requests/input.ts';
import { idPage, pageOf, pageParams } from '../requests/paging.ts';
import { forUser } from '../route.ts';
import { performWrite } from '../writes.ts';

const item = z
  .object({
    id: z.uuid(),
    calendar_id: z.uuid(),
    provider_event_id: z.string().nullable(),
    code: z.enum(['unreadable', 'unstorable', 'recurrence_unreadable', 'recurrence_truncated']),
    reason: z.string(),
    raw: z.string().describe('As received, the first 64 KiB; what is not UTF-8 shows as U+FFFD.'),
    times_seen: z.int().min(1),
    retry_requested_at: instant.nullable(),
    first_seen_at: instant,
    last_seen_at: instant,
  })
  .meta({ id: 'QuarantinedItem' });

const listed = {
  summary: 'Items of the provider that could not be read or stored, with the reason',
  query: z.strictObject(pageParams),
  answers: { 200: pageOf(item, 'Oldest first.') },
};

export const listQuarantine = forUser(listed, async (context, call, { query }) => {
  const { page, answer } = idPage('quarantine', query);
  const { userId } = call;
  const rows = await asUser(context, call, (tx) => api.listQuarantine(tx, { userId, ...page }));
  return { status: 200, body: answer(rows, (row) => row.id, itemAnswer) };
});

const retried = {
  summary: 'Asks for an item to be read again',
  details: 'The next bounded batch of single reads takes it.',
  body: noFields,
  answers: { 202: item },
  problems: ['not_found'],
} as const;

export const retryQuarantined = forUser(retried, async (context, call) => {
  const id = pathId(call);
  return performWrite(context, call, {
    work: async (tx) => {
      const row = await api.requestQuarantineRetry(tx, {
        userId: call.userId,
        id,
        now: context.clock.now(),
      });
      if (!row) throw notFound();
      return {
        status: 202,
        body: itemAnswer(row),
        rings: [{ name: 'recheck-events', payload: { calendarId: row.calendar_id } }],
      };
    },
  });
});

const itemAnswer = (row: api.QuarantineRow) => ({
  id: row.id,
  calendar_id: row.calendar_id,
  provider_event_id: row.provider_event_id,
  code: row.code,
  reason: row.reason,
  // As received; what is not UTF-8 shows as U+FFFD.
  raw: Buffer.from(row.raw).toString('utf8'),
  times_seen: row.times_seen,
  retry_requested_at: row.retry_requested_at,
  first_seen_at: row.first_seen_at,
  last_seen_at: row.last_seen_at,
});
