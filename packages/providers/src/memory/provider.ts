/** The port over a {@link MemoryCloud}: what a well-meaning but awkward provider may legally do, without HTTP. */
import type { CalendarProvider, RemoteCalendar } from '@calfleet/domain';
import { call } from './call.ts';
import { listChanges, readEvents } from './changes.ts';
import type { MemoryCalendar, MemoryCloud } from './cloud.ts';
import { stopWatch, watch } from './watch.ts';
import { createEvent, deleteEvent, updateEvent } from './writes.ts';

export function createMemoryProvider(cloud: MemoryCloud): CalendarProvider {
  return {
    name: 'memory',
    windowed: false,
    listCalendars: (session) =>
      call(cloud, session, { operation: 'listCalendars', providerCalendarId: null }, () => ({
        calendars: [...cloud.calendars.values()]
          .filter(({ accountId }) => (accountId ?? session.accountId) === session.accountId)
          .map(toRemote),
        mailbox: mailboxOf(cloud, session.accountId),
        nextPageCursor: null,
      })),
    listChanges: (session, request) =>
      call(cloud, session, at('listChanges', request), () => listChanges(cloud, session, request)),
    readEvents: (session, request) =>
      call(cloud, session, at('readEvents', request), () => readEvents(cloud, session, request)),
    watch: (session, request) =>
      call(cloud, session, at('watch', request), () => watch(cloud, session, request)),
    stopWatch: (session, channel) =>
      call(cloud, session, { operation: 'stopWatch', providerCalendarId: null }, () =>
        stopWatch(cloud, channel),
      ),
    createEvent: (session, request) =>
      call(cloud, session, at('createEvent', request), () => createEvent(cloud, session, request)),
    updateEvent: (session, request) =>
      call(cloud, session, at('updateEvent', request), () => updateEvent(cloud, session, request)),
    deleteEvent: (session, request) =>
      call(cloud, session, at('deleteEvent', request), () => deleteEvent(cloud, session, request)),
  };
}

function mailboxOf(cloud: MemoryCloud, accountId: string): { id: string; email: string } | null {
  const primary = [...cloud.calendars.values()].find(
    (calendar) => calendar.primary && (calendar.accountId ?? accountId) === accountId,
  );
  return primary ? { id: primary.providerCalendarId, email: primary.providerCalendarId } : null;
}

const at = <Operation>(operation: Operation, { providerCalendarId }: { providerCalendarId: string }) => ({
  operation,
  providerCalendarId,
});

const toRemote = (calendar: MemoryCalendar): RemoteCalendar => ({
  providerCalendarId: calendar.providerCalendarId,
  name: calendar.name,
  timeZone: calendar.timeZone,
  accessRole: calendar.accessRole,
  primary: calendar.primary,
  removed: calendar.removed,
});
