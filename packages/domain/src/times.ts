/**
 * When something happens. An all-day bound is a date, a zoned time keeps its zone, a floating time has none (I7).
 * Nothing in here ever falls back to "now".
 */
export type EventTime =
  /** All-day bound: `YYYY-MM-DD`; ends are exclusive. */
  | { kind: 'date'; date: string }
  /** An instant (`YYYY-MM-DDTHH:MM:SSZ`, whole seconds, always UTC) and the IANA zone it was said in (null: unknown). */
  | { kind: 'zoned'; instant: string; zone: string | null }
  /** Wall-clock time without a zone: `YYYY-MM-DDTHH:MM:SS`. */
  | { kind: 'floating'; local: string };

/**
 * The slot of an occurrence inside its series: `YYYYMMDD` for all-day series, `YYYYMMDDTHHMMSSZ` otherwise
 * (floating series: their wall-clock time, with the `Z`). It never changes when the occurrence is moved.
 */
export type Slot = string;

/** The slot that an original start stands for. */
export function slotOf(originalStart: EventTime): Slot {
  switch (originalStart.kind) {
    case 'date':
      return originalStart.date.replaceAll('-', '');
    case 'zoned':
      return compact(originalStart.instant);
    case 'floating':
      return `${compact(originalStart.local)}Z`;
  }
}

/** The original start that a slot stands for; null when the text is no slot. */
export function originalStartOf(slot: string, zone: string | null): EventTime | null {
  const match = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})Z)?$/.exec(slot);
  if (!match) return null;
  const [, year, month, day, hour, minute, second] = match;
  const date = `${year}-${month}-${day}`;
  return hour === undefined
    ? { kind: 'date', date }
    : { kind: 'zoned', instant: `${date}T${hour}:${minute}:${second}Z`, zone };
}

/** An instant as `YYYY-MM-DDTHH:MM:SSZ`: fractions are cut, since no provider orders calendars by them. */
export const instantOf = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

const compact = (text: string): string => text.replaceAll('-', '').replaceAll(':', '');
