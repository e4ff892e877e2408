/**
 * Wall-clock time as a number: the milliseconds that a clock on the wall shows since 1970-01-01 00:00, as if it hung
 * in UTC. Arithmetic on it knows no zone and never asks the zone of the host.
 */
export type Wall = number;

/** Days since 1970-01-01; negative before. */
export type Day = number;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

export interface CivilDate {
  year: number;
  /** 1–12 */
  month: number;
  /** 1–31 */
  day: number;
}

/** The day that a date of the proleptic Gregorian calendar stands for. */
export function dayOf({ year, month, day }: CivilDate): Day {
  // Counting years from March puts the leap day last, so no month needs to know about it. 400 years are 146,097 days.
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The date of a day; the inverse of {@link dayOf}. */
export function civilOf(day: Day): CivilDate {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  };
}

/** 28 to 31. */
export const daysInMonth = (year: number, month: number): number =>
  dayOf(month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 }) -
  dayOf({ year, month, day: 1 });

export const dayOfWall = (wall: Wall): Day => Math.floor(wall / DAY_MS);

/**
 * Reads `YYYY-MM-DD`, `YYYY-MM-DDTHH:MM:SS` and their compact RFC 5545 forms. Null for anything else, also for dates
 * that no calendar has (31 February) and for years outside 1–9999.
 */
export function parseWall(text: string): Wall | null {
  const match = /^(\d{4})(-?)(\d{2})\2(\d{2})(?:T(\d{2})(:?)(\d{2})\6(\d{2}))?$/.exec(text);
  if (!match) return null;
  const year = Number(match[1]);
  const month = Number(match[3]);
  const day = Number(match[4]);
  const hour = Number(match[5] ?? 0);
  const minute = Number(match[7] ?? 0);
  // A leap second is read as the second before it (RFC 5545 §3.3.12).
  const second = Math.min(Number(match[8] ?? 0), 59);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  if (hour > 23 || minute > 59 || Number(match[8] ?? 0) > 60) return null;
  return dayOf({ year, month, day }) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
}

/** `YYYY-MM-DDTHH:MM:SS` */
export const wallText = (wall: Wall): string => new Date(wall).toISOString().slice(0, 19);

/** `YYYY-MM-DD` */
export const dateText = (wall: Wall): string => new Date(wall).toISOString().slice(0, 10);
