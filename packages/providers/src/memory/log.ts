/**
 * The events of one calendar in two orders: by birth (full rounds) and by last change (deltas). Nothing is ever taken
 * out, so both orders are arrays whose index is the position, and a page costs what it holds.
 */
import type { RemoteItem } from '@calfleet/domain';

type EntryState =
  | 'live'
  /** One occurrence of a living series that no longer takes place: stays in full rounds and blocks its slot. */
  | 'cancelled_occurrence'
  /** Only deltas tell. */
  | 'deleted';

export interface EntryFacts {
  id: string;
  state: EntryState;
  seriesId: string | null;
  item: RemoteItem;
}

export interface Entry extends EntryFacts {
  /** Sequence number of the last change, counted from 1. */
  seq: number;
  /** What the item was before its last change; null for a new one. */
  before: RemoteItem | null;
}

export class MemoryLog {
  readonly births: Entry[] = [];
  /** Index = sequence number - 1. An entry that changed later stands here too and is outdated: its `seq` differs. */
  readonly changes: Entry[] = [];
  private readonly byId = new Map<string, Entry>();

  get seq(): number {
    return this.changes.length;
  }

  get(id: string): Entry | undefined {
    return this.byId.get(id);
  }

  put({ id, state, seriesId, item }: EntryFacts): void {
    const known = this.byId.get(id);
    const seq = this.changes.length + 1;
    const entry = Object.assign(known ?? {}, { id, state, seriesId, item, seq, before: known?.item ?? null });
    if (!known) {
      this.births.push(entry);
      this.byId.set(id, entry);
    }
    this.changes.push(entry);
  }

  /** Exceptions and cancelled occurrences of a series that are not deleted. */
  occurrencesOf(seriesId: string): Entry[] {
    return this.births.filter((entry) => entry.seriesId === seriesId && entry.state !== 'deleted');
  }

  goneOf(seriesId: string): Entry[] {
    return this.births.filter((entry) => entry.seriesId === seriesId && entry.state === 'deleted');
  }
}
