/** One function per job of the catalogue; a job without one does not compile. The work itself is in packages/sync. */
import type { Handlers, JobContext } from '@calfleet/jobs';
import {
  discoverAccount,
  drainWebhooks,
  ensureWatch,
  planDuePulls,
  pullCalendar,
  receiveNotification,
  recheckEvents,
  stopWatch,
  type SyncDeps,
} from '@calfleet/sync';

export function createHandlers(deps: SyncDeps): Handlers {
  /** The engine's lines carry the job they belong to. */
  const within = ({ logger }: JobContext): SyncDeps => ({ ...deps, logger });
  return {
    'receive-notification': async ({ expiresAt, receivedAt, ...notification }, context) => {
      const result = await receiveNotification(within(context), {
        ...notification,
        expiresAt: expiresAt === null ? null : new Date(expiresAt),
        receivedAt: new Date(receivedAt),
      });
      context.logger.debug('Received', { result, watch_id: notification.watchId });
    },
    'pull-calendar': async ({ requestedAt, ...request }, context) => {
      const wish = { ...request, requestedAt: new Date(requestedAt) };
      const result = await pullCalendar(within(context), wish, context.signal);
      context.logger.debug('Pull ended', { result, calendar_id: request.calendarId });
    },
    'recheck-events': async ({ calendarId }, context) => {
      const read = await recheckEvents(within(context), calendarId, context.signal);
      context.logger.debug('Read again', { read, calendar_id: calendarId });
    },
    'discover-account': async ({ accountId }, context) => {
      const fresh = await discoverAccount(within(context), accountId);
      context.logger.info('Calendar list read', { account_id: accountId, new_calendars: fresh });
    },
    'ensure-watch': async ({ calendarId, renew }, context) => {
      const result = await ensureWatch(within(context), calendarId, { mustRenew: renew });
      context.logger.debug('Watch ensured', { result, calendar_id: calendarId });
    },
    'stop-watch': async (watch, context) => stopWatch(within(context), watch),
    'webhook-drain': (_, context) => tick(deps, context, 'calendar_webhook_processor', drainWebhooks),
    'incremental-pull': (_, context) => tick(deps, context, 'calendar_incremental_pull', planDuePulls),
  };
}

/** A tick says when it begins and what it planned. */
async function tick(
  deps: SyncDeps,
  context: JobContext,
  stream: string,
  plan: (deps: SyncDeps) => Promise<Record<string, number>>,
): Promise<void> {
  const logger = context.logger.child({ stream });
  const startedAt = deps.clock.now().getTime();
  logger.info('Tick started');
  const planned = await plan({ ...deps, logger });
  logger.info('Tick ended', { ...planned, duration_ms: deps.clock.now().getTime() - startedAt });
}
