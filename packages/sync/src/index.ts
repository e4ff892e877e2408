export type { SyncDeps, SyncSettings } from './deps.ts';
export { discoverAccount } from './discover.ts';
export { receiveNotification, type Notification } from './notification.ts';
export { drainWebhooks, planDuePulls } from './plan.ts';
export { pullCalendar, type PullRequest, type PullResult } from './pull.ts';
export { recheckEvents } from './recheck.ts';
export { checkRedisMemory, type RedisMemory } from './redis-loss.ts';
export { createSessions, type Sessions } from './sessions.ts';
export { ensureWatch, stopWatch } from './watch.ts';
