export {
  createCallerThrottle,
  type CallerCount,
  type CallerThrottle,
  type CallerThrottleOptions,
} from './caller-throttle.ts';
export {
  catalog,
  notificationEvents,
  pullReasons,
  queueNames,
  tickNames,
  type JobInput,
  type JobName,
  type JobPayload,
  type NotificationEvent,
  type PullReason,
  type QueueName,
  type TickName,
} from './catalog.ts';
export type {
  EnqueueOptions,
  Handler,
  Handlers,
  JobContext,
  JobEvent,
  JobRequest,
  OnRefused,
  Outcome,
  Producer,
  RedisAddress,
  Workers,
  WorkersOptions,
} from './contract.ts';
export { createRedisEpoch, type RedisEpoch } from './epoch.ts';
export { createLimiter, type Ask, type Limiter, type LimiterOptions } from './limiter.ts';
export {
  createQueueMonitor,
  type QueueMonitor,
  type QueueReading,
  type QueueState,
  type ScheduleReading,
} from './monitor.ts';
export { createProducer, onBehalfOf, QueueUnavailable, type ProducerOptions } from './producer.ts';
export { limitsOf, pacePerMinute, publishedLimits, type Limits, type QuotaSettings } from './quotas.ts';
export { createQueueBoardSource, type QueueBoardSource } from './queue-board.ts';
export { createSchedules, type Schedules } from './schedules.ts';
export { startWorkers } from './workers.ts';
