/**
 * What the API asks of the mirror. Every function runs inside a transaction of the caller's user: row-level security
 * is the second wall, the `user_id` in each statement the first (and what the indexes begin with).
 */
export * from './accounts.ts';
export * from './calendars.ts';
export * from './changes.ts';
export * from './conflicts.ts';
export * from './connect.ts';
export { findEvent, listEvents, type EventFilter, type EventRow } from './events.ts';
export * from './export.ts';
export * from './free-busy.ts';
export * from './held-deletes.ts';
export * from './history.ts';
export * from './idempotency.ts';
export * from './oauth-states.ts';
export * from './occurrences.ts';
export * from './preferences.ts';
export * from './quarantine.ts';
export * from './runs.ts';
export * from './status.ts';
export * from './sync-requests.ts';
export * from './writes.ts';
export * from './zone-names.ts';
export type { Page } from './page.ts';
