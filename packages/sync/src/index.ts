export { auditCalendar, planAudits, type AuditOutcome } from './audit.ts';
export { cleanUp } from './cleanup.ts';
export { Courtesy } from './courtesy.ts';
export { resolveConflicts } from './conflicts.ts';
export type { SyncDeps, SyncSettings } from './deps.ts';
export type { Pace } from './pace.ts';
export { discoverAccount } from './discover.ts';
export { receiveNotification, type Notification } from './notification.ts';
export { drainWebhooks, planAutoSync, planDuePulls } from './plan.ts';
export { pullCalendar, type PullRequest, type PullResult } from './pull.ts';
export { pushCalendar, type PushResult } from './push.ts';
export { recheckEvents } from './recheck.ts';
export { checkRedisMemory, type RedisMemory } from './redis-loss.ts';
export { planWatches } from './renewal.ts';
export { createSessions, type Sessions } from './sessions.ts';
export { runTick, streams, type TickCounts } from './tick.ts';
export { planStops, stopWatch } from './stop-watches.ts';
export { ensureWatch } from './watch.ts';
export { storedFields, writableOf } from './event-row.ts';
export {
  takeBack,
  writeChange,
  writeDeletion,
  writeNewEvent,
  writeRevival,
  type WrittenCalendar,
} from './write.ts';
