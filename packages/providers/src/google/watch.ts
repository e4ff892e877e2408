/** Channels. https://developers.google.com/workspace/calendar/api/guides/push */
import {
  instantOf,
  SyncError,
  type Channel,
  type ProviderSession,
  type WatchRequest,
} from '@calfleet/domain';
import { call, type GoogleCalls } from './call.ts';
import { isJson, textOf } from '../json.ts';

export async function watch(
  calls: GoogleCalls,
  session: ProviderSession,
  request: WatchRequest,
): Promise<Channel> {
  const channel: unknown = await call(calls, session, 'watch', (api, options) =>
    api.events.watch(
      {
        calendarId: request.providerCalendarId,
        requestBody: {
          id: request.watchId,
          type: 'web_hook',
          address: request.address,
          token: request.token,
          expiration: String(Date.parse(request.expiresAt)),
        },
      },
      options,
    ),
  );
  const resourceId = isJson(channel) ? textOf(channel['resourceId']) : null;
  if (!isJson(channel) || resourceId === null) {
    throw new SyncError('provider_unavailable', 'Google answered watch without a resource id');
  }
  return { resourceId, expiresAt: readExpiry(channel['expiration']) ?? request.expiresAt };
}

/** A channel that is gone already is closed. */
export async function stopWatch(
  calls: GoogleCalls,
  session: ProviderSession,
  channel: { watchId: string; resourceId: string },
): Promise<void> {
  try {
    await call(calls, session, 'stopWatch', (api, options) =>
      api.channels.stop({ requestBody: { id: channel.watchId, resourceId: channel.resourceId } }, options),
    );
  } catch (thrown) {
    if (thrown instanceof SyncError && thrown.code === 'remote_missing') return;
    throw thrown;
  }
}

/** Milliseconds since 1970, as a JSON string or number; null when Google states none. */
function readExpiry(expiration: unknown): string | null {
  const ms = typeof expiration === 'string' && expiration !== '' ? Number(expiration) : expiration;
  return typeof ms === 'number' && ms > 0 && ms < 253_402_300_800_000 ? instantOf(new Date(ms)) : null;
}
