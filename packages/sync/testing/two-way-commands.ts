/** What both sides do to one calendar, as values that fast-check can shrink; the same for every provider. */
import fc from 'fast-check';
import type { ConflictStrategy, EventId, EventPatch, EventTime, WrittenEvent } from '@calfleet/domain';
import { conflictStrategies } from '@calfleet/domain';
import type { Ledger } from './ledger.ts';

export const textFields = ['summary', 'location', 'description'] as const;
export type TextField = (typeof textFields)[number];

/** What is said of an event; what is left out stays as it is. */
export type Said = Partial<Record<TextField, string>> & { time?: { start: EventTime; end: EventTime } };

export type Begun = Required<Pick<Said, 'summary' | 'time'>> & Said & { recurrence: string[] };

interface Known {
  allDay: boolean;
  isSeries: boolean;
}

/** The calendar as our user has it. */
export interface Here {
  /** What stands for itself, in a steady order. */
  events(): Promise<(Known & { id: EventId; providerEventId: string | null })[]>;
  create(fields: Begun): Promise<EventId>;
  /** @returns whether there was something to change */
  change(id: EventId, said: Said): Promise<boolean>;
  remove(id: EventId): Promise<boolean>;
  /** @returns the slot of the nth occurrence; null: there is none, or nothing to change */
  changeOccurrence(seriesId: EventId, nth: number, said: Said): Promise<string | null>;
  removeOccurrence(seriesId: EventId, nth: number): Promise<string | null>;
  /**
   * This and following; `said` null: they take place no more.
   * @returns the event that goes on, and how many wishes these are; null: nothing changes
   */
  changeFollowing(
    seriesId: EventId,
    nth: number,
    said: Said | null,
  ): Promise<{ eventId: EventId; wishes: number } | null>;
  /** A person's word about the nth write that may be retried or discarded, or about the nth open conflict. */
  decide(word: Word, nth: number): Promise<Decided | null>;
  setStrategy(strategy: ConflictStrategy): Promise<void>;
}

/** The calendar as its owner has it at the provider. */
export interface There {
  /** What is there, in a steady order. */
  events(): (Known & { id: string; seriesId: string | null })[];
  /** All that is said there, in the ledger's words. */
  shown(): string;
  /** Titles of what stands for itself. */
  titles(): string[];
  /** Whether a series may be moved: its occurrences may lose what was said of them. */
  movesSeries: boolean;
  /** @returns its id */
  create(fields: Begun): string;
  /** @returns whether it may be said there: a day of a series may not be moved past its neighbours everywhere */
  change(id: string, said: Said): boolean;
  remove(id: string): void;
  /** @returns the exception's id; null: there is no such occurrence */
  changeOccurrence(seriesId: string, nth: number, said: Said): string | null;
  cancelOccurrence(seriesId: string, nth: number): void;
}

/** What a person's word wishes anew; null: the event is to be gone. */
export interface Decided {
  eventId: EventId;
  patch: EventPatch | null;
}

export interface Sides {
  here: Here;
  there: There;
  ledger: Ledger;
}

const words = ['retry', 'discard', 'local', 'provider'] as const;
export type Word = (typeof words)[number];

const which = fc.nat(5);
const hour = fc.integer({ min: -24 * 8, max: 24 * 25 });
const fields = fc.subarray([...textFields, 'time' as const], { minLength: 1 });
const rule = fc.constantFrom(
  'RRULE:FREQ=DAILY;COUNT=5',
  'RRULE:FREQ=WEEKLY;COUNT=4',
  'RRULE:FREQ=DAILY;INTERVAL=3;COUNT=6',
);
const fresh = { fields, hour, allDay: fc.boolean(), rule: fc.option(rule, { freq: 3 }) };

// What either side does, each as often as it likes.
const create = fc.record({ op: fc.constant('create' as const), ...fresh });
const change = fc.record({ op: fc.constant('change' as const), which, fields, hour });
const remove = fc.record({ op: fc.constant('remove' as const), which });
const changeOccurrence = fc.record({
  op: fc.constant('change_occurrence' as const),
  which,
  nth: fc.nat(3),
  fields: fc.subarray([...textFields], { minLength: 1 }),
});

export const localEdit = fc.oneof(
  { weight: 3, arbitrary: create },
  { weight: 7, arbitrary: change },
  { weight: 2, arbitrary: remove },
  {
    weight: 3,
    arbitrary: changeOccurrence,
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('remove_occurrence' as const), which, nth: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('following' as const),
      which,
      nth: fc.nat(3),
      fields: fc.subarray([...textFields]),
      ends: fc.boolean(),
    }),
  },
);
export type LocalEdit = typeof localEdit extends fc.Arbitrary<infer T> ? T : never;

