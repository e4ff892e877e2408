/** The port over a {@link MemoryCloud}: what a well-meaning but awkward provider may legally do, without HTTP. */
import type { CalendarProvider, RemoteCalendar } from '@calfleet/domain';
import { call } from './call.ts';
import { getEvent, listChanges } from './changes.ts';
import type { MemoryCalendar, MemoryCloud } from './cloud.ts';
import { stopWatch, watch } from './watch.ts';

export function createMemoryProvider(cloud: MemoryCloud): CalendarProvider {
  return {
    name: 'memory',
    listCalendars: (session) =>
      call(cloud, session, { operation: 'listCalendars', providerCalendarId: null }, () => ({
        calendars: [...cloud.calendars.values()]
          .filter(({ accountId }) => (accountId ?? session.accountId) === session.accountId)
          .map(toRemote),
        nextPageCursor: null,
      })),
    listChanges: (session, request) =>
      call(cloud, session, at('listChanges', request), () => listChanges(cloud, session, request)),
    getEvent: (session, request) =>
      call(cloud, session, at('getEvent', request), () => getEvent(cloud, session, request)),
    watch: (session, request) =>
      call(cloud, session, at('watch', request), () => watch(cloud, session, request)),
    stopWatch: (session, channel) =>
      call(cloud, session, { operation: 'stopWatch', providerCalendarId: null }, () =>
        stopWatch(cloud, channel),
      ),
  };
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
