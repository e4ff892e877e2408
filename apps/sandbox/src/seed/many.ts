/** Bulk data for benches: as many plausible events as asked for, the same ones for the same seed. */
import type { EventBody } from '../control/calendar-owner.ts';
import { Random } from '../random.ts';

const DAY_MS = 86_400_000;
const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Africa/Cairo', 'Europe/London'];
const subjects = [
  'Review',
  'Standup',
  'Interview',
  'Lunch',
  'Planning',
  'Call',
  'Workshop',
  'Focus',
  'Handover',
];
const topics = [
  'Atlas',
  'Borealis',
  'Cobalt',
  'Delta',
  'Ember',
  'Fjord',
  'Garnet',
  'Harbour',
  'Indigo',
  'Juniper',
];
const rules = [
  'FREQ=WEEKLY;COUNT=20',
  'FREQ=DAILY;COUNT=30',
  'FREQ=MONTHLY;COUNT=12',
  'FREQ=WEEKLY;BYDAY=TU,TH',
];

export interface ManyOptions {
  events: number;
  seed: number;
  /** They spread over a year before and after. */
  now: Date;
  /** Share of series, 0 to 1. Default 0.02. */
  seriesShare?: number;
}

export function manyEvents(options: ManyOptions): EventBody[] {
  const random = new Random(options.seed).fork('many');
  return Array.from({ length: options.events }, () => oneEvent(random, options));
}

function oneEvent(random: Random, { now, seriesShare }: ManyOptions): EventBody {
  const summary = `${random.pick(subjects)} ${random.pick(topics)} ${random.between(1, 999)}`;
  const dayMs = Math.floor(now.getTime() / DAY_MS) * DAY_MS + random.between(-365, 365) * DAY_MS;
  const id = random.word(26);
  if (random.chance(0.08)) {
    const days = random.between(1, 3);
    return { id, summary, start: { date: isoDate(dayMs) }, end: { date: isoDate(dayMs + days * DAY_MS) } };
  }
  const timeZone = random.pick(zones);
  const startMs = dayMs + random.between(7, 18) * 3_600_000 + random.between(0, 3) * 900_000;
  const endMs = startMs + random.between(1, 6) * 900_000;
  const recurrence = random.chance(seriesShare ?? 0.02)
    ? { recurrence: [`RRULE:${random.pick(rules)}`] }
    : {};
  const start = { dateTime: new Date(startMs).toISOString(), timeZone };
  const end = { dateTime: new Date(endMs).toISOString(), timeZone };
  return { id, summary, location: `Room ${random.between(1, 40)}`, start, end, ...recurrence };
}

const isoDate = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
