/** A sandbox with one mailbox, and a bare client of Graph: fetch, and nothing that would hide an answer. */
import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { MicrosoftCalendarOwner } from './calendar-owner.ts';
import type { MailboxOwner } from './mailbox-owner.ts';
import type { MicrosoftQuirkChanges } from './quirks.ts';

export type Item = Record<string, unknown> & { id: string };

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown> & {
    id?: string;
    value?: Item[];
    '@odata.etag'?: string;
    '@odata.nextLink'?: string;
    '@odata.deltaLink'?: string;
    error?: { code: string; message: string; innerError?: Record<string, string> };
  };
}

export interface Visit {
  body?: unknown;
  prefer?: string;
  ifMatch?: string;
  headers?: Record<string, string>;
}

export const IMMUTABLE = 'IdType="ImmutableId"';

/** The window of most tests, in which Berlin's clock does not change. */
export const WINDOW = 'startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z';
export const WINDOW_SPAN = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };

export class Graph {
  private constructor(
    readonly sandbox: Sandbox,
    readonly mailbox: MailboxOwner,
    readonly calendar: MicrosoftCalendarOwner,
    public accessToken: string,
  ) {}

  static async open(quirks: MicrosoftQuirkChanges = {}, seed = 1): Promise<Graph> {
    const sandbox = await startSandbox({ seed });
    sandbox.microsoft.setQuirks(quirks);
    const mailbox = sandbox.microsoft.createMailbox({ email: 'noor@example.test', name: 'Noor Haddad' });
    const calendar = mailbox.createCalendar();
    return new Graph(sandbox, mailbox, calendar, mailbox.accessToken());
  }

  close(): Promise<void> {
    return this.sandbox.close();
  }

  setQuirks(changes: MicrosoftQuirkChanges): void {
    this.sandbox.microsoft.setQuirks(changes);
  }

  /** @param target a path behind the version, or a link of an answer */
  async call(method: string, target: string, visit: Visit = {}): Promise<Answer> {
    const url = target.startsWith('http') ? target : `${this.sandbox.microsoftRootUrl}/${target}`;
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${this.accessToken}`,
        ...(visit.prefer === undefined ? {} : { prefer: visit.prefer }),
        ...(visit.ifMatch === undefined ? {} : { 'if-match': visit.ifMatch }),
        ...visit.headers,
      },
      ...(visit.body === undefined ? {} : { body: JSON.stringify(visit.body) }),
    });
    const text = await response.text();
    const body = (text === '' ? {} : JSON.parse(text)) as Answer['body'];
    return { status: response.status, headers: response.headers, body };
  }

  get(target: string, visit: Visit = {}): Promise<Answer> {
    return this.call('GET', target, visit);
  }

  create(body: unknown, visit: Visit = {}): Promise<Answer> {
    return this.call('POST', 'me/events', { ...visit, body });
  }

  event(method: string, id: string, visit: Visit = {}): Promise<Answer> {
    return this.call(method, `me/events/${encodeURIComponent(id)}`, visit);
  }

  /** Walks a whole list. @throws Error for anything but 200, and after too many pages */
  async pages(target: string, visit: Visit = {}, pagesMax = 60): Promise<Answer['body'][]> {
    const pages: Answer['body'][] = [];
    for (let next: string | undefined = target; next !== undefined;) {
      const { status, body } = await this.get(next, visit);
      if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
      pages.push(body);
      if (pages.length > pagesMax) throw new Error('it never ends');
      next = body['@odata.nextLink'];
    }
    return pages;
  }

  /** A whole delta round. @param link of the round before; left out: a first round over November 2026 */
  async round(
    link = `me/calendarView/delta?${WINDOW}`,
    visit: Visit = {},
  ): Promise<{ pages: Answer['body'][]; items: Item[]; deltaLink: string }> {
    const pages = await this.pages(link, visit);
    const items = pages.flatMap((page) => page.value ?? []);
    return { pages, items, deltaLink: pages.at(-1)?.['@odata.deltaLink'] ?? '' };
  }
}

/** A timed event so many hours after 08:00 UTC of Monday, November 2, 2026. */
export function meeting(hour: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  const startMs = Date.parse('2026-11-02T08:00:00Z') + hour * 3_600_000;
  const at = (ms: number): Record<string, string> => ({
    dateTime: new Date(ms).toISOString().slice(0, 19),
    timeZone: 'UTC',
  });
  return { subject: `Meeting ${hour}`, start: at(startMs), end: at(startMs + 1_800_000), ...more };
}

/** A series in Berlin that begins at 09:00 on a day. */
export function series(
  startDate: string,
  pattern: Record<string, unknown>,
  range: Record<string, unknown> = { type: 'noEnd' },
): Record<string, unknown> {
  return {
    subject: 'Series',
    start: { dateTime: `${startDate}T09:00:00`, timeZone: 'Europe/Berlin' },
    end: { dateTime: `${startDate}T10:00:00`, timeZone: 'Europe/Berlin' },
    recurrence: {
      pattern: { interval: 1, ...pattern },
      range: { startDate, recurrenceTimeZone: 'Europe/Berlin', ...range },
    },
  };
}

/** Mondays from November 2, 2026, without an end. */
export const weekly = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...series('2026-11-02', { type: 'weekly', daysOfWeek: ['monday'] }),
  subject: 'Weekly',
  ...more,
});

export const dayOfStart = (item: Record<string, unknown>): string =>
  (item.start as { dateTime: string }).dateTime.slice(0, 10);

export const typesOf = (items: readonly Item[]): unknown[] =>
  items.map((item) => ('@removed' in item ? 'removed' : item.type));
