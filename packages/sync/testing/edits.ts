/** What an owner does to a calendar, as values that fast-check can shrink. */
import fc from 'fast-check';
import { type EventFields, type EventTime } from '@calfleet/domain';
import type { World } from './world.ts';

const hour = fc.integer({ min: -24 * 40, max: 24 * 80 });
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const series = fc.constantFrom('s', 't', 'u');
const text = fc.constantFrom('Stand-up', 'שלום', '🎉 party', '', 'nul:\u0000', 'lone:\ud800', 'Review');
const rule = fc.constantFrom(
  'RRULE:FREQ=DAILY;COUNT=5',
  'RRULE:FREQ=DAILY;INTERVAL=3',
  'RRULE:FREQ=WEEKLY;COUNT=4',
  'RRULE:FREQ=WEEKLY;INTERVAL=2',
);

export const edit = fc.oneof(
  fc.record({ op: fc.constant('put' as const), id, hour, allDay: fc.boolean(), text }),
  fc.record({ op: fc.constant('put_series' as const), id: series, hour, allDay: fc.boolean(), rule, text }),
  fc.record({ op: fc.constant('rename' as const), id: fc.oneof(id, series), text }),
  fc.record({ op: fc.constant('remove' as const), id: fc.oneof(id, series) }),
  fc.record({
    op: fc.constant('edit_occurrence' as const),
    series,
    nth: fc.nat(6),
    moveHours: fc.integer({ min: -50, max: 50 }),
    text,
  }),
  fc.record({ op: fc.constant('cancel_occurrence' as const), series, nth: fc.nat(6) }),
  fc.record({ op: fc.constant('put_many' as const), count: fc.integer({ min: 20, max: 40 }) }),
  fc.record({ op: fc.constant('remove_many' as const) }),
);
export type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

const epoch = Date.parse('2026-11-20T00:00:00Z');
const hourMs = 3_600_000;

/** Edits of what is not there are ignored, as a person's would be. */
export function applyEdit(world: World, change: Edit): void {
  const { cloud, providerCalendarId: calendar } = world;
  const live = new Map(
    cloud
      .truth(calendar)
      .flatMap((item) => (item.type === 'event' ? [[item.event.providerEventId, item.event]] : [])),
  );
  switch (change.op) {
    case 'put':
      if (live.has(change.id)) return;
      cloud.put(calendar, { id: change.id, fields: { ...bounds(change), summary: clean(change.text) } });
      return;
    case 'put_series':
      // A new rule makes the old exceptions meaningless; owners get there by deleting and beginning anew.
      if (live.has(change.id)) return;
      cloud.put(calendar, {
        id: change.id,
        fields: { ...bounds(change), summary: clean(change.text), recurrence: [change.rule] },
      });
      return;
    case 'rename':
      if (live.has(change.id)) cloud.patch(calendar, change.id, { summary: clean(change.text) });
      return;
    case 'remove':
      if (live.has(change.id)) cloud.remove(calendar, change.id);
      return;
    case 'edit_occurrence': {
      const start = occurrenceStart(live.get(change.series)?.fields, change.nth);
      if (!start) return;
      const moved = shift(
        start,
        start.kind === 'date' ? Math.round(change.moveHours / 24) * 24 : change.moveHours,
      );
      cloud.put(calendar, {
        exceptionOf: { seriesId: change.series, originalStart: start },
        fields: {
          start: moved,
          end: shift(moved, start.kind === 'date' ? 24 : 1),
          summary: clean(change.text),
        },
      });
      return;
    }
    case 'cancel_occurrence': {
      const originalStart = occurrenceStart(live.get(change.series)?.fields, change.nth);
      if (originalStart) cloud.cancelOccurrence(calendar, { seriesId: change.series, originalStart });
      return;
    }
    case 'put_many':
      for (let n = 0; n < change.count; n += 1) {
        const fields = { ...bounds({ hour: n, allDay: false }), summary: `Many ${n}` };
        cloud.put(calendar, { id: `many-${n}`, fields });
      }
      return;
    case 'remove_many':
      for (const name of live.keys()) if (name.startsWith('many-')) cloud.remove(calendar, name);
      return;
  }
}

function bounds({
  hour: hours,
  allDay,
}: {
  hour: number;
  allDay: boolean;
}): Pick<EventFields, 'start' | 'end'> {
  const at = epoch + (allDay ? Math.floor(hours / 24) * 24 : hours) * hourMs;
  const start = timeAt(at, allDay);
  return { start, end: shift(start, allDay ? 24 : 1) };
}

/** The nth slot of a series by its rule: one that really exists. */
export function occurrenceStart(fields: EventFields | undefined, nth: number): EventTime | null {
  if (!fields || fields.recurrence.length === 0) return null;
  const [text = ''] = fields.recurrence;
  const days = Number(/INTERVAL=(\d+)/.exec(text)?.[1] ?? 1) * (text.includes('WEEKLY') ? 7 : 1);
  const count = Number(/COUNT=(\d+)/.exec(text)?.[1] ?? 100);
  return shift(fields.start, (nth % count) * days * 24);
}

export function shift(time: EventTime, hours: number): EventTime {
  const text =
    time.kind === 'date' ? `${time.date}T00:00:00Z` : time.kind === 'zoned' ? time.instant : `${time.local}Z`;
  return timeAt(Date.parse(text) + hours * hourMs, time.kind === 'date');
}

const timeAt = (at: number, allDay: boolean): EventTime => {
  const text = new Date(at).toISOString();
  return allDay
    ? { kind: 'date', date: text.slice(0, 10) }
    : { kind: 'zoned', instant: `${text.slice(0, 19)}Z`, zone: 'UTC' };
};

/** The port promises text that Postgres can hold; adapters see to it, and their own suite shows it. */
const clean = (text: string): string => text.toWellFormed().replaceAll('\u0000', '\ufffd');
