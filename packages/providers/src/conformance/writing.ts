/** Writing the way an engine does: as somebody who knows what stood there, and reads again to see what came of it. */
import {
  slotOf,
  type Attendee,
  type EventFields,
  type EventPatch,
  type EventTime,
  type RemoteEvent,
  type RemoteItem,
  type SeriesSlot,
  type WritableFields,
} from '@calfleet/domain';
import { at } from './events.ts';
import type { ProviderHarness } from './harness.ts';
import { slotsOf } from './items.ts';
import { idOf, readRound, window } from './round.ts';

/** Zone of the calendars that cases write to. */
export const calendarTimeZone = 'Europe/Berlin';

export const writeId = '0193a000-0000-7000-8000-000000000001';

export const fieldsOf = (changes: Partial<WritableFields> = {}): WritableFields => ({
  status: 'confirmed',
  summary: 'planning',
  description: 'what to plan',
  location: 'room 1',
  start: at('2026-11-23T09:00:00Z'),
  end: at('2026-11-23T10:00:00Z'),
  recurrence: [],
  attendees: [],
  visibility: 'default',
  transparency: 'opaque',
  ...changes,
});

export const guest = (email: string, changes: Partial<Attendee> = {}): Attendee => ({
  email,
  name: null,
  response: 'needs_action',
  optional: false,
  organizer: false,
  self: false,
  resource: false,
  ...changes,
});

/** What cases say of an attendee; the rest is the provider's to say. */
export const answersOf = ({ attendees }: Pick<EventFields, 'attendees'>) =>
  attendees.map(({ email, response, optional }) => ({ email, response, optional }));

/** What a caller may set, but for the lines of a series, which providers write in their own way. */
export function saidBy(fields: EventFields) {
  const { status, summary, description, location, start, end, visibility, transparency } = fields;
  const plain = { status, summary, description, location, start, end, visibility, transparency };
  return { ...plain, attendees: answersOf(fields) };
}

/** One calendar in the hands of an engine. */
export class Desk {
  constructor(
    private readonly harness: ProviderHarness,
    readonly calendarId: string,
  ) {}

  create(fields: WritableFields, id = writeId): Promise<RemoteItem> {
    return this.harness.provider.createEvent(this.harness.session(), { ...this.where, writeId: id, fields });
  }

  /** A creation that ends in a living event. */
  async created(fields: WritableFields, id = writeId): Promise<RemoteEvent> {
    return eventIn(await this.create(fields, id));
  }

  /** Changes what was read. */
  update(known: RemoteEvent, patch: EventPatch): Promise<RemoteEvent> {
    const { providerEventId, providerVersion } = known;
    const whole = { ...known.fields, ...patch };
    const request = { ...this.where, event: { providerEventId }, providerVersion, patch, whole };
    return this.harness.provider.updateEvent(this.harness.session(), request);
  }

  delete({ providerEventId, providerVersion }: RemoteEvent): Promise<void> {
    const request = { ...this.where, event: { providerEventId }, providerVersion };
    return this.harness.provider.deleteEvent(this.harness.session(), request);
  }

  /** Changes an occurrence that shows what its series shows, as far as the caller knows. */
  updateAt(series: RemoteEvent, originalStart: EventTime, patch: EventPatch): Promise<RemoteEvent> {
    const whole = { ...series.fields, recurrence: [], ...patch };
    const event = { occurrence: slotIn(series, originalStart) };
    const request = { ...this.where, event, providerVersion: null, patch, whole };
    return this.harness.provider.updateEvent(this.harness.session(), request);
  }

  deleteAt(series: RemoteEvent, originalStart: EventTime): Promise<void> {
    const event = { occurrence: slotIn(series, originalStart) };
    return this.harness.provider.deleteEvent(this.harness.session(), {
      ...this.where,
      event,
      providerVersion: null,
    });
  }

  /** As it is now; undefined when the provider knows nothing of it. */
  async read(providerEventId: string): Promise<RemoteItem | undefined> {
    const request = { ...this.where, events: [providerEventId], series: [], window };
    const items = await this.harness.provider.readEvents(this.harness.session(), request);
    return items.find((item) => idOf(item) === providerEventId);
  }

  /** The living event of an id, as it is now. */
  async readEvent(providerEventId: string): Promise<RemoteEvent> {
    return eventIn(await this.read(providerEventId));
  }

  /** A living event by what cases call it. */
  readNamed(name: string): Promise<RemoteEvent> {
    return this.readEvent(this.harness.cloud.idOf(this.calendarId, name));
  }

  /** The events of a full round. */
  async list(): Promise<RemoteEvent[]> {
    return (await this.items()).flatMap((item) => (item.type === 'event' ? [item.event] : []));
  }

  /** The slots of a series that take place, as a full round has them. */
  async slots({ providerEventId }: RemoteEvent): Promise<string[]> {
    const items = await this.items();
    const placed = items.flatMap((item) => {
      if (item.type === 'instance') return item.providerSeriesId === providerEventId ? [item.slot] : [];
      return item.type === 'event' ? slotUnder(providerEventId, item.event.exceptionOf) : [];
    });
    if (this.harness.provider.windowed) return placed.sort();
    const cancelled = items.flatMap((item) =>
      item.type === 'deleted' ? slotUnder(providerEventId, item.exceptionOf) : [],
    );
    const { fields } = await this.readEvent(providerEventId);
    return slotsOf(fields).filter((slot) => !cancelled.includes(slot));
  }

  private async items(): Promise<RemoteItem[]> {
    const { items } = await readRound(this.harness, this.calendarId, { calendarTimeZone });
    return [...items.values()];
  }

  private get where() {
    return { providerCalendarId: this.calendarId, calendarTimeZone };
  }
}

const slotUnder = (seriesId: string, exceptionOf: SeriesSlot | null): string[] =>
  exceptionOf?.providerSeriesId === seriesId ? [exceptionOf.slot] : [];

export function eventIn(item: RemoteItem | undefined): RemoteEvent {
  if (item?.type === 'event') return item.event;
  throw new Error(`${item?.type ?? 'nothing'} instead of an event`);
}

const slotIn = (series: RemoteEvent, originalStart: EventTime): SeriesSlot => ({
  providerSeriesId: series.providerEventId,
  slot: slotOf(originalStart),
  originalStart,
});
