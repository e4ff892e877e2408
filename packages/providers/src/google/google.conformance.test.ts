import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { slotOf, type EventTime } from '@calfleet/domain';
import { sandboxClient, startSandbox, type EventBody, type Operation, type Sandbox } from '@calfleet/sandbox';
import type {
  CountingSession,
  HarnessEvent,
  HarnessNotification,
  HarnessOperation,
  ProviderHarness,
} from '../conformance/harness.ts';
import { describeProvider } from '../conformance/suite.ts';
import { createGoogleTokenEndpoint } from './oauth.ts';
import { createGoogleProvider } from './provider.ts';

const clock = { now: () => new Date('2026-11-20T12:00:00Z') };
const timeoutMs = 5_000;

const operations: Record<HarnessOperation, Operation> = {
  listCalendars: 'calendarList.list',
  listChanges: 'events.list',
  readEvents: 'events.get',
  watch: 'events.watch',
  stopWatch: 'channels.stop',
  createEvent: 'events.insert',
  updateEvent: 'events.patch',
  deleteEvent: 'events.delete',
};

describeProvider({
  name: 'google',
  windowed: false,
  open: openGoogle,
  wire: {
    listChanges: [
      [{ status: 403, reason: 'rateLimitExceeded' }, 'rate_limited'],
      [{ status: 403, reason: 'userRateLimitExceeded' }, 'rate_limited'],
      [{ status: 403, reason: 'quotaExceeded' }, 'rate_limited'],
      [{ status: 429, reason: 'rateLimitExceeded' }, 'rate_limited'],
      [{ status: 403, reason: 'forbidden' }, 'permission_denied'],
      [{ status: 403, reason: 'insufficientPermissions' }, 'permission_denied'],
      [{ status: 403, reason: 'notACalendarUser' }, 'permission_denied'],
      [{ status: 404, reason: 'notFound' }, 'remote_missing'],
      [{ status: 410, reason: 'fullSyncRequired' }, 'cursor_expired'],
      [{ status: 410, reason: 'updatedMinTooLongAgo' }, 'cursor_expired'],
      [{ status: 500, reason: 'backendError' }, 'provider_unavailable'],
      [{ status: 503, reason: 'backendError' }, 'provider_unavailable'],
      [{ status: 418, reason: 'somethingNew' }, 'provider_unavailable'],
    ],
  },
  skips: { 'prolongs a channel, but none that is stopped': 'Google replaces channels' },
});

async function openGoogle(): Promise<ProviderHarness> {
  const sandbox = await startSandbox({ time: { realNow: () => clock.now().getTime() } });
  const account = sandbox.google.createAccount({ email: 'ada@example.com' });
  const receiver = await openReceiver();
  sandbox.setQuirks({ unauthorizedHosts: ['refused.example'] });
  return {
    provider: createGoogleProvider({ rootUrl: sandbox.googleRootUrl, timeoutMs, clock }),
    tokens: createGoogleTokenEndpoint({
      clientId: sandboxClient.id,
      clientSecret: sandboxClient.secret,
      tokenUrl: `${sandbox.googleRootUrl}oauth2/token`,
      revokeUrl: `${sandbox.googleRootUrl}oauth2/revoke`,
      timeoutMs,
    }),
    refreshToken: async () => account.refreshTokens[0] ?? '',
    session: () => openSession(() => account.accessToken()),
    close: async () => {
      await sandbox.close();
      receiver.server.closeAllConnections();
      await new Promise((resolve) => receiver.server.close(resolve));
    },
    wire: {
      status: async ({ operation, skip = 0, ...answer }) => {
        sandbox.faults.add({ operation: operations[operation], skip, effect: { kind: 'status', ...answer } });
      },
      cut: async ({ operation, how }) => {
        sandbox.faults.add({ operation: operations[operation], effect: { kind: how } });
      },
    },
    cloud: cloudOf(sandbox, receiver),
  };
}

const effects = {
  unavailable: { kind: 'status', status: 503 },
  rate_limited: { kind: 'status', status: 403, reason: 'rateLimitExceeded' },
  lost_answer: { kind: 'drop_after' },
} as const;

