/** What people do to an Outlook calendar, and what goes wrong meanwhile, as values that fast-check can shrink. */
import type { FaultPlan, MicrosoftEventBody, MicrosoftQuirkChanges } from '@calfleet/sandbox';
import fc from 'fast-check';
import { step } from '../../../packages/sync/testing/model-steps.ts';
import type { GraphCalendars } from './graph-dialect.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const epoch = Date.parse('2026-11-01T00:00:00Z');

/** Far before and far behind the window, too. */
const hour = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -24 * 15, max: 24 * 70 }) },
  { weight: 1, arbitrary: fc.constantFrom(-24 * 400, -24 * 60, 24 * 140, 24 * 700) },
);
/** Both ways of writing a zone. */
const zone = fc.constantFrom('UTC', 'W. Europe Standard Time', 'America/New_York', 'India Standard Time');
const text = fc.constantFrom('Stand-up', 'שלום', '🎉 party', '', 'nul:\u0000', 'lone:\ud800', 'Review');
const pattern = fc.constantFrom<Pattern>(
  { type: 'daily', interval: 1 },
  { type: 'daily', interval: 3 },
  { type: 'weekly', interval: 1 },
  { type: 'weekly', interval: 2 },
  { type: 'absoluteMonthly', interval: 1 },
  { type: 'relativeMonthly', interval: 1 },
);
const range = fc.constantFrom<Range>('noEnd', 'numbered', 'endDate');
/** Which of what is there, as far as there is something. */
const which = fc.nat(30);

interface Pattern {
  type: 'daily' | 'weekly' | 'absoluteMonthly' | 'relativeMonthly';
  interval: number;
}
type Range = 'noEnd' | 'numbered' | 'endDate';

const op = <Name extends string, More extends object>(
  weight: number,
  name: Name,
  more: { [Of in keyof More]: fc.Arbitrary<More[Of]> },
) => step('op', name, weight, more);

export const graphEdit = fc.oneof(
  op(3, 'insert', { hour, zone, allDay: fc.boolean(), text }),
  op(4, 'insert_series', { hour, zone, allDay: fc.boolean(), pattern, range, text }),
  op(2, 'rename', { which, text }),
  op(2, 'remove', { which }),
  op(2, 'move_event', {
    which,
    hours: fc.oneof(fc.integer({ min: -72, max: 72 }), fc.constantFrom(-9600, 9600)),
  }),
  op(2, 'change_pattern', { which, pattern, range }),
  op(1, 'end_series', { which }),
  op(4, 'edit_occurrence', {
    which,
    nth: fc.nat(6),
    moveHours: fc.option(fc.integer({ min: -20, max: 20 })),
    text,
  }),
  op(3, 'delete_occurrence', { which, nth: fc.nat(6) }),
  op(1, 'cancel', { which }),
  op(1, 'cancel_occurrence', { which, nth: fc.nat(6) }),
  op(1, 'move_away', { which }),
  op(1, 'move_back', { which }),
  op(1, 'touch', { which }),
  op(1, 'insert_many', { hour, count: fc.integer({ min: 15, max: 40 }) }),
  op(1, 'remove_many', {}),
);
export type GraphEdit = typeof graphEdit extends fc.Arbitrary<infer T> ? T : never;

export const graphQuirks: fc.Arbitrary<MicrosoftQuirkChanges> = fc.record({
  deltaPageSizeMax: fc.constantFrom(1, 2, 3, 7, 1_000),
  emptyPageRate: fc.constantFrom(0, 0.3),
  emptyPagesAt: fc.subarray([1, 2, 3]),
  oversizedPageRate: fc.constantFrom(0, 0.5),
  duplicateItemRate: fc.constantFrom(0, 0.7),
  loopingNextLink: fc.constantFrom(
    null,
    null,
    { times: 2 },
    { times: 'until_other_size' as const },
    { times: 'always' as const, page: 2 },
  ),
  deltaLagMs: fc.constantFrom(0, 0, 60_000),
  deltaLagRounds: fc.constantFrom(0, 0, 2),
  longLinks: fc.boolean(),
  seriesEmission: fc.constantFrom('whole' as const, 'changed' as const, 'split' as const),
  deltaMasters: fc.constantFrom('present' as const, 'absent' as const),
  deltaExceptions: fc.constantFrom('full' as const, 'partial' as const),
  outOfWindowRemoved: fc.boolean(),
  removedSeries: fc.constantFrom('master' as const, 'instances' as const, 'both' as const),
  deadLinkCode: fc.constantFrom(
    'SyncStateNotFound' as const,
    'syncStateNotFound' as const,
    'InvalidDeltaToken' as const,
  ),
  deadDeltaLinkRate: fc.constantFrom(0, 0.2),
  deadNextLinkRate: fc.constantFrom(0, 0.1),
  serverTouchRate: fc.constantFrom(0, 0.2),
  allDayOriginalStart: fc.constantFrom('instant' as const, 'midnight' as const),
  deletedItemsResolve: fc.boolean(),
});

