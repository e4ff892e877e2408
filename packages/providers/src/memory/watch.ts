/** Channels. The `sync` notification goes out before the answer, as it may at Google. */
import { SyncError, type Channel, type ProviderSession, type WatchRequest } from '@calfleet/domain';
import { calendarFor } from './call.ts';
import type { MemoryCloud } from './cloud.ts';

export function watch(cloud: MemoryCloud, session: ProviderSession, request: WatchRequest): Channel {
  const calendar = calendarFor(cloud, session, request.providerCalendarId);
  if (!request.address.startsWith('https://'))
    throw new SyncError('misconfigured', 'the address is not https');
  if (calendar.refusesPush) throw new SyncError('push_not_supported', 'this calendar cannot be watched');
  if (cloud.channels.has(request.watchId)) throw new SyncError('request_rejected', 'channel id not unique');
  const channel = { ...request, resourceId: `resource-of-${request.providerCalendarId}` };
  cloud.channels.set(request.watchId, channel);
  cloud.notify(channel, 'sync');
  return { resourceId: channel.resourceId, expiresAt: channel.expiresAt };
}

/** A channel that is gone already is closed. */
export function stopWatch(cloud: MemoryCloud, channel: { watchId: string; resourceId: string }): void {
  const open = cloud.channels.get(channel.watchId);
  if (open?.resourceId === channel.resourceId) cloud.channels.delete(channel.watchId);
}
