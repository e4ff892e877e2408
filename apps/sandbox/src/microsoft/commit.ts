/**
 * The only way an event gets into a folder or changes there: every version has its own changeKey, and every change
 * is numbered for delta and told to the subscribers.
 */
import type { EventContent } from './content.ts';
import type { Folder } from './folder.ts';
import { immutableId, normalId } from './ids.ts';
import { instanceId, type Instance, type Series, type StoredItem } from './item.ts';
import type { ChangeType } from './mailbox.ts';
import { spanOf } from './series.ts';
import type { EventTimes } from './times.ts';
import type { MicrosoftWorld } from './world.ts';

/** Spans remembered per item; older ones melt into the oldest, which can only make delta say more. */
const PAST_SPANS_MAX = 8;

export interface Birth {
  folder: Folder;
  content: EventContent;
  times: EventTimes;
  series: Series | null;
  /** Of an item that arrives from another folder. */
  from?: StoredItem;
}

export function addItem(world: MicrosoftWorld, birth: Birth): StoredItem {
  const { folder, content, times, series, from } = birth;
  const nowMs = world.clock.now();
  const key = from?.key ?? world.nextItemKey();
  const moves = from === undefined ? 0 : from.moves + 1;
  const item: StoredItem = {
    key,
    folder,
    ordinal: folder.items.length,
    moves,
    id: normalId({ key, folderId: folder.id, moves }),
    immutableId: immutableId({ key }),
    createdMs: from?.createdMs ?? nowMs,
    content,
    times,
    series,
    span: spanOf({ times, series }),
    pastSpans: [],
    changeKey: world.nextChangeKey(),
    modifiedMs: nowMs,
    state: 'live',
    isMissed: false,
    bornSeq: folder.seq + 1,
    seq: 0,
    shown: null,
  };
  folder.add(item);
  world.items.set(key, item);
  const seq = folder.record(item, nowMs);
  if (series !== null) series.seq = seq;
  return item;
}

/** Which part of an item a change touches: the whole of it, or one slot of a series. */
export type Touched = { day: number } | 'whole';

/** Numbers a change that was made to the item, and gives it a new version. */
export function recordChange(world: MicrosoftWorld, item: StoredItem, touched: Touched): void {
  const nowMs = world.clock.now();
  const past = item.span;
  item.changeKey = world.nextChangeKey();
  item.modifiedMs = nowMs;
  item.shown = null;
  item.span = spanOf(item);
  const seq = item.folder.record(item, nowMs);
  remember(item, { ...past, untilSeq: seq });
  if (item.series === null) return;
  if (touched === 'whole') item.series.seq = seq;
  else item.series.slotSeqs.set(touched.day, seq);
}

/** The item stays as a marker, so that delta can tell. */
export function removeItem(world: MicrosoftWorld, item: StoredItem, state: 'deleted' | 'moved'): void {
  item.state = state;
  item.changeKey = world.nextChangeKey();
  item.modifiedMs = world.clock.now();
  item.shown = null;
  item.isMissed = state === 'deleted' && world.whims.chance(world.quirks.missedDeletionRate);
  item.folder.record(item, world.clock.now());
}

/** Tells the subscribers of the calendar's owner. */
export function announce(world: MicrosoftWorld, instance: Instance, changeType: ChangeType): void {
  const { item } = instance;
  const { folder } = item;
  world.changed({
    mailbox: folder.owner,
    folderId: folder.id,
    isDefaultCalendar: world.defaultCalendar(folder.owner)?.folderId === folder.id,
    eventId: instanceId(instance, { immutable: false }),
    immutableEventId: instanceId(instance, { immutable: true }),
    changeKey: instance.slot?.exception?.changeKey ?? item.changeKey,
    changeType,
  });
}

function remember(item: StoredItem, past: StoredItem['pastSpans'][number]): void {
  const isSame = past.startMs === item.span.startMs && past.endMs === item.span.endMs;
  if (isSame) return;
  item.pastSpans.push(past);
  if (item.pastSpans.length <= PAST_SPANS_MAX) return;
  const [first, second, ...rest] = item.pastSpans;
  if (first === undefined || second === undefined) return;
  const melted = {
    startMs: Math.min(first.startMs, second.startMs),
    endMs: Math.max(first.endMs, second.endMs),
    untilSeq: second.untilSeq,
  };
  item.pastSpans = [melted, ...rest];
}
