/** A bare client of the Google dialect for this package's tests: fetch, and nothing that would hide an answer. */
import { sandboxClient, type Sandbox } from '../sandbox.ts';
import type { EventResource } from './resource.ts';

export interface Answer {
  status: number;
  headers: Headers;
  body: Body;
}

/** Whatever an endpoint answers; missing parts are undefined. */
export interface Body {
  [key: string]: unknown;
  items?: (EventResource & { id: string })[];
  nextPageToken?: string;
  nextSyncToken?: string;
  id?: string;
  etag?: string;
  access_token?: string;
  error?: {
    code?: number;
    message?: string;
    errors?: { reason: string; domain: string; location?: string }[];
  };
}

export type Query = Record<string, string | number | boolean>;

export class Visitor {
  constructor(
    private readonly sandbox: Sandbox,
    public accessToken: string,
  ) {}

  async call(
    method: string,
    path: string,
    options: { body?: unknown; ifMatch?: string } = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.sandbox.googleRootUrl}calendar/v3/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.accessToken}`,
        ...(options.ifMatch === undefined ? {} : { 'if-match': options.ifMatch }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Body,
    };
  }

  list(calendar: string, query: Query = {}): Promise<Answer> {
    return this.call('GET', `${eventsOf(calendar)}?${new URLSearchParams(mapValues(query)).toString()}`);
  }

  /** Walks a whole round. @returns every item in order of arrival, and the token of the last page. */
  async round(
    calendar: string,
    query: Query = {},
    onPage: (page: Body) => void = () => undefined,
  ): Promise<{ items: NonNullable<Body['items']>; pages: Body[]; syncToken: string | undefined }> {
    const pages: Body[] = [];
    for (let pageToken: string | undefined; ;) {
      const { status, body } = await this.list(
        calendar,
        pageToken === undefined ? query : { ...query, pageToken },
      );
      if (status !== 200) throw new Error(`list answered ${status}: ${JSON.stringify(body)}`);
      pages.push(body);
      onPage(body);
      pageToken = body.nextPageToken;
      if (pageToken === undefined) break;
    }
    const items = pages.flatMap((page) => page.items ?? []);
    return { items, pages, syncToken: pages.at(-1)?.nextSyncToken };
  }

  insert(calendar: string, body: unknown): Promise<Answer> {
    return this.call('POST', eventsOf(calendar), { body });
  }

  event(
    method: string,
    calendar: string,
    id: string,
    options?: { body?: unknown; ifMatch?: string },
  ): Promise<Answer> {
    return this.call(method, `${eventsOf(calendar)}/${encodeURIComponent(id)}`, options);
  }

  watch(calendar: string, body: unknown): Promise<Answer> {
    return this.call('POST', `${eventsOf(calendar)}/watch`, { body });
  }
}

export async function askForToken(
  sandbox: Sandbox,
  form: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${sandbox.googleRootUrl}oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: sandboxClient.id,
      client_secret: sandboxClient.secret,
      ...form,
    }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

export const reasonOf = (answer: Answer): string | undefined => answer.body.error?.errors?.[0]?.reason;

const eventsOf = (calendar: string): string => `calendars/${encodeURIComponent(calendar)}/events`;

const mapValues = (query: Query): Record<string, string> =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));

/** A timed event so many hours after a fixed Monday. */
export function meeting(hour: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  const startMs = Date.parse('2026-11-02T08:00:00Z') + hour * 3_600_000;
  const at = (ms: number): Record<string, string> => ({
    dateTime: new Date(ms).toISOString(),
    timeZone: 'Europe/Berlin',
  });
  return { summary: `Meeting ${hour}`, start: at(startMs), end: at(startMs + 1_800_000), ...more };
}

/** Polls until it holds. @throws Error after five seconds. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it never came true');
}
