import type { EventTime, Slot } from './times.ts';

export type ProviderName = 'google' | 'microsoft' | 'memory';

export type EventKind = 'single' | 'series' | 'exception';
export type EventStatus = 'confirmed' | 'tentative' | 'cancelled';

export interface Attendee {
  email: string | null;
  name: string | null;
  response: 'needs_action' | 'accepted' | 'declined' | 'tentative';
  optional: boolean;
  organizer: boolean;
  self: boolean;
  resource: boolean;
}

export interface Person {
  email: string | null;
  name: string | null;
  self: boolean;
}

/** What both providers say about an event, in one shape. `null` means "the provider did not say". */
export interface EventFields {
  icalUid: string | null;
  status: EventStatus;
  summary: string | null;
  description: string | null;
  location: string | null;
  start: EventTime;
  /** Exclusive for all-day events. */
  end: EventTime;
  /** RFC 5545 lines (`RRULE:…`, `EXDATE…`, `RDATE…`); empty unless the event is a series. */
  recurrence: string[];
  attendees: Attendee[];
  organizer: Person | null;
  meetingUrl: string | null;
  visibility: 'default' | 'public' | 'private' | 'confidential';
  transparency: 'opaque' | 'transparent';
  /** The provider's own word: `default`, `birthday`, `focusTime`, `outOfOffice`, `workingLocation`, `fromGmail`, … */
  eventType: string;
  htmlLink: string | null;
}

/** Where an exception belongs: its series at the provider and the slot it replaces. */
export interface SeriesSlot {
  providerSeriesId: string;
  slot: Slot;
  originalStart: EventTime;
}

/** A readable event of the provider. */
export interface RemoteEvent {
  providerEventId: string;
  /** etag (Google) or changeKey (Microsoft). Opaque: equal or not, never ordered. */
  providerVersion: string | null;
  kind: EventKind;
  /** Set for exceptions only. */
  exceptionOf: SeriesSlot | null;
  /** The creation that it came of, if that was ours: what {@link EventWriter.createEvent} marked it with. */
  writeId: string | null;
  fields: EventFields;
  /** The provider's own "last changed"; ISO instant. For display, never for decisions. */
  providerUpdatedAt: string | null;
  /** The provider's JSON text of this item, as received but for characters Postgres cannot hold. */
  raw: string;
}

/** One item of a page of changes. */
export type RemoteItem =
  | { type: 'event'; event: RemoteEvent }
  /**
   * The event is gone. With `exceptionOf` it is one occurrence of a series that no longer takes place: the slot
   * stays blocked for as long as the series lives.
   */
  | {
      type: 'deleted';
      providerEventId: string;
      providerVersion: string | null;
      exceptionOf: SeriesSlot | null;
      raw: string;
    }
  /**
   * One occurrence of a series that its provider expands itself (Graph). It shows what its series shows; the slot is
   * where the series' rule put it, and stays when it is moved.
   */
  | {
      type: 'instance';
      providerEventId: string;
      providerSeriesId: string;
      slot: Slot;
      start: EventTime;
      end: EventTime;
    }
  /**
   * Not shown here any more: deleted, moved to another calendar, or outside the window (Graph's `@removed`). A reason
   * to look, and no proof of anything.
   */
  | { type: 'absent'; providerEventId: string }
  /** The item made no sense; it costs its own row at most. */
  | { type: 'unreadable'; providerEventId: string | null; reason: string; raw: string };
