/** One calendar in the hands of its owner, and the levers an operator has on it. */
import { type Writer } from '../google/commit.ts';
import { findEvent, type KnownResource } from '../google/instances.ts';
import { parseResource, readResource } from '../google/resource.ts';
import { deleteEvent, insertEvent, patchEvent, updateEvent, type WriteOptions } from '../google/write.ts';
import type { AccessRole, CalendarEntry } from '../store/calendar.ts';
import type { StoredEvent } from '../store/event-log.ts';
import type { World } from '../store/world.ts';

/** Google-shaped; start and end are needed for a new event. */
export type EventBody = Record<string, unknown>;

export interface CalendarTruth {
  calendarId: string;
  /** Of the latest change. */
  seq: number;
  /** Living events, series and exceptions, and the cancelled exceptions that block a slot of a living series. */
  events: KnownResource[];
}

export interface CalendarChanges {
  summary?: string | undefined;
  timeZone?: string | undefined;
  refusesPush?: boolean | undefined;
  accessRole?: AccessRole | undefined;
  unshared?: boolean | undefined;
}

export class CalendarOwner {
  constructor(
    private readonly world: World,
    private readonly entry: CalendarEntry,
  ) {}

  get id(): string {
    return this.entry.calendar.id;
  }

  get accessRole(): AccessRole {
    return this.entry.accessRole;
  }

  /** @throws GoogleError as the API would. An organizer in the body makes it an invitation by that person. */
  insert(body: EventBody): KnownResource {
    return this.shown(insertEvent(this.writer(), parseResource(body), ownerRights));
  }

  /** Thousands at once; watchers get one notification. @returns the ids, in order. */
  insertMany(bodies: readonly EventBody[]): string[] {
    const writer = this.writer();
    const options = { ...ownerRights, silent: true };
    const ids = bodies.map((body) => insertEvent(writer, parseResource(body), options).id);
    if (ids.length > 0) this.world.changed(this.entry.calendar);
    return ids;
  }

  patch(eventId: string, body: EventBody): KnownResource {
    return this.shown(patchEvent(this.writer(), eventId, parseResource(body), ownerRights));
  }

  update(eventId: string, body: EventBody): KnownResource {
    return this.shown(updateEvent(this.writer(), eventId, parseResource(body), ownerRights));
  }

  /** Deletes an event or a series; with an instance id it cancels that occurrence. */
  delete(eventId: string): void {
    deleteEvent(this.writer(), eventId);
  }

  /** As it is now, cancelled or not; an untouched occurrence too. */
  get(eventId: string): KnownResource | undefined {
    return findEvent(this.world, this.entry.calendar, eventId)?.resource;
  }

  truth(): CalendarTruth {
    const { log } = this.entry.calendar;
    const events: KnownResource[] = [];
    for (const event of log.all()) if (event.state !== 'deleted') events.push(this.shown(event));
    return { calendarId: this.id, seq: log.seq, events };
  }

  /** Sync tokens of this calendar answer 410, for every user. */
  expireSyncTokens(): void {
    this.entry.calendar.syncEpoch += 1;
  }

  /** Page tokens answer 400: a round that has begun cannot be finished. */
  expirePageTokens(): void {
    this.entry.calendar.pageEpoch += 1;
  }

  /** Channels fall silent, without a word to their owners. */
  expireChannels(): void {
    const now = this.world.clock.now();
    for (const channel of this.world.push.channels.all()) {
      if (channel.calendarId === this.id) channel.expiresAtMs = Math.min(channel.expiresAtMs, now);
    }
  }

  /** A change of rights also kills this user's sync tokens; channels stay, as they do at Google. */
  change(changes: CalendarChanges): void {
    const { entry } = this;
    const { calendar } = entry;
    calendar.summary = changes.summary ?? calendar.summary;
    calendar.timeZone = changes.timeZone ?? calendar.timeZone;
    calendar.refusesPush = changes.refusesPush ?? calendar.refusesPush;
    const role = changes.accessRole ?? entry.accessRole;
    const unshared = changes.unshared ?? entry.unshared;
    if (role !== entry.accessRole || unshared !== entry.unshared) entry.syncEpoch += 1;
    entry.accessRole = role;
    entry.unshared = unshared;
  }

  unshare(): void {
    this.change({ unshared: true });
  }

  private writer(): Writer {
    const { calendar } = this.entry;
    return { world: this.world, calendar, email: calendar.ownerEmail };
  }

  private shown(stored: StoredEvent): KnownResource {
    return readResource(stored.json) as KnownResource;
  }
}

const ownerRights: WriteOptions = { keepOrganizer: true, conferenceDataVersion: 1 };
