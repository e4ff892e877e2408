/** Dates and times relative to the day of the demo, written as a client would write them. */
import type { EventBody } from '../control/calendar-owner.ts';
import { Zones } from '../zones.ts';

const DAY_MS = 86_400_000;
/** The first day back over which a clock change is looked for; every zone with summer time has one within a year. */
const YEAR_DAYS = 366;

export class DemoDays {
  private readonly todayMs: number;
  private readonly zones = new Zones();

  constructor(now: Date) {
    this.todayMs = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  }

  /** `YYYY-MM-DD`, so many days from today. */
  date(offset: number): string {
    return new Date(this.todayMs + offset * DAY_MS).toISOString().slice(0, 10);
  }

  /** How many days from today the next given weekday is (0 = Sunday), today included. */
  next(weekday: number): number {
    return (weekday - new Date(this.todayMs).getUTCDay() + 7) % 7;
  }

  /** The day of the zone's next clock change, in days from today; 0 in zones without one. */
  clockChange(zone: string): number {
    for (let day = 0; day < YEAR_DAYS; day += 1) {
      const at = this.todayMs + day * DAY_MS;
      if (this.zones.offsetAt(zone, at) !== this.zones.offsetAt(zone, at + DAY_MS)) return day;
    }
    return 0;
  }

  /** Start and end of a timed event, `at` like `09:30`, in the zone's local time. */
  timed(day: number, at: string, minutes: number, timeZone: string): EventBody {
    const startMs = Date.parse(`${this.date(day)}T${at}:00Z`);
    const local = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
    return {
      start: { dateTime: local(startMs), timeZone },
      end: { dateTime: local(startMs + minutes * 60_000), timeZone },
    };
  }

  allDay(day: number, days = 1): EventBody {
    return { start: { date: this.date(day) }, end: { date: this.date(day + days) } };
  }

  /** The id of the occurrence of a timed series on a day, at its local time. */
  instance(seriesId: string, day: number, at: string, timeZone: string): string {
    const ms = this.zones.toInstant(timeZone, Date.parse(`${this.date(day)}T${at}:00Z`));
    return `${seriesId}_${new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  }
}
