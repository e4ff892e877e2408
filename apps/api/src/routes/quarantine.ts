import { z } from 'zod';
import { api } from '@calfleet/db';
import { asUser, type Handler } from '../context.ts';
import { notFound } from '../problems.ts';
import { pathId, readBody, readQuery } from '../requests/input.ts';
import { idPage, pageParams } from '../requests/paging.ts';
import { performWrite } from '../writes.ts';

export const listQuarantine: Handler = async (context, call) => {
  const query = readQuery(call, z.strictObject(pageParams));
  const { page, answer } = idPage('quarantine', query);
  const { userId } = call;
  const rows = await asUser(context, call, (tx) => api.listQuarantine(tx, { userId, ...page }));
  return { status: 200, body: answer(rows, (row) => row.id, itemAnswer) };
};

/** The next bounded batch of single reads takes the item. */
export const retryQuarantined: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  readBody(call, z.strictObject({}));
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
};

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
