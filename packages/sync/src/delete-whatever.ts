/** Deletes an event whatever became of it: when its account leaves, it is not about what it says, but about who made it. */
import {
  asSyncError,
  SyncError,
  type CalendarProvider,
  type Clock,
  type DeleteRequest,
  type ProviderSession,
} from '@calfleet/domain';

/** So often somebody else may change an event just before it is deleted. */
const roundsMax = 3;
const dayMs = 86_400_000;

/**
 * @throws what {@link CalendarProvider.deleteEvent} raises; version_conflict only when somebody changes the event without
 * pause
 */
export async function deleteWhatever(
  provider: CalendarProvider,
  session: ProviderSession,
  request: DeleteRequest & { clock: Clock },
): Promise<void> {
  const { event, providerCalendarId, calendarTimeZone, clock } = request;
  const where = { providerCalendarId, calendarTimeZone };
  let { providerVersion } = request;
  for (let rounds = 1; ; rounds += 1) {
    try {
      return await provider.deleteEvent(session, { ...where, event, providerVersion });
    } catch (thrown) {
      const isMoved = asSyncError(thrown).code === 'version_conflict';
      if (!isMoved || rounds > roundsMax || 'occurrence' in event) throw thrown;
    }
    const now = clock.now();
    // Single events are read whatever the window is.
    const window = {
      start: now.toISOString(),
      end: new Date(now.getTime() + dayMs).toISOString(),
    };
    const [item] = await provider.readEvents(session, {
      ...where,
      events: [event.providerEventId],
      series: [],
      window,
    });
    if (item?.type !== 'event') throw new SyncError('remote_missing', 'The event is gone');
    providerVersion = item.event.providerVersion;
  }
}
