/**
 * Google Calendar behind the port. Stateless: no token, cursor or calendar is kept between calls, so one provider
 * serves every account of a process.
 */
import type { CalendarProvider, Clock } from '@calfleet/domain';
import { createCalls } from './call.ts';
import { listCalendars } from './calendars.ts';
import { listChanges, readEvents } from './changes.ts';
import { stopWatch, watch } from './watch.ts';
import { createEvent, deleteEvent, updateEvent } from './writes.ts';

export interface GoogleProviderOptions {
  /** Root of the API, `https://www.googleapis.com/` or a sandbox; a path is kept. */
  rootUrl: string;
  /** For one request with its whole answer. */
  timeoutMs: number;
  clock: Clock;
}

export function createGoogleProvider(options: GoogleProviderOptions): CalendarProvider {
  const calls = createCalls(options);
  return {
    name: 'google',
    windowed: false,
    listCalendars: (session, request) => listCalendars(calls, session, request),
    listChanges: (session, request) => listChanges(calls, session, request),
    readEvents: (session, request) => readEvents(calls, session, request),
    watch: (session, request) => watch(calls, session, request),
    stopWatch: (session, channel) => stopWatch(calls, session, channel),
    createEvent: (session, request) => createEvent(calls, session, request),
    updateEvent: (session, request) => updateEvent(calls, session, request),
    deleteEvent: (session, request) => deleteEvent(calls, session, request),
  };
}