export const ownerEdit = fc.oneof(
  { weight: 3, arbitrary: create },
  { weight: 6, arbitrary: change },
  { weight: 2, arbitrary: remove },
  {
    weight: 2,
    arbitrary: changeOccurrence,
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('cancel_occurrence' as const), which, nth: fc.nat(3) }),
  },
);
export type OwnerEdit = typeof ownerEdit extends fc.Arbitrary<infer T> ? T : never;

export const strategy = fc.constantFrom(...conflictStrategies);
export const personsWord = fc.record({ word: fc.constantFrom(...words), which });
type PersonsWord = typeof personsWord extends fc.Arbitrary<infer T> ? T : never;

/** Edits of what is not there change nothing. */
export async function editHere(sides: Sides, edit: LocalEdit): Promise<void> {
  const { here, there, ledger } = sides;
  if (edit.op === 'create') {
    const begun = newEvent(ledger, 'L', edit);
    write(ledger, 'local', alone(await here.create(begun)), begun);
    ledger.wishes += 1;
    return;
  }
  const isOfSeries = edit.op !== 'change' && edit.op !== 'remove';
  const events = (await here.events()).filter(({ isSeries }) => isSeries || !isOfSeries);
  const event = events[edit.which % Math.max(1, events.length)];
  if (!event) return;
  switch (edit.op) {
    case 'change': {
      const fields = sayable(there, event, edit.fields);
      const said = speak(ledger, 'L', { ...edit, fields, allDay: event.allDay });
      if (!(await here.change(event.id, said))) return;
      write(ledger, 'local', alone(event.id), said);
      break;
    }
    case 'remove':
      if (!(await here.remove(event.id))) return;
      ledger.end('local', isOf(event));
      if (event.isSeries && event.providerEventId !== null) ledger.forgive(event.providerEventId);
      break;
    default:
      return editOccurrenceHere(sides, event, edit);
  }
  ledger.wishes += 1;
}

type OccurrenceEdit = Extract<LocalEdit, { nth: number }>;

async function editOccurrenceHere(
  { here, ledger }: Sides,
  series: Awaited<ReturnType<Here['events']>>[number],
  edit: OccurrenceEdit,
): Promise<void> {
  const said = (fields: readonly string[]): Said =>
    speak(ledger, 'L', { fields, hour: 0, allDay: series.allDay });
  const dayOf = (slot: string): Named => ({ event: `${series.id}_${slot}`, series: series.id });
  if (edit.op === 'following') {
    // The one that goes on has a title of its own.
    const next = edit.ends ? null : said([...edit.fields, 'summary']);
    const goesOn = await here.changeFollowing(series.id, edit.nth, next);
    if (!goesOn) return;
    ledger.wishes += goesOn.wishes;
    if (next) write(ledger, 'local', alone(goesOn.eventId), next);
    // Its days are others' now, or nobody's.
    ledger.end('local', (word) => word.series === series.id);
    if (!next && series.providerEventId !== null) ledger.forgive(series.providerEventId);
    return;
  }
  if (edit.op === 'change_occurrence') {
    const wish = said(edit.fields);
    const slot = await here.changeOccurrence(series.id, edit.nth, wish);
    if (slot === null) return;
    write(ledger, 'local', dayOf(slot), wish);
  } else {
    const slot = await here.removeOccurrence(series.id, edit.nth);
    if (slot === null) return;
    ledger.end('local', ({ event }) => event === dayOf(slot).event);
  }
  ledger.wishes += 1;
}

export async function decideHere({ here, ledger }: Sides, { word, which: nth }: PersonsWord): Promise<void> {
  const decided = await here.decide(word, nth);
  if (!decided) return;
  ledger.wishes += 1;
  const { eventId, patch } = decided;
  if (patch === null) return ledger.end('local', ({ event }) => event === eventId);
  const { start, end } = patch;
  const said: Said = { ...(start && end && { time: { start, end } }) };
  for (const field of textFields) if (patch[field]) said[field] = patch[field];
  write(ledger, 'local', alone(eventId), said);
}

