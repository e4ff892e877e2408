/**
 * A provider's side of the world, in memory and under control: calendars, events, channels, habits and faults.
 * Deterministic and without timers, so that a model test can replay any history from its seed.
 */
import { slotOf } from '@calfleet/domain';
import type { EventFields, EventTime, RemoteCalendar, RemoteItem } from '@calfleet/domain';
import { MemoryFaults, type MemoryFault } from './faults.ts';
import { deletedItem, eventItem, unreadableItem } from './items.ts';
import { MemoryLog, type EntryFacts } from './log.ts';

export interface MemoryCalendar extends RemoteCalendar {
  /** The only account that sees it; null: every account. */
  accountId: string | null;
  refusesPush: boolean;
  /** Raised to make every cursor (page cursor) of the calendar a dead one. */
  cursorEpoch: number;
  pageEpoch: number;
  log: MemoryLog;
}

export interface MemoryEvent {
  /** For exceptions it may be left out: `{series}_{slot}`. */
  id?: string;
  /** Everything but the two bounds has a default. */
  fields: Partial<EventFields> & Pick<EventFields, 'start' | 'end'>;
  exceptionOf?: { seriesId: string; originalStart: EventTime };
  /** The creation that it came of. */
  writeId?: string | null;
  /** When it was last changed, as far as its owner's clock knows. */
  updatedAt?: string | null;
}

/** Legal but awkward habits. Every one keeps the port's text. */
export interface MemoryQuirks {
  pageSizeMax: number;
  /** Pages of a round, counted from 1, that hold nothing and are not the last. */
  emptyPagesAt: number[];
  /** Newest first: exceptions precede their series. */
  newestFirst: boolean;
  /** Later pages repeat an item of the page before; changed items come twice, the outdated form first. */
  repeats: boolean;
  /** Changes made during a round also appear in its later pages. They are in the next round either way. */
  changesJoinRounds: boolean;
  /** Deleted items carry nothing but their id. */
  bareTombstones: boolean;
  /** A deleted series also names its exceptions. */
  seriesDeleteFansOut: boolean;
  /** What clients write is stored in other words, see rewriting.ts. */
  rewritesTexts: boolean;
}

export interface MemoryChannel {
  watchId: string;
  providerCalendarId: string;
  resourceId: string;
  address: string;
  token: string;
  expiresAt: string;
}

export interface MemoryNotification extends MemoryChannel {
  state: 'sync' | 'exists';
  messageNumber: number;
}

export interface MemoryCloudOptions {
  quirks?: Partial<MemoryQuirks>;
  /** Called during the change or the watch call itself; dropping and delaying is the listener's. */
  onNotification?: (notification: MemoryNotification) => void;
}

export class MemoryCloud {
  readonly calendars = new Map<string, MemoryCalendar>();
  readonly channels = new Map<string, MemoryChannel>();
  readonly faults = new MemoryFaults();
  /** Access tokens that are answered as Google answers with 401. */
  readonly refusedTokens = new Set<string>();
  /** Refresh tokens whose grant is dead. */
  readonly revokedGrants = new Set<string>();
  readonly quirks: MemoryQuirks;
  private readonly onNotification: (notification: MemoryNotification) => void;
  private messages = 0;

  constructor(options: MemoryCloudOptions = {}) {
    this.quirks = {
      pageSizeMax: 2500,
      emptyPagesAt: [],
      newestFirst: false,
      repeats: false,
      changesJoinRounds: true,
      bareTombstones: false,
      seriesDeleteFansOut: false,
      rewritesTexts: false,
      ...options.quirks,
    };
    this.onNotification = options.onNotification ?? (() => undefined);
  }

  createCalendar(calendar: { providerCalendarId: string } & Partial<Omit<MemoryCalendar, 'log'>>): void {
    this.calendars.set(calendar.providerCalendarId, {
      name: calendar.providerCalendarId,
      timeZone: 'UTC',
      accessRole: 'owner',
      primary: false,
      removed: false,
      accountId: null,
      refusesPush: false,
      cursorEpoch: 0,
      pageEpoch: 0,
      ...calendar,
      log: new MemoryLog(),
    });
  }

  /** Deleted or no longer shared: every question about it is answered `remote_missing`. */
  removeCalendar(providerCalendarId: string): void {
    this.calendars.delete(providerCalendarId);
  }

  /** Creates, replaces or revives an event. @returns its version. */
  put(providerCalendarId: string, event: MemoryEvent): string {
    const { log } = this.calendar(providerCalendarId);
    const slot = event.exceptionOf ? slotOf(event.exceptionOf.originalStart) : null;
    const seriesId = event.exceptionOf?.seriesId ?? null;
    const id = event.id ?? (seriesId === null ? undefined : `${seriesId}_${slot}`);
    if (id === undefined) throw new Error('an event that is no exception needs an id');
    if (log.get(id)?.state === 'deleted') this.nameLostOccurrences(log, id);
    // A series that comes back under its old id says of its old exceptions that they are gone: else nobody could know.
    if (log.get(id)?.state === 'deleted') log.goneOf(id).forEach((gone) => log.put(gone));
    const version = `"${log.seq + 1}"`;
    this.record(providerCalendarId, {
      id,
      state: 'live',
      seriesId,
      item: eventItem({ ...event, id }, version),
    });
    return version;
  }

