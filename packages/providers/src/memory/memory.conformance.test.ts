import { describeProvider } from '../conformance/suite.ts';
import type { HarnessNotification, ProviderHarness } from '../conformance/harness.ts';
import { MemoryCloud } from './cloud.ts';
import { createMemoryTokenEndpoint } from './oauth.ts';
import { createMemoryProvider } from './provider.ts';

describeProvider({
  name: 'memory',
  windowed: false,
  open: async () => openMemory(),
  wire: { none: 'the memory provider answers with values, not with bytes' },
  skips: {
    'prolongs a channel, but none that is stopped': 'the memory provider replaces channels, as Google does',
  },
});

function openMemory(): ProviderHarness {
  const arrived: HarnessNotification[] = [];
  const cloud = new MemoryCloud({
    onNotification: ({ watchId, token, resourceId, state }) => {
      arrived.push({ watchId, token, resourceId, state });
    },
  });
  let calendars = 0;
  let tokens = 1;
  const session = () => {
    let requests = 0;
    return {
      accountId: 'account',
      accessToken: async (options?: { fresh?: boolean }) =>
        `token-${options?.fresh === true ? (tokens += 1) : tokens}`,
      onRequest: () => {
        requests += 1;
      },
      get requests() {
        return requests;
      },
    };
  };
  return {
    provider: createMemoryProvider(cloud),
    tokens: createMemoryTokenEndpoint(cloud),
    wire: null,
    refreshToken: async () => 'grant',
    session,
    close: async () => undefined,
    cloud: {
      address: () => 'https://calfleet.example/hooks',
      idOf: (_, name) => name,
      nameOf: (_, id) => id,
      badAddress: 'http://calfleet.example/hooks',
      createCalendar: async ({ readOnly = false, ...options } = {}) => {
        calendars += 1;
        const providerCalendarId = `calendar-${calendars}`;
        cloud.createCalendar({
          providerCalendarId,
          accessRole: readOnly ? 'reader' : 'owner',
          ...options,
        });
        return providerCalendarId;
      },
      unshareCalendar: async (id) => cloud.removeCalendar(id),
      put: async (id, { id: eventId, ...event }) => {
        cloud.put(id, event.exceptionOf ? event : { ...event, id: eventId });
      },
      remove: async (id, eventId) => cloud.remove(id, eventId),
      cancelOccurrence: async (id, occurrence) => cloud.cancelOccurrence(id, occurrence),
      behave: async (quirks) => {
        Object.assign(cloud.quirks, quirks);
      },
      expireCursors: async (id) => cloud.expireCursors(id),
      expirePageCursors: async (id) => cloud.expirePageCursors(id),
      fail: async ({ failure, ...fault }) =>
        cloud.fail(
          failure === 'rate_limited'
            ? { ...fault, code: 'rate_limited', retryAfterMs: 60_000 }
            : {
                ...fault,
                code: 'provider_unavailable',
                when: failure === 'lost_answer' ? 'after' : 'before',
              },
        ),
      expireAccessTokens: async () => {
        for (let n = 1; n <= tokens; n += 1) cloud.refusedTokens.add(`token-${n}`);
      },
      revokeGrant: async () => {
        cloud.revokedGrants.add('grant');
      },
      notifications: async () => arrived,
      openChannels: async () => [...cloud.channels.keys()],
    },
  };
}
