/** What a delta says about one event or series: whole, bare, removed, or nothing. */
import type { Round } from './delta-page.ts';
import { instanceId, overlaps, type Instance, type StoredItem } from './item.ts';
import { headOf, instancesIn } from './series.ts';
import {
  DELTA_TYPE,
  showBare,
  showEvent,
  showPartial,
  typed,
  viewKey,
  type ShownEvent,
  type View,
} from './shown.ts';
import type { MicrosoftWorld } from './world.ts';

interface Context {
  round: Round;
  view: View;
}

/** @returns serialised items, in order. */
export function fragmentsOf(world: MicrosoftWorld, item: StoredItem, context: Context): string[] {
  if (item.state !== 'live') return goneFragments(world, item, context);
  if (isKeptAway(world, item, context)) return [];
  if (item.series === null) {
    if (overlaps(item.span, context.round)) return [wholeOf(world, item, context.view)];
    return outsideFragments(world, item, context);
  }
  const instances = [...instancesIn(world.zones, item, context.round)];
  if (instances.length === 0) return outsideFragments(world, item, context);
  return seriesFragments(world, item, { ...context, instances });
}

function goneFragments(world: MicrosoftWorld, item: StoredItem, context: Context): string[] {
  const { round, view } = context;
  // Nobody of this round has heard of it.
  if (round.since === null || item.isMissed) return [];
  if (item.state === 'moved' && view.immutableIds && isBack(world, item, round)) {
    return world.quirks.returnedItemsStayRemoved ? [removed(item.immutableId)] : [];
  }
  const isInside = overlaps(item.span, round);
  if (!isInside) return outsideFragments(world, item, context);
  const ids = [view.immutableIds ? item.immutableId : item.id];
  const { removedSeries } = world.quirks;
  if (item.series === null || removedSeries === 'master') return ids.map(removed);
  const instances = [...instancesIn(world.zones, item, round)].map((instance) =>
    instanceId(instance, { immutable: view.immutableIds }),
  );
  return (removedSeries === 'both' ? [...ids, ...instances] : instances).map(removed);
}

/** A change outside the window looks like a deletion; one that leads out of it always does. */
function outsideFragments(world: MicrosoftWorld, item: StoredItem, { round, view }: Context): string[] {
  const { since } = round;
  if (since === null) return [];
  // Of a series the whole stretch counts, or the deletion of its only occurrence in the window would show nowhere.
  const wasInside =
    (item.series !== null && overlaps(item.span, round)) ||
    item.pastSpans.some((past) => past.untilSeq > since && overlaps(past, round));
  if (!wasInside && !world.quirks.outOfWindowRemoved) return [];
  return [removed(view.immutableIds ? item.immutableId : item.id)];
}

function seriesFragments(
  world: MicrosoftWorld,
  item: StoredItem,
  { round, view, instances }: Context & { instances: Instance[] },
): string[] {
  const { deltaMasters, seriesEmission } = world.quirks;
  const master = deltaMasters === 'present' ? [wholeOf(world, item, view)] : [];
  const days = seriesEmission === 'changed' ? changedDays(item, round) : null;
  if (days === null) return [...master, ...instances.map((instance) => instanceText(world, instance, view))];
  const changed = instances.filter(({ slot }) => slot !== null && days.has(slot.day));
  // An edit that moved its occurrence out of the window, or deleted it, has to show somewhere.
  const shown = changed.length > 0 || master.length > 0 ? changed : instances.slice(0, 1);
  return [...master, ...shown.map((instance) => instanceText(world, instance, view))];
}

/** @returns null when the series itself has changed, or is new to the round. */
function changedDays({ series }: StoredItem, { since }: Round): Set<number> | null {
  if (series === null || since === null || series.seq > since) return null;
  return new Set([...series.slotSeqs].filter(([, seq]) => seq > since).map(([day]) => day));
}

function instanceText(world: MicrosoftWorld, instance: Instance, view: View): string {
  return JSON.stringify(instanceShown(world, instance, view));
}

function instanceShown(world: MicrosoftWorld, instance: Instance, view: View): ShownEvent {
  if (instance.type === 'occurrence') return showBare(world, instance, view);
  if (world.quirks.deltaExceptions === 'partial') return showPartial(world, instance, view);
  return typed(showEvent(world, instance, view));
}

/** Serialised once for each kind of reader, until the item changes. */
function wholeOf(world: MicrosoftWorld, item: StoredItem, view: View): string {
  const key = viewKey(view);
  if (item.shown?.view === key) return item.shown.text;
  const text = JSON.stringify(typed(showEvent(world, headOf(item), view)));
  item.shown = { view: key, text };
  return text;
}

const removed = (id: string): string =>
  JSON.stringify({ '@odata.type': DELTA_TYPE, id, '@removed': { reason: 'deleted' } });

/** Whether an item that left the folder lies in it again, as far as this round looks. */
function isBack(world: MicrosoftWorld, item: StoredItem, { until }: Round): boolean {
  const current = world.items.get(item.key);
  return (
    current !== undefined &&
    current !== item &&
    current.state === 'live' &&
    current.folder === item.folder &&
    current.seq <= until
  );
}

/** The knob's bug: an item that left and came back since the last round does not come back for its readers. */
function isKeptAway(world: MicrosoftWorld, item: StoredItem, { round, view }: Context): boolean {
  if (!world.quirks.returnedItemsStayRemoved || !view.immutableIds || round.since === null) return false;
  const { since } = round;
  return item.folder.items.some(
    (other) => other.key === item.key && other.state === 'moved' && other.seq > since,
  );
}
