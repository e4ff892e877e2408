/** Postgres and Redis for `npm start` and for tests on a machine that has neither. They never outlive their launcher. */
export { createApplicationLogin } from './application-login.ts';
export { findOnPath, unpackFromApt } from './apt-packages.ts';
export type { AptRequest } from './apt-packages.ts';
export { discardServers } from './discard.ts';
export { AlreadyRunning } from './folder-lock.ts';
export { startPostgres } from './postgres.ts';
export type { Postgres, PostgresOptions } from './postgres.ts';
export { NoRedis } from './redis-binary.ts';
export { startRedis } from './redis.ts';
export type { Redis, RedisOptions } from './redis.ts';
