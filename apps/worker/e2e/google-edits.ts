/** What an owner does to a Google calendar, and what goes wrong meanwhile, as values that fast-check can shrink. */
import type { CalendarOwner, EventBody, FaultPlan, QuirkChanges } from '@calfleet/sandbox';
import fc from 'fast-check';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** A day before a change of the clocks in America is as good as any. */
const epoch = Date.parse('2026-11-01T00:00:00Z');

const hour = fc.integer({ min: -24 * 30, max: 24 * 70 });
const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata');
const text = fc.constantFrom('Stand-up', 'שלום', '🎉 party', '', 'nul:\u0000', 'lone:\ud800', 'Review');
/**
 * `@` becomes the weekday of the series' start, `#` its number within the month, `~` the end in the start's own form:
 * what a start means that its own rule does not name is left undefined by RFC 5545 (§3.8.5.3).
 */
const rule = fc.constantFrom(
  'RRULE:FREQ=DAILY;COUNT=5',
  'RRULE:FREQ=DAILY;INTERVAL=3;COUNT=8',
  'RRULE:FREQ=WEEKLY;BYDAY=@,FR',
  'RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4',
  'RRULE:FREQ=MONTHLY;BYDAY=#@',
  'RRULE:FREQ=DAILY;UNTIL=~',
);
/** Which of what is there, as far as there is something. */
const which = fc.nat(30);

export const edit = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('insert' as const), hour, zone, allDay: fc.boolean(), text }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('insert_series' as const),
      hour,
      zone,
      allDay: fc.boolean(),
      rule,
      text,
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('rename' as const), which, text }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('remove' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('move_event' as const),
      which,
      hours: fc.integer({ min: -72, max: 72 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('change_rule' as const), which, rule }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('edit_instance' as const),
      which,
      nth: fc.nat(6),
      moveHours: fc.option(fc.integer({ min: -50, max: 50 })),
      text,
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('cancel_instance' as const), which, nth: fc.nat(6) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('insert_many' as const),
      hour,
      count: fc.integer({ min: 15, max: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('remove_many' as const) }) },
);
export type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

export const quirks: fc.Arbitrary<QuirkChanges> = fc.record({
  pageSizeMax: fc.constantFrom(1, 2, 3, 7, 2_500),
  emptyPageRate: fc.constantFrom(0, 0.3),
  emptyPagesAt: fc.subarray([1, 2, 3]),
  shortPageRate: fc.constantFrom(0, 0.5),
  repeatRate: fc.constantFrom(0, 0.7),
  order: fc.constantFrom('stable' as const, 'reversed' as const, 'shuffled' as const),
  changesJoinRounds: fc.boolean(),
  cancelledInstances: fc.constantFrom(
    'documented' as const,
    'bare' as const,
    'full' as const,
    'mixed' as const,
  ),
  deletedEvents: fc.constantFrom('documented' as const, 'bare' as const, 'full' as const, 'mixed' as const),
  seriesDeleteFansOut: fc.boolean(),
  exceptionsOnSeriesChange: fc.constantFrom('dropped' as const, 'kept' as const),
});

/** What strikes the next list, or the one after some. */
export const fault: fc.Arbitrary<FaultPlan> = fc.record({
  operation: fc.constant('events.list' as const),
  skip: fc.nat(3),
  effect: fc.constantFrom(
    { kind: 'drop_before' as const },
    { kind: 'drop_after' as const },
    { kind: 'torn_body' as const },
    { kind: 'status' as const, status: 410, reason: 'fullSyncRequired' },
    { kind: 'status' as const, status: 429 },
    { kind: 'status' as const, status: 403, reason: 'rateLimitExceeded' },
    { kind: 'status' as const, status: 403, reason: 'quotaExceeded' },
    { kind: 'status' as const, status: 500 },
    { kind: 'status' as const, status: 503, retryAfterSeconds: 30 },
  ),
});

interface Time {
  date?: string | null | undefined;
  dateTime?: string | null | undefined;
  timeZone?: string | null | undefined;
}

