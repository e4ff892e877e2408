/** How this house talks to Redis. Adding fails fast, working waits: the two need opposite settings. */
import { Redis, type RedisOptions } from 'ioredis';

/** A short blip costs a short wait, a long outage two seconds at most after its end. */
const retryStrategy = (times: number) => Math.min(50 * 2 ** Math.min(times, 6), 2000);

const shared = { retryStrategy, connectTimeout: 5000, keepAlive: 10_000 } satisfies RedisOptions;

/** Errors at once when Redis is away: whoever adds a job has a caller waiting. */
export function openImpatient(redisUrl: string): Redis {
  return new Redis(redisUrl, {
    ...shared,
    enableOfflineQueue: false,
    // Adds of one turn of the event loop share a write: 1.3 to 1.6 times the notifications a second (measured on
    // two busy cores, 32 connections).
    enableAutoPipelining: true,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // A Redis that keeps the socket but answers nothing is dropped, and what waits for it fails.
    socketTimeout: 5000,
  });
}

/** Waits for Redis for as long as it takes: a worker without Redis has nothing else to do. */
export const patient = (redisUrl: string) => ({ url: redisUrl, ...shared, maxRetriesPerRequest: null });

/** The same for what is not asked through BullMQ. */
export const openPatient = (redisUrl: string): Redis =>
  new Redis(redisUrl, { ...shared, maxRetriesPerRequest: null });

/**
 * Resolves once the connection can take commands; rejects after `withinMs` without one. The very first attempt may take
 * its time until it fails: a process that has just begun, on a busy machine, is early and not cut off. One listener
 * however many wait.
 */
export function readiness(redis: Redis): (withinMs: number) => Promise<void> {
  let pending: Promise<void> | null = null;
  let isFirstAttempt = true;
  const tried = () => (isFirstAttempt = false);
  redis.once('ready', tried);
  redis.once('close', tried);
  return (withinMs) => {
    if (redis.status === 'ready') return Promise.resolve();
    pending ??= new Promise<void>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (done: () => void) => {
        clearTimeout(timer);
        redis.off('ready', isReady);
        redis.off('close', countDown);
        pending = null;
        done();
      };
      const isReady = () => settle(resolve);
      const countDown = () => {
        timer ??= setTimeout(() => settle(() => reject(new Error('Redis is not connected'))), withinMs);
      };
      redis.once('ready', isReady);
      if (isFirstAttempt) redis.once('close', countDown);
      else countDown();
    });
    return pending;
  };
}

/** Says a lost connection once and its return once, instead of once per retry. */
export function outageReporter(said: {
  lost: (error: Error) => void;
  back: () => void;
  other: (error: Error) => void;
}) {
  let lost = false;
  return {
    error(error: Error) {
      if (!isConnectionError(error)) return said.other(error);
      if (lost) return;
      lost = true;
      said.lost(error);
    },
    ready() {
      if (lost) said.back();
      lost = false;
    },
  };
}

const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

function isConnectionError(error: Error & { code?: string }): boolean {
  if (error.code !== undefined && connectionCodes.has(error.code)) return true;
  return /connection is closed|socket timeout|stream isn't writeable|connect ETIMEDOUT|LOADING/i.test(
    error.message,
  );
}
