/** Every route, on one page. What drives Express is what is described (description/document.ts) and tested. */
import { oauthCallback } from '../connect/callback.ts';
import { docs, openapi } from '../description/pages.ts';
import { healthz, metrics, readyz } from '../health.ts';
import { boardPath, queueBoard } from '../queue-board/board.ts';
import type { AdminRoute, Method, OpenRoute, Route, UserRoute } from '../route.ts';
import { addAccount, getAccount, listAccounts, removeAccount } from './accounts.ts';
import { resumeWrites, stopWrites } from './admin-writes.ts';
import { authorizeAccount } from './authorize.ts';
import { changeCalendar, decideHeldDeletes, getCalendar, listCalendars } from './calendars.ts';
import { listChanges } from './changes.ts';
import { getConflict, listConflicts, resolveConflict } from './conflicts.ts';
import { changeEvent, createEvent, deleteEvent } from './event-writes.ts';
import { getEvent, listEvents } from './events.ts';
import { exportAll } from './export.ts';
import { freeBusy } from './free-busy.ts';
import { listHistory, restoreEvent } from './history.ts';
import { listQuarantine, retryQuarantined } from './quarantine.ts';
import { getSchedule, setSchedule } from './schedule.ts';
import { listRuns, listStatus } from './status.ts';
import { requestSync } from './sync.ts';
import { discardWrite, getWrite, listWrites, retryWrite } from './writes.ts';

export const prefix = '/integrations/calendar';

/** One route under its name, by which documents and clients call it. */
type Named<Kind extends Route> = Readonly<Record<string, Kind>>;

/** Under the prefix. What lies under `/admin` is reached with an admin key alone, and names no user. */
const calls: readonly (
  readonly [Method, `/${string}`, Named<UserRoute>] | readonly ['post', `/admin/${string}`, Named<AdminRoute>]
)[] = [
  ['get', '/accounts', { listAccounts }],
  ['post', '/accounts', { addAccount }],
  ['get', '/accounts/:id', { getAccount }],
  ['post', '/accounts/:provider/authorize', { authorizeAccount }],
  ['delete', '/accounts/:id', { removeAccount }],
  ['get', '/calendars', { listCalendars }],
  ['get', '/calendars/:id', { getCalendar }],
  ['patch', '/calendars/:id', { changeCalendar }],
  ['post', '/calendars/:id/held-deletes', { decideHeldDeletes }],
  ['get', '/events', { listEvents }],
  ['post', '/events', { createEvent }],
  ['get', '/events/:id', { getEvent }],
  ['patch', '/events/:id', { changeEvent }],
  ['delete', '/events/:id', { deleteEvent }],
  ['get', '/events/:id/history', { listHistory }],
  ['post', '/events/:id/restore', { restoreEvent }],
  ['get', '/conflicts', { listConflicts }],
  ['get', '/conflicts/:id', { getConflict }],
  ['post', '/conflicts/:id/resolve', { resolveConflict }],
  ['get', '/writes', { listWrites }],
  ['get', '/writes/:id', { getWrite }],
  ['post', '/writes/:id/retry', { retryWrite }],
  ['post', '/writes/:id/discard', { discardWrite }],
  ['post', '/sync', { requestSync }],
  ['get', '/sync/schedule', { getSchedule }],
  ['post', '/sync/schedule', { setSchedule }],
  ['get', '/sync/status', { listStatus }],
  ['get', '/sync/runs', { listRuns }],
  ['get', '/changes', { listChanges }],
  ['get', '/freebusy', { freeBusy }],
  ['get', '/export', { exportAll }],
  ['get', '/quarantine', { listQuarantine }],
  ['post', '/quarantine/:id/retry', { retryQuarantined }],
  ['post', '/admin/writes/stop', { stopWrites }],
  ['post', '/admin/writes/resume', { resumeWrites }],
];

/** They let everybody in, or ask for a key by themselves. */
const pages: readonly (readonly ['get', string, Named<OpenRoute>])[] = [
  ['get', `${prefix}/oauth/:provider/callback`, { oauthCallback }],
  ['get', boardPath, { queueBoard }],
  ['get', '/openapi.json', { openapi }],
  ['get', '/docs', { docs }],
  ['get', '/healthz', { healthz }],
  ['get', '/readyz', { readyz }],
  ['get', '/metrics', { metrics }],
];

/** A route in its place. */
export interface Placed<Kind extends Route = Route, Path extends string = string> {
  name: string;
  method: Method;
  /** Whole, as Express writes it. */
  path: Path;
  route: Kind;
}

export type PlacedCall = Placed<UserRoute | AdminRoute, `${typeof prefix}/${string}`>;

export const callRoutes: readonly PlacedCall[] = calls.flatMap(([method, path, named]) =>
  Object.entries<UserRoute | AdminRoute>(named).map(([name, route]) => ({
    name,
    method,
    path: `${prefix}${path}`,
    route,
  })),
);

export const pageRoutes: readonly Placed<OpenRoute>[] = pages.flatMap(([method, path, named]) =>
  Object.entries(named).map(([name, route]) => ({ name, method, path, route })),
);
