/** An event as it is stored: a single event, or a series with what was changed and deleted among its occurrences. */
import type { EventContent } from './content.ts';
import type { Folder } from './folder.ts';
import { immutableId, normalId } from './ids.ts';
import type { Recurrence } from './recurrence.ts';
import type { EventTimes } from './times.ts';

export interface Span {
  startMs: number;
  /** Infinity for a series without an end. */
  endMs: number;
}

/** An occurrence that was edited. What it does not override is its series'. */
export interface StoredException {
  /** Of its slot, in the recurrence's zone. */
  readonly day: number;
  overrides: Partial<EventContent>;
  /** null: those of its slot. */
  times: EventTimes | null;
  changeKey: Buffer;
  createdMs: number;
  modifiedMs: number;
}

export interface Series {
  recurrence: Recurrence;
  /** Changes with the pattern or the start; ids of occurrences carry it. */
  generation: number;
  /** By the day of the slot. */
  exceptions: Map<number, StoredException>;
  /** Deleted slots. */
  cancelled: Set<number>;
  /** The change number of the latest edit of each slot. */
  slotSeqs: Map<number, number>;
  /** The change number of the latest edit of the series itself. */
  seq: number;
}

/** Where the item stood before a change: delta has to know what a client may have seen. */
export interface PastSpan extends Span {
  /** The change that ended it. */
  untilSeq: number;
}

export interface StoredItem {
  readonly key: number;
  readonly folder: Folder;
  /** Position among the folder's births. */
  readonly ordinal: number;
  readonly moves: number;
  readonly id: string;
  readonly immutableId: string;
  readonly createdMs: number;
  content: EventContent;
  /** Of a series: those of its first occurrence. */
  times: EventTimes;
  series: Series | null;
  span: Span;
  pastSpans: PastSpan[];
  changeKey: Buffer;
  modifiedMs: number;
  /** `moved` and `deleted` items stay as markers for delta. */
  state: 'live' | 'deleted' | 'moved';
  /** Its deletion is never told. */
  isMissed: boolean;
  /** The folder's change number of its arrival and of its latest change. */
  bornSeq: number;
  seq: number;
  /** The latest serialisation, and the view it was made for. */
  shown: { view: string; text: string } | null;
}

/** One event of a calendar view, or the master of a series. */
export interface Instance extends Span {
  item: StoredItem;
  type: 'singleInstance' | 'seriesMaster' | 'occurrence' | 'exception';
  /** Of an occurrence or exception. */
  slot: { day: number; generation: number; exception: StoredException | null; originalMs: number } | null;
}

export function instanceId({ item, slot }: Instance, form: { immutable: boolean }): string {
  if (slot === null) return form.immutable ? item.immutableId : item.id;
  const { day, generation } = slot;
  const identity = { key: item.key, folderId: item.folder.id, moves: item.moves };
  return form.immutable
    ? immutableId(identity, { day, generation })
    : normalId(identity, { day, generation });
}

export const contentOf = ({ item, slot }: Instance): EventContent =>
  slot?.exception ? { ...item.content, ...slot.exception.overrides } : item.content;

export const changeKeyOf = ({ item, slot }: Instance): Buffer => slot?.exception?.changeKey ?? item.changeKey;

/** Zones and kind of its times; the instants themselves are the instance's own. */
export const timesOf = ({ item, slot }: Instance): EventTimes => slot?.exception?.times ?? item.times;

/** Touching is not overlapping, but an event of no length counts where it begins. */
export function overlaps(span: Span, window: Span): boolean {
  if (span.startMs === span.endMs) return span.startMs >= window.startMs && span.startMs < window.endMs;
  return span.startMs < window.endMs && span.endMs > window.startMs;
}
