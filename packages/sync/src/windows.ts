/**
 * Windows. What a calendar promises is its window: there, the mirror equals the provider. From a provider that lists one
 * window we ask for a day more on each side, since it places all-day events in a zone that we cannot know; and what it
 * shows is kept for another day, so that nothing flickers at the edge.
 */
import type { LeasedCalendar, WindowsToMove } from '@calfleet/db';
import type { SyncSettings } from './deps.ts';

type WindowSettings = Pick<SyncSettings, 'pastDays' | 'futureDays'>;

export interface Bounds {
  start: Date;
  end: Date;
}

const dayMs = 86_400_000;
/** A window that does not move by itself opens this much further than it must … */
const slackMs = 30 * dayMs;
/** … and moves on when less than this is left. */
const slackMinMs = 7 * dayMs;
/** Calendars move on over a week, and not all at once. */
const spreadDays = 7;

/** The window that is promised from now on. */
export function windowAt(at: Date, settings: WindowSettings): Bounds {
  const today = Math.floor(at.getTime() / dayMs) * dayMs;
  return {
    start: new Date(today - settings.pastDays * dayMs),
    end: new Date(today + (settings.futureDays + 1) * dayMs),
  };
}

/** The window of a provider that lists one window alone: it opens with slack. */
export function slackWindowAt(at: Date, settings: WindowSettings): Bounds {
  const { start, end } = windowAt(at, settings);
  return { start, end: new Date(end.getTime() + slackMs) };
}

/** A window that cleanup moves is moved when less than two days ahead of the promise are left, so that a tick may fail … */
const reserveDays = 2;
/** … and a week at a time: a seventh of the fleet each night. */
const strideDays = 7;
const aheadDaysMax = reserveDays + strideDays - 1;

const ahead = ({ start, end }: Bounds, days: number): Bounds => ({
  start,
  end: new Date(end.getTime() + days * dayMs),
});

/** The first window of a calendar whose windows cleanup moves: a fleet that is connected in one day moves on over a week. */
export const firstWindowAt = (id: string, at: Date, settings: WindowSettings): Bounds =>
  ahead(windowAt(at, settings), reserveDays + (spreadOf(id) % strideDays));

/** Where cleanup moves a window to. */
export const movedWindowAt = (at: Date, settings: WindowSettings): Bounds =>
  ahead(windowAt(at, settings), aheadDaysMax);

/** Windows that cleanup moves now: those that end before `endsBefore` or after `endsAfter`, or begin after `startsAfter`. */
export function mustMoveAt(at: Date, settings: WindowSettings): WindowsToMove {
  const promised = windowAt(at, settings);
  return {
    endsBefore: ahead(promised, reserveDays).end,
    // The last two: somebody changed the settings.
    endsAfter: ahead(promised, aheadDaysMax).end,
    startsAfter: promised.start,
  };
}

/** Whether a window must move on, so that it still holds what is promised. */
export function mustRoll(
  calendar: Pick<LeasedCalendar, 'id' | 'windowEnd'>,
  at: Date,
  settings: WindowSettings,
): boolean {
  if (!calendar.windowEnd) return false;
  const slack = calendar.windowEnd.getTime() - windowAt(at, settings).end.getTime();
  return slack < slackMinMs + spreadOf(calendar.id) * dayMs;
}

/** Whether what is promised is about to be more than the window holds. */
export const isWindowSpent = (
  { windowEnd }: Pick<LeasedCalendar, 'windowEnd'>,
  at: Date,
  settings: WindowSettings,
): boolean => !windowEnd || windowEnd.getTime() - windowAt(at, settings).end.getTime() < dayMs;

/** The same calendar always moves on at the same slack: its id is random enough. */
const spreadOf = (id: string): number => Number.parseInt(id.slice(-4), 16) % spreadDays;

const widened = ({ start, end }: Bounds, ms: number): Bounds => ({
  start: new Date(start.getTime() - ms),
  end: new Date(end.getTime() + ms),
});

/** What a windowed provider is asked for. */
export const askedOf = (window: Bounds): Bounds => widened(window, dayMs);
/** Where what it shows is kept. */
export const keptOf = (window: Bounds): Bounds => widened(window, 2 * dayMs);
