/**
 * `audit`: asks for audits of a user's calendars, or of one, waits for what the workers find, and prints it. What
 * differed is repaired by then.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { calendarsAskedAbout, finishedAudits, type AskedCalendar, type FinishedAudit } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
import { createProducer } from '@calfleet/jobs';
import { UsageError } from './command.ts';
import type { Fleet } from './fleet.ts';
import { table } from './table.ts';

export interface AuditWish {
  user: string | null;
  calendar: string | null;
  timeoutSeconds: number;
}

/** Nothing differed; something did; some calendar has no answer. */
export const auditExit = { same: 0, different: 1, unfinished: 2 } as const;

/** Nobody has more; a command that asks for more full lists than this is a mistake. */
const calendarsMax = 1_000;
const lookMs = 500;

/** @returns the exit code @throws UsageError nobody has that user or calendar */
export async function audit(fleet: Fleet, wish: AuditWish): Promise<number> {
  const all = await fleet.db.transaction({ role: 'worker' }, (tx) =>
    calendarsAskedAbout(tx, {
      userId: wish.user,
      calendarId: wish.calendar as CalendarId | null,
      limit: calendarsMax,
    }),
  );
  if (all.length === 0) {
    throw new UsageError(
      wish.calendar === null
        ? `--user "${wish.user ?? ''}" has no active calendar.`
        : `--calendar ${wish.calendar} is no active calendar.`,
    );
  }
  const asked = all.filter(({ refusal }) => refusal === null).map(({ id }) => id);
  const requestedAt = fleet.clock.now();
  await ring(fleet, asked, requestedAt);
  const audits = await waitFor(fleet, { asked, requestedAt, timeoutSeconds: wish.timeoutSeconds });
  return report(fleet, { all, audits, timeoutSeconds: wish.timeoutSeconds });
}

async function ring({ config }: Fleet, asked: readonly CalendarId[], requestedAt: Date): Promise<void> {
  if (asked.length === 0) return;
  const { redisUrl, redisPrefix: prefix } = config;
  const producer = createProducer({ redisUrl, prefix, onError: () => undefined });
  try {
    await producer.enqueueMany(
      asked.map((calendarId) => ({
        name: 'audit-calendar',
        payload: { calendarId, requestedAt: requestedAt.toISOString(), asked: true },
      })),
    );
  } finally {
    await producer.close();
  }
}

async function waitFor(
  { db }: Fleet,
  wait: { asked: CalendarId[]; requestedAt: Date; timeoutSeconds: number },
): Promise<FinishedAudit[]> {
  const { asked: calendars, requestedAt, timeoutSeconds } = wait;
  const deadline = AbortSignal.timeout(timeoutSeconds * 1_000);
  for (;;) {
    const isLast = deadline.aborted;
    const audits = await db.transaction({ role: 'worker' }, (tx) =>
      finishedAudits(tx, { calendars, requestedAt }),
    );
    if (isLast || new Set(audits.map((one) => one.calendar_id)).size === calendars.length) return audits;
    await pause(lookMs);
  }
}

function report(
  { print }: Fleet,
  found: { all: readonly AskedCalendar[]; audits: readonly FinishedAudit[]; timeoutSeconds: number },
): number {
  const { all, audits, timeoutSeconds } = found;
  const differences = audits.reduce((sum, one) => sum + one.differences, 0);
  if (differences > 0) print(differenceTable(audits));
  for (const { calendar_id: id, differences, details } of audits) {
    if (differences > details.length) print(`${id}: ${differences - details.length} more, not named.`);
  }
  const open = all.flatMap(({ id, refusal }) => {
    const audit = audits.find((one) => one.calendar_id === id);
    if (audit?.outcome === 'completed') return [];
    if (audit) return [`${id}: unclear, the provider could not say what changed meanwhile; audit it again.`];
    return [
      `${id}: ${refusal === null ? `not finished within ${timeoutSeconds} s` : `not audited, ${refusal}`}.`,
    ];
  });
  for (const line of open) print(line);
  const done = audits.filter(({ outcome }) => outcome === 'completed');
  const seen = done.reduce((sum, one) => sum + one.seen, 0);
  print(`${done.length} of ${all.length} calendars audited, ${seen} events, ${differences} differences.`);
  if (differences > 0) return auditExit.different;
  return open.length > 0 ? auditExit.unfinished : auditExit.same;
}

const differenceTable = (audits: readonly FinishedAudit[]): string =>
  table(
    ['calendar', 'kind', 'event', 'provider event', 'fields'],
    audits.flatMap(({ calendar_id: calendar, details }) =>
      details.map((one) => [calendar, one.kind, one.event_id, one.provider_event_id, one.fields.join(' ')]),
    ),
  );
