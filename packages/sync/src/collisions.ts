/** Where what is wanted here and what is there differ, whose side a strategy takes, and how that is kept. */
import {
  mergeEvent,
  newId,
  type AccountId,
  type CalendarId,
  type Collision,
  type ConflictStrategy,
  type Side,
  type WritableFields,
} from '@calfleet/domain';
import {
  insertConflict,
  readStrategy,
  settleWrite,
  type ConflictSides,
  type Transaction,
  type WriteError,
  type WriteRow,
} from '@calfleet/db';

/**
 * Whose values stand where both changed the same; null: a person says.
 * @param there what changed at the provider; null: it was deleted, which was done last, as far as anybody can tell
 */
export function sideOf(
  strategy: ConflictStrategy,
  { wishedAt, there }: { wishedAt: Date; there: { updatedAt: Date | null } | null },
): Side | null {
  switch (strategy) {
    case 'provider_wins':
      return 'provider';
    case 'local_wins':
      return 'local';
    case 'newest_wins':
      if (there === null) return 'provider';
      return there.updatedAt !== null && there.updatedAt > wishedAt ? 'provider' : 'local';
    case 'manual':
      return null;
  }
}

/**
 * What keeps a write from its end, by field: what both changed, else all that it still wants. Empty: there it is.
 * @param there null: the event is gone there
 */
export function collisionsOf(
  { op, patch: local, base }: Pick<WriteRow, 'op' | 'patch' | 'base'>,
  there: WritableFields | null,
): Collision[] {
  if (op === 'delete') return there ? [{ field: 'deleted', base, local: null, provider: there }] : [];
  if (there === null) return [{ field: 'deleted', base, local, provider: null }];
  if (base === null) return [];
  const { patch, collisions } = mergeEvent({ base, local, provider: there, prefer: 'local' });
  if (collisions.length > 0) return collisions;
  const { start: _start, end: _end, ...plain } = patch;
  const wanted = Object.keys(plain) as (keyof WritableFields)[];
  const between = (field: string, of: (fields: WritableFields) => unknown): Collision => ({
    field,
    base: of(base),
    local: of({ ...base, ...patch }),
    provider: of(there),
  });
  return [
    ...(patch.start ? [between('time', ({ start, end }) => ({ start, end }))] : []),
    ...wanted.map((field) => between(field, (fields) => fields[field])),
  ];
}

export function sidesOf(collisions: readonly Collision[]): ConflictSides {
  const side = (of: 'base' | 'local' | 'provider'): Record<string, unknown> =>
    Object.fromEntries(collisions.map((collision) => [collision.field, collision[of]]));
  return {
    fields: collisions.map(({ field }) => field),
    base: side('base'),
    local: side('local'),
    provider: side('provider'),
  };
}

/** Lays a write down until somebody decides, whatever the strategy. */
export async function openConflict(
  tx: Transaction,
  of: { userId: string; accountId: AccountId; calendarId: CalendarId; at: Date },
  { write, there, error }: { write: WriteRow; there: WritableFields | null; error: WriteError },
): Promise<void> {
  await insertConflict(tx, of, {
    id: newId(),
    eventId: write.event_id,
    writeId: write.id,
    ...sidesOf(collisionsOf(write, there)),
    strategy: await readStrategy(tx, of.calendarId),
    resolution: null,
  });
  await settleWrite(tx, write.id, { state: 'conflict', error, at: of.at });
}
