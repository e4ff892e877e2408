import { RecurrenceError } from './recurrence-error.ts';

/** Cuts the lines of a master into property, parameters and value (RFC 5545 §3.1). Reads no values. */

export type RecurrenceProperty = 'RRULE' | 'EXRULE' | 'RDATE' | 'EXDATE';

export interface RecurrenceLine {
  property: RecurrenceProperty;
  /** The TZID parameter, unquoted. */
  tzid: string | null;
  value: string;
  /** All that stands before the value, the colon with it. */
  head: string;
}

/** Blank lines are left out. Throws `unreadable_line`. */
export function readLines(lines: readonly string[]): RecurrenceLine[] {
  return lines.filter((line) => line.trim() !== '').map(readLine);
}

function readLine(text: string): RecurrenceLine {
  // Folding (§3.1) is undone, since copies of .ics files come with it.
  const line = text.replaceAll(/\r?\n[ \t]/g, '').trim();
  const match = /^([A-Za-z]+)((?:;[^=;:"]+=(?:"[^"]*"|[^";:]*))*):(.*)$/.exec(line);
  const property = propertyOf(match?.[1] ?? '');
  if (!match || !property) throw new RecurrenceError('unreadable_line', 'unreadable recurrence line');
  const tzid = /;TZID=(?:"([^"]*)"|([^";:]*))/i.exec(match[2] ?? '');
  const value = match[3] ?? '';
  const head = line.slice(0, line.length - value.length);
  return { property, tzid: tzid?.[1] ?? tzid?.[2] ?? null, value, head };
}

function propertyOf(name: string): RecurrenceProperty | null {
  const upper = name.toUpperCase();
  return upper === 'RRULE' || upper === 'EXRULE' || upper === 'RDATE' || upper === 'EXDATE' ? upper : null;
}
