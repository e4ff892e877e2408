import type { WatchId } from '@calfleet/domain';
import { sandboxClient, type CalendarOwner } from '@calfleet/sandbox';
import type { Dialect } from './model-world.ts';

export const email = 'ada@example.test';

export const googleDialect: Dialect<CalendarOwner> = {
  provider: 'google',
  // Google asks nothing of an address before it uses it.
  ingressUrl: 'http://127.0.0.1:9',
  config: ({ googleRootUrl }) => ({
    google: {
      clientId: sandboxClient.id,
      clientSecret: sandboxClient.secret,
      rootUrl: googleRootUrl,
      tokenUrl: `${googleRootUrl}oauth2/token`,
      revokeUrl: `${googleRootUrl}oauth2/revoke`,
    },
  }),
  begin: (sandbox) => {
    sandbox.setQuirks({ pushHold: true, syncMessage: 'never' });
    const account = sandbox.google.createAccount({ email });
    const owner = account.createCalendar({ primary: true, timeZone: 'Europe/Berlin' });
    return { owner, refreshToken: account.refreshTokens[0] ?? '', providerCalendarId: owner.id };
  },
  letters: ({ push }) =>
    push.notifications().map(({ channelId, state }) => {
      const channel = push.channels.get(channelId);
      if (!channel) return null;
      return {
        watchId: channel.id as WatchId,
        event: state === 'exists' ? 'change' : state,
        resourceId: channel.resourceId,
        expiresAt: new Date(channel.expiresAtMs),
      };
    }),
  calm: () => undefined,
};
