/**
 * Microsoft Graph behind the port. Stateless: no token, cursor or calendar is kept between calls, so one provider
 * serves every account of a process.
 */
import type { CalendarProvider } from '@calfleet/domain';
import type { GraphCalls } from './call.ts';
import { listCalendars } from './calendars.ts';
import { listChanges } from './changes.ts';
import { readEvents } from './reads.ts';
import { renewWatch, stopWatch, watch } from './watch.ts';
import { createEvent, deleteEvent, updateEvent } from './writes.ts';

export type MicrosoftProviderOptions = GraphCalls;

export function createMicrosoftProvider(calls: MicrosoftProviderOptions): CalendarProvider {
  return {
    name: 'microsoft',
    windowed: true,
    listCalendars: (session, request) => listCalendars(calls, session, request),
    listChanges: (session, request) => listChanges(calls, session, request),
    readEvents: (session, request) => readEvents(calls, session, request),
    createEvent: (session, request) => createEvent(calls, session, request),
    updateEvent: (session, request) => updateEvent(calls, session, request),
    deleteEvent: (session, request) => deleteEvent(calls, session, request),
    watch: (session, request) => watch(calls, session, request),
    renewWatch: (session, channel) => renewWatch(calls, session, channel),
    stopWatch: (session, channel) => stopWatch(calls, session, channel),
  };
}
