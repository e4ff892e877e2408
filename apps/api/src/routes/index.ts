/** Every route under the prefix, on one page. */
import type { AdminHandler, Handler } from '../context.ts';
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

export const routes: readonly (readonly ['get' | 'post' | 'patch' | 'delete', string, Handler])[] = [
  ['get', '/accounts', listAccounts],
  ['post', '/accounts', addAccount],
  ['get', '/accounts/:id', getAccount],
  ['post', '/accounts/:provider/authorize', authorizeAccount],
  ['delete', '/accounts/:id', removeAccount],
  ['get', '/calendars', listCalendars],
  ['get', '/calendars/:id', getCalendar],
  ['patch', '/calendars/:id', changeCalendar],
  ['post', '/calendars/:id/held-deletes', decideHeldDeletes],
  ['get', '/events', listEvents],
  ['post', '/events', createEvent],
  ['get', '/events/:id', getEvent],
  ['patch', '/events/:id', changeEvent],
  ['delete', '/events/:id', deleteEvent],
  ['get', '/events/:id/history', listHistory],
  ['post', '/events/:id/restore', restoreEvent],
  ['get', '/conflicts', listConflicts],
  ['get', '/conflicts/:id', getConflict],
  ['post', '/conflicts/:id/resolve', resolveConflict],
  ['get', '/writes', listWrites],
  ['get', '/writes/:id', getWrite],
  ['post', '/writes/:id/retry', retryWrite],
  ['post', '/writes/:id/discard', discardWrite],
  ['post', '/sync', requestSync],
  ['get', '/sync/schedule', getSchedule],
  ['post', '/sync/schedule', setSchedule],
  ['get', '/sync/status', listStatus],
  ['get', '/sync/runs', listRuns],
  ['get', '/changes', listChanges],
  ['get', '/freebusy', freeBusy],
  ['get', '/export', exportAll],
  ['get', '/quarantine', listQuarantine],
  ['post', '/quarantine/:id/retry', retryQuarantined],
];

/** Of administrators: they name no user. What lies under `/admin` is reached with an admin key alone. */
export const adminRoutes: readonly (readonly ['post', `/admin/${string}`, AdminHandler])[] = [
  ['post', '/admin/writes/stop', stopWrites],
  ['post', '/admin/writes/resume', resumeWrites],
];
