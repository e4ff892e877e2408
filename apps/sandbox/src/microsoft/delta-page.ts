/**
 * One page of a delta round. A full round walks the folder by birth, later rounds walk its changes, so a page costs
 * what it holds. A series stands on one page whatever size was asked for, unless a knob splits it.
 */
import { fragmentsOf } from './delta-items.ts';
import type { PagePayload } from './delta-tokens.ts';
import type { Folder } from './folder.ts';
import type { StoredItem } from './item.ts';
import type { View } from './shown.ts';
import type { MicrosoftWorld } from './world.ts';

/** A round at one of its pages. */
export type Round = PagePayload;

export interface DeltaPage {
  /** Serialised. */
  items: string[];
  /** What the next page's token changes; null: the round is over. */
  next: Pick<Round, 'at' | 'offset' | 'page' | 'loops'> | null;
}

interface PageRequest {
  round: Round;
  view: View;
  size: number;
}

export function deltaPage(world: MicrosoftWorld, folder: Folder, request: PageRequest): DeltaPage {
  const { round } = request;
  if (isEmpty(world, round)) {
    return { items: [], next: { at: round.at, offset: round.offset, page: round.page + 1, loops: 0 } };
  }
  const page = fill(world, folder, request);
  repeatOne(world, folder, { ...request, items: page.items });
  if (page.items.length > 0 && comesAgain(world, request)) {
    return {
      ...page,
      next: { at: round.at, offset: round.offset, page: round.page, loops: round.loops + 1 },
    };
  }
  return page;
}

function fill(world: MicrosoftWorld, folder: Folder, { round, view, size }: PageRequest): DeltaPage {
  const max = world.whims.chance(world.quirks.oversizedPageRate) ? 2 * size : size;
  const splits = world.quirks.seriesEmission === 'split';
  const items: string[] = [];
  for (const [place, item] of candidates(folder, round)) {
    if (items.length >= max) return { items, next: after(round, place, 0) };
    const fragments = fragmentsOf(world, item, { round, view });
    // The series that the page before broke off; had it changed since, it would stand elsewhere.
    const from = place === round.at ? Math.min(round.offset, fragments.length) : 0;
    if (splits && fragments.length - from > max - items.length) {
      const to = from + max - items.length;
      for (let i = from; i < to; i += 1) items.push(fragments[i] as string);
      return { items, next: after(round, place, to) };
    }
    for (let i = from; i < fragments.length; i += 1) items.push(fragments[i] as string);
  }
  return { items, next: null };
}

const after = (round: Round, at: number, offset: number): DeltaPage['next'] => ({
  at,
  offset,
  page: round.page + 1,
  loops: 0,
});

/** Items from the round's place on, each with the place a next page has to name to begin with it. */
function* candidates(folder: Folder, round: Round): Generator<[place: number, item: StoredItem]> {
  if (round.since !== null) {
    // In a delta the place is the change before the one to go on with.
    for (const item of folder.changed(round.at, round.until)) yield [item.seq - 1, item];
    return;
  }
  for (let ordinal = round.at; ordinal < round.size; ordinal += 1) {
    const item = folder.items[ordinal];
    if (item !== undefined && item.state === 'live' && item.bornSeq <= round.until) yield [ordinal, item];
  }
}

function isEmpty({ quirks, whims }: MicrosoftWorld, { page }: Round): boolean {
  return quirks.emptyPagesAt.includes(page) || whims.chance(quirks.emptyPageRate);
}

/** Puts an item of an earlier page in once more, as it is now. */
function repeatOne(
  world: MicrosoftWorld,
  folder: Folder,
  { round, view, items }: PageRequest & { items: string[] },
): void {
  if (round.page === 1 || !world.whims.chance(world.quirks.duplicateItemRate)) return;
  const start = { ...round, at: round.since ?? 0, offset: 0 };
  for (const [place, item] of candidates(folder, start)) {
    if (place >= round.at) return;
    const [first] = fragmentsOf(world, item, { round, view });
    if (first === undefined || !world.whims.chance(0.5)) continue;
    items.push(first);
    return;
  }
}

function comesAgain({ quirks }: MicrosoftWorld, { round, size }: PageRequest): boolean {
  const loop = quirks.loopingNextLink;
  if (loop === null || round.page !== loop.page || size < loop.pageSizeMin) return false;
  if (loop.times === 'always') return true;
  if (loop.times === 'until_other_size') return round.loops === 0 || round.asked === size;
  return round.loops < loop.times;
}
