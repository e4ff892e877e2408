/**
 * Three-way merge of an event by field: what we want to write (a patch made upon `base`) meets what the provider holds by
 * now. What one side touched merges; what both touched collides, and the strategy says whose value stands. Both values
 * come back with the collision, so that whoever stores the outcome keeps the one that lost (I11).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Attendee, EventFields } from './event.ts';
import type { EventTime } from './times.ts';

/** What a caller may set of an event. */
export type WritableFields = Pick<
  EventFields,
  | 'status'
  | 'summary'
  | 'description'
  | 'location'
  | 'start'
  | 'end'
  | 'recurrence'
  | 'attendees'
  | 'visibility'
  | 'transparency'
>;

/** What an event has of them when nobody says more. */
export const blankFields: Omit<WritableFields, 'start' | 'end'> = {
  status: 'confirmed',
  summary: null,
  description: null,
  location: null,
  recurrence: [],
  attendees: [],
  visibility: 'default',
  transparency: 'opaque',
};

/** What is to change. Start and end are said together; attendees are the whole list. */
export type EventPatch = Partial<WritableFields>;

export const conflictStrategies = ['provider_wins', 'local_wins', 'newest_wins', 'manual'] as const;
export type ConflictStrategy = (typeof conflictStrategies)[number];

export type Side = 'local' | 'provider';

/** Both sides changed the same, differently. */
export interface Collision {
  /** `time` (start and end), `attendees.<address>`, or the field's own name. */
  field: string;
  base: unknown;
  local: unknown;
  provider: unknown;
}

export interface Merged {
  /** What is still to be written over what the provider holds; empty: nothing. */
  patch: EventPatch;
  collisions: Collision[];
}

export interface MergeInput {
  base: WritableFields;
  local: EventPatch;
  provider: WritableFields;
  /** Whose value stands where both changed the same. */
  prefer: Side;
}

const plainFields = [
  'status',
  'summary',
  'description',
  'location',
  'recurrence',
  'visibility',
  'transparency',
] as const;

export function mergeEvent(input: MergeInput): Merged {
  const { base, local, provider } = input;
  const merged: Merged = { patch: {}, collisions: [] };
  for (const field of plainFields) {
    if (local[field] === undefined) continue;
    const sides = { base: base[field], local: local[field], provider: provider[field] };
    if (isLocal(merged, field, sides, input.prefer)) Object.assign(merged.patch, { [field]: local[field] });
  }
  if (local.start !== undefined || local.end !== undefined) mergeTime(merged, input);
  if (local.attendees !== undefined) mergeAttendees(merged, input, local.attendees);
  return merged;
}

interface Sides<T> {
  base: T;
  local: T;
  provider: T;
}

/** Whether the local value is to be written. Notes a collision. */
function isLocal<T>({ collisions }: Merged, field: string, sides: Sides<T>, prefer: Side): boolean {
  const { base, local, provider } = sides;
  if (isDeepStrictEqual(local, provider) || isDeepStrictEqual(local, base)) return false;
  if (isDeepStrictEqual(provider, base)) return true;
  collisions.push({ field, base, local, provider });
  return prefer === 'local';
}

function mergeTime(merged: Merged, { base, local, provider, prefer }: MergeInput): void {
  const timeOf = (fields: EventPatch): { start: EventTime; end: EventTime } => ({
    start: fields.start ?? base.start,
    end: fields.end ?? base.end,
  });
  const sides = { base: timeOf(base), local: timeOf(local), provider: timeOf(provider) };
  if (isLocal(merged, 'time', sides, prefer)) Object.assign(merged.patch, sides.local);
}

/** Attendees merge one by one: who was added, removed or changed here does not undo an answer that came in there. */
function mergeAttendees(
  merged: Merged,
  { base, provider, prefer }: MergeInput,
  wanted: readonly Attendee[],
): void {
  const [before, here, there] = [base.attendees, wanted, provider.attendees].map(byAddress) as [
    Map<string, Attendee>,
    Map<string, Attendee>,
    Map<string, Attendee>,
  ];
  const result = new Map(there);
  let isChanged = false;
  for (const address of new Set([...there.keys(), ...here.keys(), ...before.keys()])) {
    const sides = { base: before.get(address), local: here.get(address), provider: there.get(address) };
    const shown = { base: saidOf(sides.base), local: saidOf(sides.local), provider: saidOf(sides.provider) };
    if (!isLocal(merged, `attendees.${address}`, shown, prefer)) continue;
    isChanged = true;
    if (sides.local) result.set(address, sides.local);
    else result.delete(address);
  }
  if (!isChanged) return;
  // Those without an address (groups, resources of others) are nobody's to change: they stay as the provider has them.
  const nameless = provider.attendees.filter(({ email }) => email === null);
  merged.patch.attendees = [...result.values(), ...nameless];
}

const byAddress = (attendees: readonly Attendee[]): Map<string, Attendee> =>
  new Map(
    attendees.flatMap((attendee) =>
      attendee.email === null ? [] : [[attendee.email.toLowerCase(), attendee] as const],
    ),
  );

/** What counts as a change of an attendee. Names are the provider's to complete. */
const saidOf = (attendee: Attendee | undefined) =>
  attendee ? { response: attendee.response, optional: attendee.optional } : null;
