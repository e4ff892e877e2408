/**
 * Every job of the fleet, declared once: its queue, payload (ids only, since Redis and the queue board show it),
 * attempts, backoff, and the id under which a second one coalesces. A name without a handler does not compile.
 */
import { z } from 'zod';
import type { AccountId, CalendarId, WatchId } from '@calfleet/domain';

export const queueNames = [
  'webhooks',
  'pull',
  'push',
  'backfill',
  'accounts',
  'watches',
  'schedules',
] as const;
export type QueueName = (typeof queueNames)[number];

/** Who asked for a pull, most urgent first. */
export const pullReasons = ['user', 'notify', 'schedule', 'backfill'] as const;
export type PullReason = (typeof pullReasons)[number];

/** What a notification may say. */
export const notificationEvents = [
  'change',
  'sync',
  'not_exists',
  'reauthorization_required',
  'subscription_removed',
  'missed',
] as const;
export type NotificationEvent = (typeof notificationEvents)[number];

/** BullMQ: a lower number goes first, and 0 (none) goes before all. */
const pullPriority: Record<PullReason, number> = { user: 1, notify: 2, schedule: 3, backfill: 4 };

/** Long enough to gather a burst, short enough to go unnoticed (docs/decisions/0010). */
const changeGatherMs = 150;

export interface JobEntry<Schema extends z.ZodType> {
  payload: Schema;
  queue(payload: z.output<Schema>): QueueName;
  attempts: number;
  /** First wait before a retry, milliseconds; see backoff.ts for the ones after. */
  backoffMs: number;
  /** Jobs with the same id are one job; one added while it runs leads to exactly one more run. null: never coalesces. */
  dedupId(payload: z.output<Schema>): string | null;
  delayMs?(payload: z.output<Schema>): number;
  priority?(payload: z.output<Schema>): number;
}

const job = <Schema extends z.ZodType>(entry: JobEntry<Schema>): JobEntry<Schema> => entry;

/** Made by its schedule, see schedules.ts; the next one comes by itself, so a failed one is not tried again. */
const tick = job({
  payload: z.strictObject({}),
  queue: () => 'schedules',
  attempts: 1,
  backoffMs: 1000,
  dedupId: () => null,
});

const watchId = z.uuid().transform((id) => id as WatchId);
const calendarId = z.uuid().transform((id) => id as CalendarId);
const accountId = z.uuid().transform((id) => id as AccountId);
const instant = z.iso.datetime({ offset: true });
/** Of the request that led to the job: its log lines, and those of the jobs that it rings for, are found by it. */
const requestId = z
  .string()
  .regex(/^[\w.-]{1,128}$/)
  .optional();
const ids = <Shape extends z.core.$ZodLooseShape>(shape: Shape) => z.strictObject({ ...shape, requestId });