/** What strikes the next request of its kind, or the one after some. */
export const graphFault: fc.Arbitrary<FaultPlan> = fc.record({
  operation: fc.constantFrom('graph.delta' as const, 'graph.batch' as const),
  skip: fc.nat(3),
  effect: fc.constantFrom(
    { kind: 'drop_before' as const },
    { kind: 'drop_after' as const },
    { kind: 'torn_body' as const },
    { kind: 'status' as const, status: 410, reason: 'SyncStateNotFound' },
    { kind: 'status' as const, status: 429, retryAfterSeconds: 7 },
    { kind: 'status' as const, status: 500 },
    { kind: 'status' as const, status: 504, reason: 'UnknownError', message: '' },
    { kind: 'status' as const, status: 503, retryAfterSeconds: 30 },
  ),
});

/** Edits of what is not there, and edits that Outlook refuses, change nothing. */
export function applyGraphEdit(calendars: GraphCalendars, change: GraphEdit): void {
  ifAllowed(() => applyOrThrow(calendars, change));
}

/** @returns whether Outlook lets its owner do it; else nothing changes */
export function ifAllowed(edit: () => void): boolean {
  try {
    edit();
    return true;
  } catch (error) {
    if (!(error instanceof Error) || !isRefusal(error)) throw error;
    return false;
  }
}

/** The sandbox refuses as Graph does: an occurrence that would cross its neighbour, an all-day event off midnight. */
const isRefusal = (error: Error): boolean => ['GraphError', 'ControlError'].includes(error.constructor.name);

interface Listed {
  id: string;
  seriesId: string | null;
  subject: string | null;
}

/** Everything there is, near and far; each series once. */
function eventsOf({ calendar }: GraphCalendars): { all: string[]; series: string[] } {
  const shown: Listed[] = calendar
    .truth({ start: '2024-01-01T00:00:00Z', end: '2029-01-01T00:00:00Z' })
    .map((each) => ({ id: each.eventId, seriesId: each.seriesMasterId, subject: each.subject }));
  const series = [...new Set(shown.flatMap((each) => each.seriesId ?? []))].sort();
  const singles = shown.filter((each) => each.seriesId === null).map((each) => each.id);
  return { all: [...singles, ...series].sort(), series };
}

function applyOrThrow(calendars: GraphCalendars, change: GraphEdit): void {
  const { calendar, other } = calendars;
  const pick = (from: readonly string[]): string | undefined =>
    'which' in change && from.length > 0 ? from[change.which % from.length] : undefined;
  const { all, series } = eventsOf(calendars);
  const event = pick(all);
  const chosen = pick(series);
  switch (change.op) {
    case 'insert':
      return void calendar.create({ subject: change.text, ...bounds(change) });
    case 'insert_series':
      return void calendar.create({
        subject: change.text,
        ...bounds(change),
        recurrence: recurrenceOf(change),
      });
    case 'insert_many':
      return void calendar.createMany(
        Array.from({ length: change.count }, (_, n) => ({
          subject: `many ${n}`,
          ...bounds({ hour: change.hour + n, zone: 'UTC', allDay: false }),
        })),
      );
    case 'remove_many':
      return all
        .filter((id) => isOneOfMany(calendar.get(id)?.['subject']))
        .forEach((id) => calendar.delete(id));
    case 'rename':
      return void (event && calendar.patch(event, { subject: change.text }));
    case 'remove':
      return void (event && calendar.delete(event));
    case 'move_event':
      return void (event && moveEvent(calendars, event, change.hours));
    case 'change_pattern':
      return void (chosen && changePattern(calendars, chosen, change));
    case 'end_series':
      return void (chosen && calendar.patch(chosen, { recurrence: null }));
    case 'touch':
      return void (event && calendar.touch(event));
    case 'cancel':
      return void (event && calendar.cancelByOrganiser(event));
    case 'move_away':
      return void (event && calendar.moveTo(event, other));
    case 'move_back': {
      const away = pick(eventsOf({ calendar: other, other: calendar }).all);
      return void (away && other.moveTo(away, calendar));
    }
    case 'edit_occurrence':
    case 'delete_occurrence':
    case 'cancel_occurrence':
      return chosen === undefined ? undefined : changeOccurrence(calendars, chosen, change);
  }
}

const isOneOfMany = (subject: unknown): boolean => typeof subject === 'string' && subject.startsWith('many');

