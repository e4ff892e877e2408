/**
 * What the provider shows meets what we still have to tell it. Each write is laid anew upon what is there now: fields that
 * only one side touched stand side by side, what both touched goes by the strategy, and what does not stand is kept with
 * its reason (I11). So a page that is older or newer than a write never undoes it, and an echo says nothing new (I9).
 */
import {
  mergeEvent,
  newId,
  type Collision,
  type ConflictStrategy,
  type RemoteEvent,
  type Side,
} from '@calfleet/domain';
import {
  insertConflict,
  keepRevision,
  nameEvent,
  readStrategy,
  rebaseWrite,
  settleWrite,
  writesMet,
  type Evidence,
  type MetWrite,
  type Transaction,
} from '@calfleet/db';
import type { SortedItems } from './apply.ts';
import { eventRow, writableOf } from './event-row.ts';

/** @returns the items as they are to be stored: with what is still to be written laid over them */
export async function meetWrites(
  tx: Transaction,
  evidence: Evidence,
  sorted: SortedItems,
): Promise<SortedItems> {
  const writes = await writesMet(tx, evidence, {
    providerEventIds: [...sorted.events.keys(), ...sorted.gone.map((row) => row.provider_event_id)],
    writeIds: [...sorted.events.values()].flatMap(({ writeId }) => writeId ?? []),
  });
  if (writes.length === 0) return sorted;
  const meeting = new Meeting(tx, evidence, await readStrategy(tx, evidence.calendarId), sorted);
  for (const write of writes) await meeting.meet(write);
  return meeting.items();
}

class Meeting {
  private readonly events: Map<string, RemoteEvent>;
  private readonly gone: Map<string, SortedItems['gone'][number]>;
  /** Shown, and not to be stored: what we deleted is still there, as it was. */
  private readonly kept = new Set<string>();
  private readonly changed = new Set<string>();

  constructor(
    private readonly tx: Transaction,
    private readonly evidence: Evidence,
    private readonly strategy: ConflictStrategy,
    private readonly sorted: SortedItems,
  ) {
    this.events = new Map(sorted.events);
    this.gone = new Map(sorted.gone.map((row) => [row.provider_event_id, row]));
  }

  items(): SortedItems {
    const { sorted, changed, kept } = this;
    const rows = sorted.rows.flatMap((row) => {
      if (kept.has(row.provider_event_id)) return [];
      const event = changed.has(row.provider_event_id) ? this.events.get(row.provider_event_id) : null;
      return [event ? eventRow(event) : row];
    });
    return { ...sorted, rows, gone: [...this.gone.values()], events: this.events };
  }

  async meet(write: MetWrite): Promise<void> {
    const shown = await this.shownFor(write);
    if (shown) return this.meetEvent(write, shown);
    const id = write.event.provider_event_id;
    if (id !== null && this.gone.has(id)) await this.meetDeletion(write, id);
  }

  /** The shown event that a write is about; one that we made has its name from now on. */
  private async shownFor({ id, event }: MetWrite): Promise<RemoteEvent | null> {
    if (event.provider_event_id !== null) return this.events.get(event.provider_event_id) ?? null;
    const [own] = [...this.events.values()].filter(({ writeId }) => writeId === id);
    if (!own) return null;
    await nameEvent(this.tx, event.id, own.providerEventId);
    return own;
  }

  private async meetEvent(write: MetWrite, shown: RemoteEvent): Promise<void> {
    switch (write.op) {
      case 'create':
        // There it is: an answer that was lost, or a page that was faster.
        return this.settle(write, 'applied');
      case 'update':
        return write.state === 'conflict' ? undefined : this.meetChange(write, shown);
      case 'delete':
        return this.meetWantedDeletion(write, shown);
    }
  }

  private async meetChange(write: MetWrite, shown: RemoteEvent): Promise<void> {
    const { tx, evidence } = this;
    if (write.base === null) return;
    const provider = writableOf(shown.fields);
    const prefer = this.preferred(write, shown);
    const { patch, collisions } = mergeEvent({
      base: write.base,
      local: write.patch,
      provider,
      prefer: prefer ?? 'provider',
    });
    if (collisions.length > 0) await this.keepConflict(write, collisions, prefer);
    // A person decides: until then what the provider holds is shown.
    if (collisions.length > 0 && prefer === null) return;
    if (Object.keys(patch).length === 0) return this.settle(write, 'applied');
    await rebaseWrite(
      tx,
      { ...write, patch, base: provider, base_version: shown.providerVersion },
      evidence.at,
    );
    const event = { ...shown, fields: { ...shown.fields, ...patch } };
    this.events.set(shown.providerEventId, event);
    this.changed.add(shown.providerEventId);
  }

