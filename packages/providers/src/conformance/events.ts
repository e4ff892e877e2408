/** Events for the cases. */
import type { EventTime } from '@calfleet/domain';
import type { HarnessEvent, ProviderHarness } from './harness.ts';

export const at = (instant: string, zone = 'Europe/Berlin'): EventTime => ({ kind: 'zoned', instant, zone });

export const day = (date: string): EventTime => ({ kind: 'date', date });

export const single = (id: string, fields: Partial<HarnessEvent['fields']> = {}): HarnessEvent => ({
  id,
  fields: {
    summary: `event ${id}`,
    start: at('2026-11-23T09:00:00Z'),
    end: at('2026-11-23T10:00:00Z'),
    ...fields,
  },
});

/** Every Monday from 23 November 2026, 10:00 in Berlin, which is 09:00 UTC until March. */
export const series = (id: string, count = 10): HarnessEvent =>
  single(id, { recurrence: [`RRULE:FREQ=WEEKLY;COUNT=${count}`] });

/** Every day from 23 November 2026. */
export const allDaySeries = (id: string, count = 9): HarnessEvent =>
  single(id, {
    start: day('2026-11-23'),
    end: day('2026-11-24'),
    recurrence: [`RRULE:FREQ=DAILY;COUNT=${count}`],
  });

export const secondMonday = at('2026-11-30T09:00:00Z');
export const thirdMonday = at('2026-12-07T09:00:00Z');

export const exception = (seriesId: string, originalStart: EventTime, summary: string): HarnessEvent => ({
  ...single(`${seriesId}x`, {
    summary,
    start: at('2026-12-01T15:00:00Z'),
    end: at('2026-12-01T16:00:00Z'),
  }),
  exceptionOf: { seriesId, originalStart },
});

/** `count` events `evt0000`, `evt0001`, … @returns their ids. */
export async function fill(harness: ProviderHarness, calendarId: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `evt${String(n).padStart(4, '0')}`);
  for (const id of ids) await harness.cloud.put(calendarId, single(id));
  return ids;
}
