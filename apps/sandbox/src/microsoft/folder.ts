/**
 * A calendar as its owner has it; other mailboxes may show it too, under other ids. It keeps its items in order of
 * birth and its changes in order of happening, so that a page of either costs what the page holds.
 */
import type { StoredItem } from './item.ts';
import type { Mailbox } from './mailbox.ts';

interface Change {
  seq: number;
  atMs: number;
  item: StoredItem;
}

export class Folder {
  name: string;
  color: string;
  changeKey: Buffer;
  /** Raised to make delta links, or the links of unfinished rounds, answer 410. */
  deltaEpoch = 0;
  pageEpoch = 0;
  readonly items: StoredItem[] = [];
  /** The place a reader stopped at, so that the next page of the same view need not count from the start. */
  bookmark: { view: string; skip: number; seq: number; ordinal: number; offset: number } | null = null;
  private changes: Change[] = [];
  private lastSeq = 0;

  constructor(
    readonly id: string,
    readonly owner: Mailbox,
    facts: { name: string; color: string; changeKey: Buffer },
  ) {
    this.name = facts.name;
    this.color = facts.color;
    this.changeKey = facts.changeKey;
  }

  /** The number of the latest change. */
  get seq(): number {
    return this.lastSeq;
  }

  add(item: StoredItem): void {
    this.items.push(item);
  }

  /** Puts the item at the end of the change order. @returns the number of the change. */
  record(item: StoredItem, atMs: number): number {
    this.lastSeq += 1;
    item.seq = this.lastSeq;
    this.changes.push({ seq: this.lastSeq, atMs, item });
    // Outdated entries are swept when they are the majority, which keeps the cost per change constant.
    if (this.changes.length > 2 * this.items.length + 1000) {
      this.changes = this.changes.filter((change) => change.item.seq === change.seq);
    }
    return this.lastSeq;
  }

  /** Every item whose latest change lies in (after, until], oldest change first, current state. */
  *changed(after: number, until: number): Generator<StoredItem> {
    for (let i = this.firstAfter(after); i < this.changes.length; i += 1) {
      const change = this.changes[i];
      if (change === undefined || change.seq > until) return;
      if (change.item.seq === change.seq) yield change.item;
    }
  }

  /** The number of the last change that happened at or before an instant. */
  seqAt(ms: number): number {
    let low = 0;
    let high = this.changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.changes[middle]?.atMs ?? 0) <= ms) low = middle + 1;
      else high = middle;
    }
    const next = this.changes[low];
    return next === undefined ? this.lastSeq : next.seq - 1;
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
