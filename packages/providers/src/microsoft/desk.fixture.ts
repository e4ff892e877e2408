/** A calendar in the sandbox to write into through the adapter, and what lists and single reads show of it then. */
import {
  startSandbox,
  type MailboxOwner,
  type MicrosoftCalendarOwner,
  type MicrosoftEventBody,
  type Sandbox,
} from '@calfleet/sandbox';
import { slotOf } from '@calfleet/domain';
import type {
  Attendee,
  EventPatch,
  EventTime,
  ProviderSession,
  RemoteEvent,
  RemoteItem,
  SeriesSlot,
  WritableFields,
  WrittenEvent,
} from '@calfleet/domain';
import { clock, window } from './graph.fixture.ts';
import { createMicrosoftProvider } from './provider.ts';

export const BERLIN = 'Europe/Berlin';

export const at = (instant: string, zone: string | null = BERLIN): EventTime => ({
  kind: 'zoned',
  instant,
  zone,
});
export const day = (date: string): EventTime => ({ kind: 'date', date });

/** Monday, 23 November 2026, 10:00 to 11:00 in Berlin. */
export const fieldsOf = (changes: Partial<WritableFields> = {}): WritableFields => ({
  status: 'confirmed',
  summary: 'standup',
  description: null,
  location: null,
  start: at('2026-11-23T09:00:00Z'),
  end: at('2026-11-23T10:00:00Z'),
  recurrence: [],
  attendees: [],
  visibility: 'default',
  transparency: 'opaque',
  ...changes,
});

export const guest = (email: string, more: Partial<Attendee> = {}): Attendee => ({
  email,
  name: email,
  response: 'needs_action',
  optional: false,
  organizer: false,
  self: false,
  resource: false,
  ...more,
});

export class Desk {
  requests = 0;

  private constructor(
    readonly sandbox: Sandbox,
    readonly ada: MailboxOwner,
    readonly calendar: MicrosoftCalendarOwner,
  ) {}

  static async open(): Promise<Desk> {
    const sandbox = await startSandbox({ time: { realNow: () => clock.now().getTime() } });
    const ada = sandbox.microsoft.createMailbox({ email: 'ada@example.com' });
    return new Desk(sandbox, ada, ada.createCalendar());
  }

  close(): Promise<void> {
    return this.sandbox.close();
  }

  provider(timeoutMs = 5_000) {
    return createMicrosoftProvider({ rootUrl: this.sandbox.microsoftRootUrl, timeoutMs, clock });
  }

  session(): ProviderSession {
    const token = this.ada.accessToken();
    const onRequest = () => {
      this.requests += 1;
    };
    return { accountId: 'account', accessToken: async () => token, onRequest };
  }

  where() {
    return { providerCalendarId: this.calendar.id, calendarTimeZone: BERLIN };
  }

  createItem(fields: WritableFields, writeId = 'write-1', timeoutMs?: number): Promise<RemoteItem> {
    return this.provider(timeoutMs).createEvent(this.session(), { ...this.where(), writeId, fields });
  }

  /** A new event; fails the test when it is something else. */
  async create(changes: Partial<WritableFields> = {}, writeId?: string): Promise<RemoteEvent> {
    return eventOf(await this.createItem(fieldsOf(changes), writeId));
  }

  update(known: RemoteEvent, patch: EventPatch): Promise<RemoteEvent> {
    return this.write({ providerEventId: known.providerEventId }, known.providerVersion, patch, known.fields);
  }

  /** Of an occurrence that nobody has changed, as far as we know. */
  updateSlot(series: RemoteEvent, originalStart: EventTime, patch: EventPatch): Promise<RemoteEvent> {
    const occurrence = slotIn(series, originalStart);
    return this.write({ occurrence }, null, patch, { ...series.fields, recurrence: [] });
  }

  delete(event: WrittenEvent, providerVersion: string | null): Promise<void> {
    return this.provider().deleteEvent(this.session(), { ...this.where(), event, providerVersion });
  }

  /** What was made by hand in Outlook, as the mirror knows it. */
  async plant(body: MicrosoftEventBody): Promise<RemoteEvent> {
    return this.read(this.calendar.create(body).id);
  }

  async read(id: string): Promise<RemoteEvent> {
    const [item] = await this.readItems([id]);
    return eventOf(item);
  }

  readItems(events: string[], series: string[] = []): Promise<RemoteItem[]> {
    return this.provider().readEvents(this.session(), { ...this.where(), events, series, window });
  }

  /** Everything that a list of changes shows. */
  async list(): Promise<RemoteItem[]> {
    const items: RemoteItem[] = [];
    let pageCursor: string | null = null;
    for (let pages = 0; pages < 50; pages += 1) {
      const question = { ...this.where(), cursor: null, pageCursor, window, pageSize: 100 };
      const page = await this.provider().listChanges(this.session(), question);
      items.push(...page.items);
      if (page.nextCursor !== null) return items;
      pageCursor = page.nextPageCursor;
    }
    throw new Error('the round does not end');
  }

  /** What Outlook shows of an event. */
  shown(id: string): Record<string, unknown> {
    return this.calendar.get(id) ?? {};
  }

  /** Asserts that an answer says nothing else than the list and a single read do. */
  async expectEcho(event: RemoteEvent): Promise<void> {
    const withoutRaw = { ...event, raw: null };
    const listed = (await this.list()).find(
      (item) => item.type === 'event' && item.event.providerEventId === event.providerEventId,
    );
    expect({ ...eventOf(listed), raw: null }).toEqual(withoutRaw);
    expect({ ...(await this.read(event.providerEventId)), raw: null }).toEqual(withoutRaw);
  }

  private write(
    event: WrittenEvent,
    providerVersion: string | null,
    patch: EventPatch,
    known: WritableFields,
  ): Promise<RemoteEvent> {
    const whole = { ...known, ...patch };
    const request = { ...this.where(), event, providerVersion, patch, whole };
    return this.provider().updateEvent(this.session(), request);
  }
}

export const slotIn = (series: RemoteEvent, originalStart: EventTime): SeriesSlot => ({
  providerSeriesId: series.providerEventId,
  slot: slotOf(originalStart),
  originalStart,
});

export function eventOf(item: RemoteItem | undefined): RemoteEvent {
  if (item?.type !== 'event') throw new Error(`${item?.type ?? 'nothing'}, not an event`);
  return item.event;
}
