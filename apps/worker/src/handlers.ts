/** One function per job of the catalogue; a job without one does not compile. The work itself is in packages/sync. */
import { catalog, onBehalfOf, type Handlers, type JobContext, type Producer } from '@calfleet/jobs';
import {
  auditCalendar,
  cleanUp,
  discoverAccount,
  drainWebhooks,
  ensureWatch,
  leaveAccount,
  planAudits,
  planAutoSync,
  planDuePulls,
  planWatches,
  pullCalendar,
  pushCalendar,
  receiveNotification,
  recheckEvents,
  resolveConflicts,
  runTick,
  stopWatch,
  type SyncDeps,
} from '@calfleet/sync';

export function createHandlers(deps: SyncDeps, producer: Pick<Producer, 'forget'>): Handlers {
  const { courtesy } = deps;
  /** The engine's lines carry the job they belong to, and the jobs that it rings for the request that led here. */
  const within = ({ logger, requestId }: JobContext): SyncDeps => ({
    ...deps,
    logger,
    jobs: onBehalfOf(deps.jobs, requestId),
  });
  return {
    'receive-notification': async ({ expiresAt, receivedAt, ...notification }, context) => {
      const told = {
        ...notification,
        expiresAt: expiresAt === null ? null : new Date(expiresAt),
        receivedAt: new Date(receivedAt),
      };
      const result = await courtesy.urgently(() => receiveNotification(within(context), told));
      context.logger.debug('Received', { result, watch_id: notification.watchId });
    },
    'pull-calendar': async ({ requestedAt, ...request }, context) => {
      const wish = { ...request, requestedAt: new Date(requestedAt) };
      const pull = () => pullCalendar(within(context), wish, context.signal);
      await (wish.reason === 'user' || wish.reason === 'notify' ? courtesy.urgently(pull) : pull());
    },
    'recheck-events': async ({ calendarId }, context) => {
      const isLastTry = context.attempt >= catalog['recheck-events'].attempts;
      const read = await recheckEvents(within(context), calendarId, context.signal, { isLastTry });
      context.logger.debug('Read again', { read, calendar_id: calendarId });
    },
    'push-calendar': async ({ calendarId }, context) => {
      const push = () => pushCalendar(within(context), calendarId, context.signal);
      const result = await courtesy.urgently(push);
      context.logger.debug('Pushed', { result, calendar_id: calendarId });
    },
    'discover-account': async ({ accountId }, context) => {
      const fresh = await discoverAccount(within(context), accountId);
      context.logger.info('Calendar list read', { account_id: accountId, new_calendars: fresh });
    },
    'leave-account': async ({ accountId }, context) => {
      const forgetJobs = (ids: readonly string[]) => producer.forget(ids);
      const result = await leaveAccount(within(context), accountId, { signal: context.signal, forgetJobs });
      context.logger.info('An account was taken further on its way out', { result, account_id: accountId });
    },
    'ensure-watch': async ({ calendarId, renew, ahead }, context) => {
      const result = await ensureWatch(within(context), calendarId, { mustRenew: renew, ahead });
      context.logger.debug('Watch ensured', { result, calendar_id: calendarId });
    },
    'stop-watch': async (watch, context) => {
      const result = await stopWatch(within(context), watch);
      context.logger.debug('Channel stopped', { result, watch_id: watch.watchId });
    },
    'audit-calendar': async ({ calendarId, requestedAt, asked }, context) => {
      const wish = { calendarId, requestedAt: new Date(requestedAt), asked };
      const result = await auditCalendar(within(context), wish, context.signal);
      context.logger.debug('Audit ended', { ...result, calendar_id: calendarId });
    },
    'auto-sync': (_, context) => runTick(within(context), 'auto-sync', planAutoSync),
    'webhook-drain': (_, context) => runTick(within(context), 'webhook-drain', drainWebhooks),
    'conflict-resolution': (_, context) =>
      runTick(within(context), 'conflict-resolution', (engine) => resolveConflicts(engine, context.signal)),
    cleanup: (_, context) =>
      runTick(within(context), 'cleanup', (engine) => cleanUp(engine, { signal: context.signal })),
    'incremental-pull': (_, context) => runTick(within(context), 'incremental-pull', planDuePulls),
    'watch-renewal': (_, context) => runTick(within(context), 'watch-renewal', planWatches),
    'mirror-audit': (_, context) => runTick(within(context), 'mirror-audit', planAudits),
  };
}