function changeOccurrence(
  { calendar }: GraphCalendars,
  seriesId: string,
  change: Extract<GraphEdit, { nth: number }>,
): void {
  const instance = calendar
    .truth({ start: '2026-10-15T00:00:00Z', end: '2027-03-01T00:00:00Z' })
    .filter((each) => each.seriesMasterId === seriesId)[change.nth];
  if (!instance) return;
  if (change.op === 'delete_occurrence') return calendar.delete(instance.eventId);
  if (change.op === 'cancel_occurrence') return void calendar.cancelByOrganiser(instance.eventId);
  const { moveHours, text: subject } = change;
  const shown = calendar.get(instance.eventId);
  const moved = moveHours === null || !shown ? {} : shifted(shown, moveHours);
  calendar.patch(instance.eventId, { subject, ...moved });
}

function moveEvent({ calendar }: GraphCalendars, id: string, hours: number): void {
  const shown = calendar.get(id);
  if (!shown) return;
  const moved = shifted(shown, hours);
  if (shown['type'] !== 'seriesMaster') return void calendar.patch(id, moved);
  // A series that moves begins where it moves to.
  const { recurrence } = shown as unknown as { recurrence: { pattern: Pattern; range: { type: Range } } };
  const { start } = moved as unknown as { start: { dateTime: string } };
  const first = new Date(`${start.dateTime.slice(0, 19)}Z`);
  calendar.patch(id, {
    ...moved,
    recurrence: graphRecurrence(recurrence.pattern, recurrence.range.type, first, 'UTC'),
  });
}

function changePattern(
  { calendar }: GraphCalendars,
  id: string,
  { pattern: wanted, range: until }: { pattern: Pattern; range: Range },
): void {
  const shown = calendar.get(id);
  if (!shown) return;
  const { recurrence } = shown as unknown as {
    recurrence: { range: { startDate: string; recurrenceTimeZone: string } };
  };
  const first = new Date(`${recurrence.range.startDate}T00:00:00Z`);
  calendar.patch(id, {
    recurrence: graphRecurrence(wanted, until, first, recurrence.range.recurrenceTimeZone),
  });
}

const recurrenceOf = ({
  hour: hours,
  zone: timeZone,
  pattern: wanted,
  range: until,
}: Extract<GraphEdit, { op: 'insert_series' }>) =>
  graphRecurrence(wanted, until, new Date(epoch + hours * hourMs), timeZone);

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const indexes = ['first', 'second', 'third', 'fourth', 'last'];

/** A pattern that its first day fits. */
function graphRecurrence(
  { type, interval }: Pattern,
  until: Range,
  first: Date,
  recurrenceTimeZone: string,
): MicrosoftEventBody {
  const day = weekdays[first.getUTCDay()] ?? '';
  const index = indexes[Math.floor((first.getUTCDate() - 1) / 7)] ?? 'first';
  const days = {
    daily: {},
    weekly: { daysOfWeek: [day, 'friday'].filter((each, at, all) => all.indexOf(each) === at) },
    absoluteMonthly: { dayOfMonth: first.getUTCDate() },
    relativeMonthly: { daysOfWeek: [day], index },
  }[type];
  const startDate = first.toISOString().slice(0, 10);
  const ends = {
    noEnd: {},
    numbered: { numberOfOccurrences: 8 },
    endDate: { endDate: new Date(first.getTime() + 40 * dayMs).toISOString().slice(0, 10) },
  }[until];
  return {
    pattern: { type, interval, ...days },
    range: { type: until, startDate, recurrenceTimeZone, ...ends },
  };
}

/** The hour counts in the event's own zone: as Outlook's form takes it. */
function bounds({
  hour: hours,
  zone: timeZone,
  allDay,
}: {
  hour: number;
  zone: string;
  allDay: boolean;
}): MicrosoftEventBody {
  const at = epoch + hours * hourMs;
  const time = (ms: number) => ({ dateTime: new Date(ms).toISOString().slice(0, 19), timeZone });
  if (!allDay) return { start: time(at), end: time(at + hourMs), isAllDay: false };
  const midnight = Math.floor(at / dayMs) * dayMs;
  return { start: time(midnight), end: time(midnight + dayMs), isAllDay: true };
}

/** What is shown in UTC, moved; all-day events by whole days. */
function shifted(shown: Record<string, unknown>, hours: number): MicrosoftEventBody {
  const isAllDay = shown['isAllDay'] === true;
  const ms = isAllDay ? Math.round(hours / 24) * dayMs : hours * hourMs;
  const move = (name: 'start' | 'end') => {
    const { dateTime } = shown[name] as { dateTime: string };
    const at = Date.parse(`${dateTime.slice(0, 19)}Z`) + ms;
    return { dateTime: new Date(at).toISOString().slice(0, 19), timeZone: 'UTC' };
  };
  return { start: move('start'), end: move('end'), isAllDay };
}
