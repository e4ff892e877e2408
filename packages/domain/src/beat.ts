/**
 * When a calendar is looked at again although nobody rang. One function for both who ask: the end of a pull, and a user
 * who changes preferences.
 */
import { isWorking, nextOpening, type WorkingHours } from './working-hours.ts';
import type { ZoneTable } from './zones.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './zones-wall.ts';

/**
 * What a dropped notification costs at most on a calendar that moves is the 20 minutes of incremental-pull. A pull ends
 * a little after its tick, so its next one is due a little before the next tick: else every second tick would miss it.
 */
export const beatMs = 18 * MINUTE_MS;
/** A frequency of the user's own is met for the same reason a tenth early, as 18 minutes are of 20. */
const earlyShare = 0.9;
/** A push-covered calendar on which looks of our own never find anything is looked at four times a day. */
const stretchedMaxMs = 6 * HOUR_MS;
/** Outside working hours nobody waits for the mirror: what was missed shows up within this. */
const nightMs = 4 * HOUR_MS;
/** Those who begin at nine are looked at in the ten minutes before, each calendar at its own moment. */
const openingSpreadMs = 10 * MINUTE_MS;
/** Whatever else is said, nothing goes unseen for longer. */
const longestMs = DAY_MS;

/** What a user wants of the beat. */
export interface BeatPreferences {
  autoSync: boolean;
  /** 5–1440; counts with `autoSync` alone. */
  frequencyMinutes: number;
  /** null: always. */
  workingHours: WorkingHours | null;
}

export interface LastPull {
  calendarId: string;
  at: Date;
  coverage: 'push' | 'poll' | 'none';
  /** Looks of our own accord in a row that found nothing. */
  quietPolls: number;
  preferences: BeatPreferences | null;
}

/** After `at`, and at most 24 h after it. */
export function nextPullAt(zones: ZoneTable, pull: LastPull): Date {
  const { at, preferences } = pull;
  const due = at.getTime() + Math.min(beatOf(pull), longestMs);
  const hours = preferences?.workingHours;
  return new Date(hours ? outsideHours(zones, pull, { hours, due }) : due);
}

/** Push-covered quiet calendars stretch: 18 min, 36, 72 … to 6 h. Poll-only ones keep their beat. */
function beatOf({ coverage, quietPolls, preferences }: LastPull): number {
  const frequencyMs = preferences?.autoSync ? preferences.frequencyMinutes * MINUTE_MS : 0;
  const steadyMs = frequencyMs > 0 ? Math.round(frequencyMs * earlyShare) : beatMs;
  if (coverage !== 'push') return steadyMs;
  return Math.min(Math.max(stretchedMaxMs, frequencyMs), steadyMs * 2 ** Math.min(quietPolls, 10));
}

/** The night beat: wider, but looked at once before the next opening. Inside the hours `due` stays as it is. */
function outsideHours(
  zones: ZoneTable,
  { at, calendarId }: LastPull,
  { hours, due }: { hours: WorkingHours; due: number },
): number {
  // A zone that this process does not know, however it came into the row, must not stop the pull.
  if (!zones.isKnown(hours.timeZone)) return due;
  const earlyMs = spreadOf(calendarId);
  // This calendar's hours begin early, else its look before the opening would be followed by a night.
  const early = new Date(at.getTime() + earlyMs);
  if (isWorking(zones, hours, at) || isWorking(zones, hours, early)) return due;
  const opening = nextOpening(zones, hours, early).getTime() - earlyMs;
  return Math.min(Math.max(due, at.getTime() + nightMs), opening, at.getTime() + longestMs);
}

/** The same calendar always has the same moment: the end of its id is random enough. */
const spreadOf = (id: string): number =>
  Math.floor(((Number.parseInt(id.slice(-4), 16) || 0) / 0x10000) * openingSpreadMs);
