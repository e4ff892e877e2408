/**
 * The events of one calendar and the order in which they changed.
 *
 * Two orders are kept so that no page ever sorts or copies: by birth (full lists; an event that changes while
 * somebody pages keeps its place) and by last change (deltas; a changed event moves to the end). Nothing is
 * ever removed: ids of deleted events stay burned.
 */
export type EventState =
  /** Exists. */
  | 'live'
  /** A cancelled exception of a living series: it blocks its slot and stays in full lists. */
  | 'cancelled_exception'
  /** Deleted: only deltas and `showDeleted` tell. */
  | 'deleted';

export interface EventFacts {
  id: string;
  state: EventState;
  /** The whole resource, serialised once, so that a page is a concatenation. */
  json: string;
  etag: string;
  seriesId: string | null;
  isSeries: boolean;
  eventType: string;
  /** Of the first occurrence; a series ends at infinity. Milliseconds. */
  startMs: number;
  endMs: number;
  updatedMs: number;
}

export interface StoredEvent extends EventFacts {
  readonly ordinal: number;
  /** Sequence number of its last change, unique in the calendar. */
  seq: number;
}

export class EventLog {
  private readonly byId = new Map<string, StoredEvent>();
  private readonly bySeries = new Map<string, Set<StoredEvent>>();
  private readonly births: StoredEvent[] = [];
  private changes: { seq: number; event: StoredEvent }[] = [];
  private lastSeq = 0;

  /** The sequence number of the latest change; 0 when nothing has happened yet. */
  get seq(): number {
    return this.lastSeq;
  }

  get size(): number {
    return this.births.length;
  }

  get(id: string): StoredEvent | undefined {
    return this.byId.get(id);
  }

  born(ordinal: number): StoredEvent | undefined {
    return this.births[ordinal];
  }

  exceptionsOf(seriesId: string): StoredEvent[] {
    return [...(this.bySeries.get(seriesId) ?? [])];
  }

  /** Writes an event. `quiet` leaves it where it is in the change order: no delta will mention the change. */
  put(facts: EventFacts, options: { quiet?: boolean } = {}): StoredEvent {
    const known = this.byId.get(facts.id);
    const event = known ?? this.give(facts);
    Object.assign(event, facts);
    if (options.quiet !== true || known === undefined) this.append(event);
    return event;
  }

  /** Every event whose last change is later than `seq`, oldest change first, current state. */
  *changedAfter(seq: number): Generator<StoredEvent> {
    for (let i = this.firstAfter(seq); i < this.changes.length; i += 1) {
      const change = this.changes[i];
      if (change !== undefined && change.event.seq === change.seq) yield change.event;
    }
  }

  *all(): Generator<StoredEvent> {
    yield* this.births;
  }

  private give(facts: EventFacts): StoredEvent {
    const event: StoredEvent = { ...facts, ordinal: this.births.length, seq: 0 };
    this.births.push(event);
    this.byId.set(event.id, event);
    if (event.seriesId !== null) {
      const siblings = this.bySeries.get(event.seriesId) ?? new Set();
      this.bySeries.set(event.seriesId, siblings.add(event));
    }
    return event;
  }

  private append(event: StoredEvent): void {
    this.lastSeq += 1;
    event.seq = this.lastSeq;
    this.changes.push({ seq: this.lastSeq, event });
    // Outdated entries are swept when they are the majority, which keeps the cost per change constant.
    if (this.changes.length > 2 * this.births.length + 1000) {
      this.changes = this.changes.filter((change) => change.event.seq === change.seq);
    }
  }

  private firstAfter(seq: number): number {
    let low = 0;
    let high = this.changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.changes[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