export const catalog = {
  /**
   * A provider says that something changed behind a watch (`change`), or speaks about the channel itself. Graph's
   * lifecycle events: `reauthorization_required`, `subscription_removed`, `missed`.
   */
  'receive-notification': job({
    payload: ids({
      watchId,
      event: z.enum(notificationEvents),
      resourceId: z.string().max(512).nullable(),
      expiresAt: instant.nullable(),
      receivedAt: instant,
    }),
    queue: () => 'webhooks',
    // An hour at the longest wait: a database away for lunch must not cost a hint.
    attempts: 120,
    backoffMs: 500,
    // Each event has its own id: coalescing `sync` with changes swallows it (docs/decisions/0010).
    dedupId: ({ watchId, event }) => `${watchId}.${event}`,
    delayMs: ({ event }) => (event === 'change' ? changeGatherMs : 0),
  }),
  /** One round of one calendar. A backfill has a queue of its own, so that it never stands before live work. */
  'pull-calendar': job({
    payload: ids({ calendarId, reason: z.enum(pullReasons), requestedAt: instant }),
    queue: ({ reason }) => (reason === 'backfill' ? 'backfill' : 'pull'),
    attempts: 8,
    backoffMs: 1000,
    // The reason is part of the id: a user's pull must not inherit a waiting scheduled one's place (measured).
    dedupId: ({ calendarId, reason }) => `${calendarId}.${reason}`,
    priority: ({ reason }) => pullPriority[reason],
  }),
  /** Single reads of the events whose evidence was unclear in the last round. */
  'recheck-events': job({
    payload: ids({ calendarId }),
    queue: () => 'pull',
    attempts: 8,
    backoffMs: 1000,
    dedupId: ({ calendarId }) => `${calendarId}.recheck`,
    priority: () => pullPriority.schedule,
  }),
  /** Tells the provider what was written to a calendar here, in order. */
  'push-calendar': job({
    payload: ids({ calendarId }),
    queue: () => 'push',
    attempts: 8,
    backoffMs: 1000,
    dedupId: ({ calendarId }) => `${calendarId}.push`,
  }),
  /** Reads an account's calendar list; `daily`: only as every day, so that one that somebody waits for never joins it. */
  'discover-account': job({
    payload: ids({ accountId, daily: z.boolean().default(false) }),
    queue: () => 'accounts',
    attempts: 8,
    backoffMs: 1000,
    dedupId: ({ accountId, daily }) => `${accountId}.${daily ? 'daily' : 'discover'}`,
  }),
  /** Takes an account that leaves as far as it goes now. */
  'leave-account': job({
    payload: ids({ accountId }),
    queue: () => 'accounts',
    attempts: 8,
    backoffMs: 1000,
    dedupId: ({ accountId }) => `${accountId}.leave`,
  }),
  /**
   * Makes sure that a calendar has a live channel. `renew`: the provider asks to prolong the one there is. `ahead`:
   * planned hours before it runs out; it waits its turn, and a more urgent one never joins it.
   */
  'ensure-watch': job({
    payload: ids({
      calendarId,
      renew: z.boolean().default(false),
      ahead: z.boolean().default(false),
    }),
    queue: () => 'watches',
    attempts: 8,
    backoffMs: 1000,
    dedupId: ({ calendarId, renew, ahead }) => `${calendarId}.${renew ? 'renew' : ahead ? 'ahead' : 'watch'}`,
  }),
  /** Stops a channel that nobody wants any more. */
  'stop-watch': job({
    payload: ids({ watchId, resourceId: z.string().max(512) }),
    queue: () => 'watches',
    attempts: 8,
    backoffMs: 1000,
    dedupId: ({ watchId }) => `${watchId}.stop`,
  }),
  /**
   * Lists a calendar in full, compares it with its mirror, and repairs what differs. `asked`: a person waits for it, so it
   * never joins one that is planned for hours later.
   */
  'audit-calendar': job({
    payload: ids({ calendarId, requestedAt: instant, asked: z.boolean().default(false) }),
    queue: () => 'backfill',
    attempts: 8,
    backoffMs: 1000,
    dedupId: ({ calendarId, requestedAt, asked }) => `${calendarId}.audit${asked ? `.${requestedAt}` : ''}`,
    priority: ({ asked }) => (asked ? pullPriority.user : pullPriority.backfill),
  }),
  /** Plans the due pulls of users who asked for a beat of their own. */
  'auto-sync': tick,
  /** Rings for what is dirty and has no job. */
  'webhook-drain': tick,
  /** Resolves conflicts that need no person any more. */
  'conflict-resolution': tick,
  /** Deletes what is past its time, in small batches. */
  cleanup: tick,
  /** Plans the pulls that are due. */
  'incremental-pull': tick,
  /** Plans what channels need, and the daily look at calendar lists. */
  'watch-renewal': tick,
  /** Plans the audits of the day's sample. */
  'mirror-audit': tick,
};

export type JobName = keyof typeof catalog;
/** What an adder passes: plain strings, checked at the door. */
export type JobInput<Name extends JobName> = z.input<(typeof catalog)[Name]['payload']>;
/** What a handler gets: checked, with branded ids. */
export type JobPayload<Name extends JobName> = z.output<(typeof catalog)[Name]['payload']>;

/** The jobs that a schedule makes. */
export const tickNames = [
  'auto-sync',
  'webhook-drain',
  'conflict-resolution',
  'cleanup',
  'incremental-pull',
  'watch-renewal',
  'mirror-audit',
] as const satisfies readonly JobName[];
export type TickName = (typeof tickNames)[number];