function cloudOf(sandbox: Sandbox, receiver: Receiver): ProviderHarness['cloud'] {
  const account = sandbox.google.account('ada@example.com');
  return {
    address: () => receiver.url,
    idOf: (_, name) => name,
    nameOf: (_, id) => id,
    // Answered with 401, which must not be taken for a refused token.
    badAddress: 'https://refused.example/hooks',
    createCalendar: async ({ readOnly = false, ...options } = {}) =>
      account.createCalendar({ ...options, accessRole: readOnly ? 'reader' : 'owner' }).id,
    unshareCalendar: async (id) => account.calendar(id).unshare(),
    put: async (id, event) => {
      const calendar = account.calendar(id);
      const eventId = event.exceptionOf ? instanceId(event.exceptionOf) : event.id;
      if (calendar.get(eventId)) calendar.update(eventId, bodyOf(event));
      else calendar.insert({ id: eventId, ...bodyOf(event) });
    },
    remove: async (id, eventId) => account.calendar(id).delete(eventId),
    cancelOccurrence: async (id, occurrence) => account.calendar(id).delete(instanceId(occurrence)),
    behave: async ({ newestFirst, repeats, bareTombstones, bareSeries: _, ...quirks }) => {
      sandbox.setQuirks({
        ...quirks,
        ...(newestFirst === true && { order: 'reversed' }),
        ...(repeats === true && { repeatRate: 1 }),
        ...(bareTombstones === true && { cancelledInstances: 'bare', deletedEvents: 'bare' }),
      });
    },
    expireCursors: async (id) => account.calendar(id).expireSyncTokens(),
    expirePageCursors: async (id) => account.calendar(id).expirePageTokens(),
    fail: async ({ operation, failure, skip = 0 }) => {
      sandbox.faults.add({ operation: operations[operation], skip, effect: effects[failure] });
    },
    expireAccessTokens: async () => account.expireAccessTokens(),
    revokeGrant: async () => account.revoke(),
    notifications: async () => {
      await sandbox.push.settled();
      return receiver.arrived;
    },
    openChannels: async () => {
      const channels = sandbox.push.channels.all();
      return channels.filter(({ stoppedAtMs }) => stoppedAtMs === null).map(({ id }) => id);
    },
  };
}

function openSession(newToken: () => string): CountingSession {
  let token = newToken();
  let requests = 0;
  return {
    accountId: 'account',
    accessToken: async (options) => {
      if (options?.fresh === true) token = newToken();
      return token;
    },
    onRequest: () => {
      requests += 1;
    },
    get requests() {
      return requests;
    },
  };
}

interface Receiver {
  server: Server;
  url: string;
  arrived: HarnessNotification[];
}

/** Where the sandbox sends its notifications. */
async function openReceiver(): Promise<Receiver> {
  const arrived: HarnessNotification[] = [];
  const server = createServer(({ headers }, response) => {
    const read = (name: string) => String(headers[`x-goog-${name}`] ?? '');
    arrived.push({
      watchId: read('channel-id'),
      token: read('channel-token'),
      resourceId: read('resource-id'),
      state: read('resource-state'),
    });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, arrived, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks` };
}

const instanceId = ({ seriesId, originalStart }: { seriesId: string; originalStart: EventTime }): string =>
  `${seriesId}_${slotOf(originalStart)}`;

function bodyOf({ fields }: HarnessEvent): EventBody {
  const { start, end, attendees, ...texts } = fields;
  const said = Object.entries(texts).filter(([, value]) => value !== null);
  return {
    ...Object.fromEntries(said),
    start: timeOf(start),
    end: timeOf(end),
    ...(attendees && {
      attendees: attendees.map(({ name, response, ...attendee }) => ({
        ...attendee,
        ...(name !== null && { displayName: name }),
        responseStatus: response === 'needs_action' ? 'needsAction' : response,
      })),
    }),
  };
}

function timeOf(time: EventTime): EventBody {
  switch (time.kind) {
    case 'date':
      return { date: time.date };
    case 'zoned':
      return { dateTime: time.instant, timeZone: time.zone };
    case 'floating':
      return { dateTime: time.local };
  }
}
