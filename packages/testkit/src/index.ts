/** Real services, a clock and patience for tests. */
export { eventually } from './eventually.ts';
export type { EventuallyOptions } from './eventually.ts';
export { hostileAddresses } from './hostile-addresses.ts';
export { ManualClock } from './manual-clock.ts';
export { startOwnPostgres, startOwnRedis } from './own-servers.ts';
export { findPromtool, NoPromtool, promtool } from './promtool.ts';
export type { PromtoolAnswer } from './promtool.ts';
export { createTestDatabase } from './test-database.ts';
export type { TestDatabase } from './test-database.ts';
export { createTestRedis } from './test-redis.ts';
export type { TestRedis } from './test-redis.ts';
export { testServices } from './test-services.ts';
export type { GivenServices, TestServices } from './test-services.ts';
export { startTraceReceiver } from './trace-receiver.ts';
export type { ReceivedSpan, TraceReceiver } from './trace-receiver.ts';