/** Edits of what is not there are ignored, as a person's would be. */
export function applyEdit(owner: CalendarOwner, change: Edit): void {
  const live = owner.truth().events.filter(({ status }) => status !== 'cancelled');
  const series = live.filter(({ recurrence }) => (recurrence?.length ?? 0) > 0);
  const pick = <T>(from: readonly T[]): T | undefined =>
    'which' in change && from.length > 0 ? from[change.which % from.length] : undefined;
  switch (change.op) {
    case 'insert':
      owner.insert({ summary: change.text, ...bounds(change) });
      return;
    case 'insert_series':
      insertSeries(owner, change);
      return;
    case 'insert_many':
      owner.insertMany(
        Array.from({ length: change.count }, (_, n) => ({
          summary: `many ${n}`,
          ...bounds({ hour: change.hour + n, zone: 'UTC', allDay: false }),
        })),
      );
      return;
    case 'remove_many':
      for (const { id, summary } of live) if (summary?.startsWith('many')) owner.delete(id);
      return;
    case 'rename': {
      const event = pick(live);
      if (event) owner.patch(event.id, { summary: change.text });
      return;
    }
    case 'remove': {
      const event = pick(live);
      if (event) owner.delete(event.id);
      return;
    }
    case 'move_event': {
      const event = pick(live);
      if (event?.start && event.end) moveEvent(owner, event, change.hours);
      return;
    }
    case 'change_rule': {
      const event = pick(series);
      if (event?.start) owner.patch(event.id, { recurrence: [fitted(change.rule, event.start)] });
      return;
    }
    case 'edit_instance': {
      const instance = instanceOf(owner, pick(series)?.id, change.nth);
      if (!instance?.start || !instance.end) return;
      const moved = change.moveHours === null ? {} : shifted(instance.start, instance.end, change.moveHours);
      owner.patch(instance.id, { summary: change.text, ...moved });
      return;
    }
    case 'cancel_instance': {
      const instance = instanceOf(owner, pick(series)?.id, change.nth);
      if (instance && instance.status !== 'cancelled') owner.delete(instance.id);
      return;
    }
  }
}

function insertSeries(owner: CalendarOwner, change: Extract<Edit, { op: 'insert_series' }>): void {
  const { id, start } = owner.insert({
    summary: change.text,
    ...bounds(change),
    recurrence: ['RRULE:FREQ=DAILY'],
  });
  // The start in the series' own zone is known only now.
  if (start) owner.patch(id, { recurrence: [fitted(change.rule, start)] });
}

/** A series that moves keeps a rule that its new start fits. */
function moveEvent(owner: CalendarOwner, event: ReturnType<CalendarOwner['insert']>, hours: number): void {
  const [line] = event.recurrence ?? [];
  const moved = owner.patch(event.id, {
    ...shifted(event.start ?? {}, event.end ?? {}, hours),
    ...(line?.includes('BYDAY') ? { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=6'] } : {}),
  });
  if (line?.includes('FREQ=WEEKLY;BYDAY') && moved.start) {
    owner.patch(event.id, { recurrence: [fitted('RRULE:FREQ=WEEKLY;BYDAY=@,FR', moved.start)] });
  }
}

function fitted(line: string, start: Time): string {
  const date = start.date ?? start.dateTime?.slice(0, 10) ?? '';
  const weekday = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'][new Date(date).getUTCDay()] ?? '';
  const nth = Math.ceil(Number(date.slice(8)) / 7);
  const until = start.date ? '20261201' : '20261201T000000Z';
  return line.replace('@', weekday).replace('#', String(nth)).replace('~', until);
}

/** The nth day on which the series takes place, if it does in the first weeks: found by asking for each day. */
export function instanceOf(owner: CalendarOwner, seriesId: string | undefined, nth: number) {
  const series = seriesId === undefined ? undefined : owner.get(seriesId);
  if (!series?.start) return undefined;
  const first = Date.parse(series.start.dateTime ?? series.start.date ?? '');
  let seen = -1;
  for (let day = 0; day < 40; day += 1) {
    for (const drift of series.start.date ? [0] : [0, -hourMs, hourMs]) {
      const slot = new Date(first + day * dayMs + drift).toISOString().replaceAll(/[-:]|\.\d+/g, '');
      const found = owner.get(`${series.id}_${series.start.date ? slot.slice(0, 8) : slot}`);
      if (found !== undefined && (seen += 1) === nth) return found;
    }
  }
  return undefined;
}

function bounds({
  hour: hours,
  zone: timeZone,
  allDay,
}: {
  hour: number;
  zone: string;
  allDay: boolean;
}): EventBody {
  const at = epoch + hours * hourMs;
  const date = (ms: number) => ({ date: new Date(ms).toISOString().slice(0, 10) });
  if (allDay) return { start: date(at), end: date(at + dayMs) };
  const time = (ms: number) => ({ dateTime: `${new Date(ms).toISOString().slice(0, 19)}Z`, timeZone });
  return { start: time(at), end: time(at + hourMs) };
}

function shifted(start: Time, end: Time, hours: number): EventBody {
  const move = (time: Time): EventBody => {
    if (time.date) {
      const days = Math.round(hours / 24);
      return {
        date: new Date(Date.parse(time.date) + days * dayMs).toISOString().slice(0, 10),
        dateTime: null,
        timeZone: null,
      };
    }
    const at = Date.parse(time.dateTime ?? '') + hours * hourMs;
    return { dateTime: `${new Date(at).toISOString().slice(0, 19)}Z`, timeZone: time.timeZone, date: null };
  };
  return { start: move(start), end: move(end) };
}