/** @param only of these events, if any: what a race is about */
export function editThere({ there, ledger }: Sides, edit: OwnerEdit, only?: string): void {
  const note = (named: Named, said: Said): void => write(ledger, 'provider', named, said);
  if (edit.op === 'create') {
    const begun = newEvent(ledger, 'P', edit);
    note(alone(there.create(begun)), begun);
    return;
  }
  const isOccurrence = edit.op === 'change_occurrence' || edit.op === 'cancel_occurrence';
  const events = there
    .events()
    .filter(({ id, isSeries }) => (only === undefined || id === only) && (!isOccurrence || isSeries));
  const event = events[edit.which % Math.max(1, events.length)];
  if (!event) return;
  switch (edit.op) {
    case 'change': {
      const said = speak(ledger, 'P', {
        ...edit,
        fields: sayable(there, event, edit.fields),
        allDay: event.allDay,
      });
      if (there.change(event.id, said)) note({ event: event.id, series: event.seriesId }, said);
      return;
    }
    case 'remove':
      there.remove(event.id);
      return ledger.end('provider', isOf(event));
    case 'change_occurrence': {
      const said = speak(ledger, 'P', { ...edit, hour: 0, allDay: event.allDay });
      const id = there.changeOccurrence(event.id, edit.nth, said);
      if (id !== null) note({ event: id, series: event.id }, said);
      return;
    }
    case 'cancel_occurrence':
      there.cancelOccurrence(event.id, edit.nth);
      // Which one it was is for the provider to know: of the others, what is said stays shown.
      return ledger.end(
        'provider',
        (word) => word.series === event.id && !there.events().some(({ id }) => id === word.event),
      );
  }
}

/** What a world lets the owner do meanwhile: at the moment a page is asked for, and at that a write arrives. */
interface Disturbed {
  onAsk: (() => void) | null;
  onWrite: ((event: WrittenEvent | null) => void) | null;
}

/** The owner changes what is about to be written, at each write and at each page. */
export function storm(
  play: Sides & { world: Disturbed },
  { times, edit }: { times: number; edit: OwnerEdit },
): void {
  const { world } = play;
  let left = times;
  const strike = (only?: string): void => {
    if (left <= 0) return;
    left -= 1;
    editThere(play, edit, only);
  };
  world.onAsk = strike;
  world.onWrite = (event) => strike(event && 'providerEventId' in event ? event.providerEventId : undefined);
}

/** What a word is about. */
type Named = Parameters<Parameters<Ledger['end']>[1]>[0];

const alone = (event: string): Named => ({ event, series: null });

/** An event, or an occurrence of it. */
const isOf =
  ({ id }: { id: string }) =>
  ({ event, series }: Named): boolean =>
    event === id || series === id;

const sayable = (
  { movesSeries }: There,
  { isSeries }: Known,
  fields: readonly string[],
): readonly string[] =>
  isSeries && !movesSeries ? fields.map((field) => (field === 'time' ? 'summary' : field)) : fields;

type Wording = { fields: readonly string[]; hour: number; allDay: boolean };

function speak(ledger: Ledger, speaker: 'L' | 'P', { fields: named, hour: hours, allDay }: Wording): Said {
  const n = ledger.next();
  const said: Said = {};
  for (const field of textFields) if (named.includes(field)) said[field] = `${speaker}${n}-${field}`;
  if (named.includes('time')) said.time = boundsAt(hours, allDay, n);
  return said;
}

const newEvent = (
  ledger: Ledger,
  speaker: 'L' | 'P',
  { rule: line, ...edit }: Wording & { rule: string | null },
): Begun => ({
  ...(speak(ledger, speaker, { ...edit, fields: [...edit.fields, 'summary', 'time'] }) as Begun),
  recurrence: line === null ? [] : [line],
});

function write(ledger: Ledger, speaker: 'local' | 'provider', named: Named, said: Said): void {
  for (const field of textFields) {
    const text = said[field];
    if (text !== undefined) ledger.say({ ...named, text, speaker, field });
  }
  // A date says nothing that is its own.
  const start = said.time?.start;
  if (start?.kind === 'zoned') ledger.say({ ...named, text: start.instant, speaker, field: 'time' });
}

const epoch = Date.parse('2026-11-20T00:00:00Z');
const hourMs = 3_600_000;

/** No two of an hour are the same: the second tells them apart. */
function boundsAt(hours: number, allDay: boolean, n: number): { start: EventTime; end: EventTime } {
  const at = epoch + (allDay ? Math.floor(hours / 24) * 24 : hours) * hourMs;
  if (allDay) {
    const day = (ms: number): EventTime => ({ kind: 'date', date: new Date(ms).toISOString().slice(0, 10) });
    return { start: day(at), end: day(at + 24 * hourMs) };
  }
  const instant = (ms: number): EventTime => ({
    kind: 'zoned',
    instant: `${new Date(ms).toISOString().slice(0, 19)}Z`,
    zone: 'UTC',
  });
  return { start: instant(at + n * 1_000), end: instant(at + n * 1_000 + hourMs) };
}
