/** Bulk data for benches of Graph: as many plausible events as asked for, the same ones for the same seed. */
import type { MicrosoftEventBody } from '../microsoft/calendar-owner.ts';
import { Random } from '../random.ts';

const DAY_MS = 86_400_000;
const zones = [
  'W. Europe Standard Time',
  'Eastern Standard Time',
  'Tokyo Standard Time',
  'Egypt Standard Time',
  'Europe/London',
];
const subjects = ['Review', 'Standup', 'Interview', 'Lunch', 'Planning', 'Call', 'Workshop', 'Focus'];
const topics = ['Atlas', 'Borealis', 'Cobalt', 'Delta', 'Ember', 'Fjord', 'Garnet', 'Harbour', 'Indigo'];

export interface ManyMicrosoftOptions {
  events: number;
  seed: number;
  /** They spread over so many days before and after. Default 365. */
  now: Date;
  days?: number;
  /** Share of series, 0 to 1. Default 0.02. */
  seriesShare?: number;
}

export function manyMicrosoftEvents(options: ManyMicrosoftOptions): MicrosoftEventBody[] {
  const random = new Random(options.seed).fork('many-microsoft');
  return Array.from({ length: options.events }, () => oneEvent(random, options));
}

function oneEvent(
  random: Random,
  { now, seriesShare, days = 365 }: ManyMicrosoftOptions,
): MicrosoftEventBody {
  const subject = `${random.pick(subjects)} ${random.pick(topics)} ${random.between(1, 999)}`;
  const dayMs = Math.floor(now.getTime() / DAY_MS) * DAY_MS + random.between(-days, days) * DAY_MS;
  const timeZone = random.pick(zones);
  const at = (ms: number): { dateTime: string; timeZone: string } => ({
    dateTime: new Date(ms).toISOString().slice(0, 19),
    timeZone,
  });
  if (random.chance(0.08)) {
    const endMs = dayMs + random.between(1, 3) * DAY_MS;
    return { subject, isAllDay: true, start: at(dayMs), end: at(endMs), showAs: 'free' };
  }
  const startMs = dayMs + random.between(7, 18) * 3_600_000 + random.between(0, 3) * 900_000;
  const endMs = startMs + random.between(1, 6) * 900_000;
  const recurrence = random.chance(seriesShare ?? 0.02)
    ? { recurrence: someRecurrence(random, startMs) }
    : {};
  const location = { displayName: `Room ${random.between(1, 40)}` };
  return { subject, location, start: at(startMs), end: at(endMs), ...recurrence };
}

function someRecurrence(random: Random, startMs: number): Record<string, unknown> {
  const start = new Date(startMs);
  const startDate = start.toISOString().slice(0, 10);
  const weekday = start.toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' }).toLowerCase();
  const numbered = (numberOfOccurrences: number): Record<string, unknown> => ({
    type: 'numbered',
    startDate,
    numberOfOccurrences,
  });
  return random.pick([
    { pattern: { type: 'weekly', interval: 1, daysOfWeek: [weekday] }, range: numbered(20) },
    { pattern: { type: 'daily', interval: 1 }, range: numbered(30) },
    {
      pattern: { type: 'absoluteMonthly', interval: 1, dayOfMonth: start.getUTCDate() },
      range: numbered(12),
    },
    {
      pattern: { type: 'weekly', interval: 2, daysOfWeek: [weekday] },
      range: { type: 'noEnd', startDate },
    },
  ]);
}
