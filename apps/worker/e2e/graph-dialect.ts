import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WatchId } from '@calfleet/domain';
import {
  sandboxClient,
  type MicrosoftCalendarOwner,
  type MicrosoftQuirkChanges,
  type Sandbox,
} from '@calfleet/sandbox';
import type { Dialect, Letter } from './model-world.ts';

export const mailbox = 'noor@example.test';

/** Answers the validation of a subscription and nothing else: notifications are carried by the test. */
async function startEcho(): Promise<{ url: string; close: () => void }> {
  const server = http.createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.end(searchParams.get('validationToken') ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}

export interface GraphCalendars {
  /** The mirrored one. */
  calendar: MicrosoftCalendarOwner;
  /** Where events are moved to and back from; it is not mirrored. */
  other: MicrosoftCalendarOwner;
}

export async function openGraphDialect(): Promise<Dialect<GraphCalendars> & { close(): void }> {
  const echo = await startEcho();
  return {
    provider: 'microsoft',
    ingressUrl: echo.url,
    config: ({ microsoftRootUrl, microsoftLoginUrl }) => ({
      microsoft: {
        clientId: sandboxClient.id,
        clientSecret: sandboxClient.secret,
        tenant: 'common',
        graphRootUrl: microsoftRootUrl,
        loginRootUrl: microsoftLoginUrl,
      },
    }),
    begin: (sandbox) => {
      sandbox.microsoft.setQuirks({ notificationHold: true });
      const owner = sandbox.microsoft.createMailbox({ email: mailbox, timeZone: 'W. Europe Standard Time' });
      const calendar = owner.createCalendar({ name: 'Calendar', isDefault: true });
      const other = owner.createCalendar({ name: 'Other' });
      const [refreshToken = ''] = owner.refreshTokens;
      return { owner: { calendar, other }, refreshToken, providerCalendarId: calendar.id };
    },
    letters: graphLetters,
    calm: (sandbox) => sandbox.microsoft.setQuirks(calmGraph),
    close: echo.close,
  };
}

/**
 * Everything may stay as awkward as it is, but for what keeps any answer from being right: links that die with every
 * use, changes that stay unlisted, and a server that writes by itself.
 */
export const calmGraph: MicrosoftQuirkChanges = {
  deadDeltaLinkRate: 0,
  deadNextLinkRate: 0,
  deltaLagRounds: 0,
  missedDeletionRate: 0,
  returnedItemsStayRemoved: false,
  serverTouchRate: 0,
};

/** Notifications whose subscription is over say nothing that could be checked. */
export function graphLetters({ microsoft }: Sandbox): (Letter | null)[] {
  const living = new Map(microsoft.subscriptions.allLiving().map((each) => [each.id, each]));
  return microsoft.notifications.list().map(({ subscriptionId, event }) => {
    const subscription = living.get(subscriptionId);
    const watchId = /^v1\.[^.]+\.([0-9a-f-]{36})\./.exec(subscription?.clientState ?? '')?.[1];
    if (!subscription || watchId === undefined) return null;
    return {
      watchId: watchId as WatchId,
      event: eventOf[event] ?? 'change',
      resourceId: subscription.id,
      expiresAt: new Date(subscription.expiresAtMs),
    };
  });
}

const eventOf: Record<string, Letter['event']> = {
  reauthorizationRequired: 'reauthorization_required',
  subscriptionRemoved: 'subscription_removed',
  missed: 'missed',
};