  /** We deleted what the provider still shows. */
  private async meetWantedDeletion(write: MetWrite, shown: RemoteEvent): Promise<void> {
    if (write.state === 'conflict') return;
    if (shown.providerVersion === write.base_version) {
      this.kept.add(shown.providerEventId);
      return;
    }
    // Changed there since: somebody still wants it.
    const prefer = this.preferred(write, shown);
    const collision = { field: 'deleted', base: write.base, local: null, provider: writableOf(shown.fields) };
    await this.keepConflict(write, [collision], prefer);
    if (prefer === 'provider') return this.settle(write, 'discarded');
    if (prefer === null) return;
    await rebaseWrite(this.tx, { ...write, base_version: shown.providerVersion }, this.evidence.at);
    this.kept.add(shown.providerEventId);
  }

  /** The provider deleted what we still have to write. */
  private async meetDeletion(write: MetWrite, providerEventId: string): Promise<void> {
    if (write.op === 'delete' || write.op === 'create') return this.settle(write, 'applied');
    if (write.state === 'conflict') return;
    // The deletion is what was done last, as far as anybody can tell.
    const prefer = this.strategy === 'newest_wins' ? 'provider' : sideOf[this.strategy];
    const collision = { field: 'deleted', base: write.base, local: write.patch, provider: null };
    await this.keepConflict(write, [collision], prefer);
    if (prefer === 'provider') return this.settle(write, 'discarded');
    if (prefer === null || write.base === null) return;
    // It is made anew, with everything that it had and what was wanted; the old name stays the old event's.
    await nameEvent(this.tx, write.event.id, null);
    const patch = { ...write.base, ...write.patch };
    await rebaseWrite(
      this.tx,
      { ...write, op: 'create', patch, base: null, base_version: null },
      this.evidence.at,
    );
    this.gone.delete(providerEventId);
  }

  /** Whose value stands where both changed the same; null: a person says. */
  private preferred(write: MetWrite, shown: RemoteEvent): Side | null {
    if (this.strategy !== 'newest_wins') return sideOf[this.strategy];
    const there = shown.providerUpdatedAt;
    return there !== null && Date.parse(there) > write.created_at.getTime() ? 'provider' : 'local';
  }

  private async settle(write: MetWrite, state: 'applied' | 'discarded'): Promise<void> {
    await settleWrite(this.tx, write.id, { state, error: null, at: this.evidence.at });
  }

  private async keepConflict(
    write: MetWrite,
    collisions: readonly Collision[],
    resolution: Side | null,
  ): Promise<void> {
    const { tx, evidence } = this;
    const eventId = write.event.id;
    const fields = collisions.map(({ field }) => field);
    const side = (of: 'base' | 'local' | 'provider'): Record<string, unknown> =>
      Object.fromEntries(collisions.map((collision) => [collision.field, collision[of]]));
    const values = { base: side('base'), local: side('local'), provider: side('provider') };
    const { strategy } = this;
    await insertConflict(tx, evidence, {
      id: newId(),
      eventId,
      writeId: write.id,
      fields,
      ...values,
      strategy,
      resolution,
    });
    if (resolution === null) {
      const error = { code: 'version_conflict' as const, message: 'Both sides changed the same' };
      return settleWrite(tx, write.id, { state: 'conflict', error, at: evidence.at });
    }
    const [lost, stands] =
      resolution === 'local' ? (['provider', 'local'] as const) : (['local', 'provider'] as const);
    await keepRevision(tx, evidence, {
      eventId,
      origin: 'resolution',
      fields,
      before: values[lost],
      after: values[stands],
      writeId: write.id,
    });
  }
}

const sideOf: Record<Exclude<ConflictStrategy, 'newest_wins'>, Side | null> = {
  provider_wins: 'provider',
  local_wins: 'local',
  manual: null,
};
