/** Graph as an HTTP server that answers what a test wants, and events as Graph writes them. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChangesRequest, ProviderSession, RemoteItem, SyncError } from '@calfleet/domain';
import { createMicrosoftProvider } from './provider.ts';

export const clock = { now: () => new Date('2026-11-20T12:00:00Z') };

export interface Seen {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: string;
}

type Answer = (request: Seen, response: ServerResponse) => void;

/** One answer of a batch. */
export interface Part {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export class FakeGraph {
  origin = '';
  seen: Seen[] = [];
  answer: Answer = (_, response) => void response.writeHead(500).end();
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', headers } = request;
        const url = new URL(request.url ?? '', this.origin);
        const seen = { method, headers, url, body: Buffer.concat(chunks).toString() };
        this.seen.push(seen);
        this.answer(seen, response);
      });
    });
  }

  get rootUrl(): string {
    return `${this.origin}/microsoft/v1.0`;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.origin = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Answers everything alike. */
  always(value: unknown, status = 200, headers = {}): void {
    this.answer = (_, response) => sendJson(response, value, status, headers);
  }

  /** Answers lists with a page and batches part by part, the last part first. */
  lists(page: unknown, part: (url: string, batch: number) => Part): void {
    this.answer = (request, response) => {
      if (!isBatch(request)) return sendJson(response, page);
      const { requests } = JSON.parse(request.body) as { requests: { id: string; url: string }[] };
      const batch = this.seen.filter(isBatch).length;
      const responses = requests.map(({ id, url }) => ({ id, ...part(url, batch) }));
      return sendJson(response, { responses: responses.reverse() });
    };
  }

  /** The paths asked for in a request that is a batch. */
  partsOf(index: number): string[] {
    const { requests } = JSON.parse(this.seen[index]?.body ?? '') as { requests: { url: string }[] };
    return requests.map(({ url }) => url);
  }

  provider(timeoutMs = 5_000) {
    return createMicrosoftProvider({ rootUrl: this.rootUrl, timeoutMs, clock });
  }

  list(changes: Partial<ChangesRequest> = {}, session: ProviderSession = counted(), timeoutMs?: number) {
    const first = { cursor: null, pageCursor: null, window, pageSize: 2_500 };
    return this.provider(timeoutMs).listChanges(session, { ...calendar, ...first, ...changes });
  }

  read(
    { events = [], series: whole = [] }: { events?: string[]; series?: string[] },
    session: ProviderSession = counted(),
  ): Promise<RemoteItem[]> {
    return this.provider().readEvents(session, { ...calendar, events, series: whole, window });
  }

  /** A link as Graph writes them in its long form. */
  link(token: string): string {
    return `${this.rootUrl}/me/calendars('x')/calendarView/microsoft.graph.delta()?$skiptoken=${token}`;
  }

  /** The only page of a round. */
  delta(...value: unknown[]) {
    return { value, '@odata.deltaLink': this.link('next') };
  }
}

const isBatch = ({ url }: Seen): boolean => url.pathname.endsWith('/$batch');

export function sendJson(response: ServerResponse, value: unknown, status = 200, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

interface CountedSession extends ProviderSession {
  requests: number;
  tokens: number;
  admitted: number[];
  left: (number | undefined)[];
}

/** A session that remembers what it was asked and told. */
export function counted(): CountedSession {
  const session: CountedSession = {
    accountId: 'account',
    requests: 0,
    tokens: 0,
    admitted: [],
    left: [],
    accessToken: async (options) => {
      if (options?.fresh === true) session.tokens += 1;
      return `secret-token-${session.tokens}`;
    },
    onRequest: () => {
      session.requests += 1;
    },
    admit: async (requests) => {
      session.admitted.push(requests);
      return {
        leave: async (parkMs) => {
          session.left.push(parkMs);
        },
      };
    },
  };
  return session;
}

export const errorFrom = async (promise: Promise<unknown>): Promise<SyncError> =>
  (await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as SyncError;

export const calendar = { providerCalendarId: 'AAMk/A=', calendarTimeZone: null };
export const calendarPath = '/me/calendars/AAMk%2FA%3D';
export const window = { start: '2026-10-01T00:00:00Z', end: '2027-11-01T00:00:00+01:00' };

export const time = (dateTime: string) => ({ dateTime, timeZone: 'UTC' });

/** A whole single event, Monday 23 November 2026, 09:00 UTC. */
export const whole = (id: string, more: object = {}) => ({
  id,
  type: 'singleInstance',
  subject: 'standup',
  body: { contentType: 'text', content: '' },
  location: { displayName: '' },
  isAllDay: false,
  isCancelled: false,
  start: time('2026-11-23T09:00:00.0000000'),
  end: time('2026-11-23T10:00:00.0000000'),
  originalStartTimeZone: 'W. Europe Standard Time',
  showAs: 'busy',
  sensitivity: 'normal',
  attendees: [],
  organizer: null,
  ...more,
});

export const series = (id: string, more: object = {}) =>
  whole(id, {
    type: 'seriesMaster',
    recurrence: {
      pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday'] },
      range: { type: 'noEnd' },
    },
    ...more,
  });

export const exception = (id: string, seriesMasterId: string, originalStart: string) =>
  whole(id, { type: 'exception', seriesMasterId, originalStart });

/** As lists show it: bare. */
export const occurrence = (id: string, seriesMasterId: string, day = '30') => ({
  id,
  type: 'occurrence',
  seriesMasterId,
  start: time(`2026-11-${day}T09:00:00.0000000`),
  end: time(`2026-11-${day}T10:00:00.0000000`),
});

export const notFound: Part = { status: 404, body: { error: { code: 'ErrorItemNotFound', message: '' } } };

export const typesOf = (items: readonly RemoteItem[]) => items.map(({ type }) => type);
