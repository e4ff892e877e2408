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
  Outcome,
  Producer,
  RedisAddress,
  Workers,
  WorkersOptions,
} from './contract.ts';
export { createRedisEpoch, type RedisEpoch } from './epoch.ts';
export { createMailboxLimiter, type MailboxLimiter, type MailboxLimiterOptions } from './mailbox-limiter.ts';
export { createQueueMonitor, type QueueMonitor, type QueueReading, type QueueState } from './monitor.ts';
export { createProducer, QueueUnavailable, type ProducerOptions } from './producer.ts';
export { createSchedules, type Schedules } from './schedules.ts';
export { startWorkers } from './workers.ts';
