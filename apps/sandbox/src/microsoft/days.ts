/** Calendar days as whole numbers since 1970-01-01: no zone, no clock change. */
export const DAY_MS = 86_400_000;
/** 9999-12-31, the last day that Outlook knows. */
export const LAST_DAY = 2_932_896;

/** @returns undefined unless it is a date that exists, `YYYY-MM-DD`. */
export function parseDay(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const ms = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(ms)) return undefined;
  const day = ms / DAY_MS;
  return isoDay(day) === text ? day : undefined;
}

export const isoDay = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

export const dayOf = (localMs: number): number => Math.floor(localMs / DAY_MS);

/** 0 = Sunday. 1970-01-01 was a Thursday. */
export const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7;

/** Months since January of year 0. */
export function monthOf(day: number): number {
  const at = new Date(day * DAY_MS);
  return at.getUTCFullYear() * 12 + at.getUTCMonth();
}

export const firstDayOf = (month: number): number => Date.UTC(Math.floor(month / 12), month % 12, 1) / DAY_MS;

export const lengthOf = (month: number): number => firstDayOf(month + 1) - firstDayOf(month);