  /** Changes fields of a live event. @returns its new version. */
  patch(providerCalendarId: string, id: string, changes: Partial<EventFields>): string {
    const item = this.calendar(providerCalendarId).log.get(id)?.item;
    if (item?.type !== 'event') throw new Error(`no live event ${id}`);
    const { fields, exceptionOf, writeId } = item.event;
    return this.put(providerCalendarId, {
      id,
      writeId,
      fields: { ...fields, ...changes },
      ...(exceptionOf && {
        exceptionOf: { seriesId: exceptionOf.providerSeriesId, originalStart: exceptionOf.originalStart },
      }),
    });
  }

  /** Deletes an event. A deleted series takes its exceptions along; a deleted exception cancels its occurrence. */
  remove(providerCalendarId: string, id: string): void {
    const { log } = this.calendar(providerCalendarId);
    const entry = log.get(id);
    if (!entry || entry.state === 'deleted') throw new Error(`no live event ${id}`);
    const exceptionOf = entry.item.type === 'event' ? entry.item.event.exceptionOf : null;
    if (exceptionOf !== null && log.get(exceptionOf.providerSeriesId)?.state === 'live') {
      const { providerSeriesId: seriesId, originalStart } = exceptionOf;
      this.cancelOccurrence(providerCalendarId, { id, seriesId, originalStart });
      return;
    }
    for (const occurrence of log.occurrencesOf(id)) {
      occurrence.state = 'deleted';
      occurrence.item = deletedItem(occurrence.id, null, this.tombstoneVersion(log));
      if (this.quirks.seriesDeleteFansOut) log.put(occurrence);
    }
    const item = deletedItem(id, null, this.tombstoneVersion(log));
    this.record(providerCalendarId, { id, state: 'deleted', seriesId: entry.seriesId, item });
  }

  /** One occurrence of a living series no longer takes place. The id defaults to `{series}_{slot}`. */
  cancelOccurrence(
    providerCalendarId: string,
    which: { id?: string; seriesId: string; originalStart: EventTime },
  ): void {
    const { log } = this.calendar(providerCalendarId);
    const { seriesId, originalStart } = which;
    const slot = slotOf(originalStart);
    const id = which.id ?? `${seriesId}_${slot}`;
    const item = deletedItem(
      id,
      { providerSeriesId: seriesId, slot, originalStart },
      this.tombstoneVersion(log),
    );
    this.record(providerCalendarId, { id, state: 'cancelled_occurrence', seriesId, item });
  }

  /** An item that makes no sense. */
  putUnreadable(providerCalendarId: string, item: { id: string; reason: string }): void {
    const unreadable = unreadableItem(item.id, item.reason);
    this.record(providerCalendarId, { id: item.id, state: 'live', seriesId: null, item: unreadable });
  }

  expireCursors(providerCalendarId: string): void {
    this.calendar(providerCalendarId).cursorEpoch += 1;
  }

  expirePageCursors(providerCalendarId: string): void {
    this.calendar(providerCalendarId).pageEpoch += 1;
  }

  fail(fault: MemoryFault): void {
    this.faults.add(fault);
  }

  /** What a full round shows when nothing goes wrong, sorted by id: the state that a mirror has to reach. */
  truth(providerCalendarId: string): RemoteItem[] {
    const shown = this.calendar(providerCalendarId).log.births.filter((entry) => entry.state !== 'deleted');
    return shown.sort((a, b) => (a.id < b.id ? -1 : 1)).map((entry) => entry.item);
  }

  notify(channel: MemoryChannel, state: MemoryNotification['state']): void {
    this.messages += 1;
    this.onNotification({ ...channel, state, messageNumber: this.messages });
  }

  private calendar(providerCalendarId: string): MemoryCalendar {
    const calendar = this.calendars.get(providerCalendarId);
    if (!calendar) throw new Error(`no calendar ${providerCalendarId}`);
    return calendar;
  }

  /** A revived series comes back without its exceptions: whoever missed its deletion has to be told. */
  private nameLostOccurrences(log: MemoryLog, seriesId: string): void {
    const lost = log.births.filter((entry) => entry.seriesId === seriesId && entry.state === 'deleted');
    for (const entry of lost) log.put(entry);
  }

  private tombstoneVersion(log: MemoryLog): string | null {
    return this.quirks.bareTombstones ? null : `"${log.seq + 1}"`;
  }

  private record(providerCalendarId: string, facts: EntryFacts): void {
    this.calendar(providerCalendarId).log.put(facts);
    for (const channel of this.channels.values()) {
      if (channel.providerCalendarId === providerCalendarId) this.notify(channel, 'exists');
    }
  }
}
