/**
 * What the provider shows meets what we still have to tell it. Each write is laid anew upon what is there now: fields that
 * only one side touched stand side by side, what both touched goes by the strategy, and what does not stand is kept with
 * its reason (I11). So a page that is older or newer than a write never undoes it, and an echo says nothing new (I9).
 */
import { isDeepStrictEqual } from 'node:util';
import {
  mergeEvent,
  newId,
  type Collision,
  type ConflictStrategy,
  type RemoteEvent,
  type Side,
} from '@calfleet/domain';
import {
  detachOccurrence,
  forgetConflicts,
  insertConflict,
  keepRevision,
  nameEvent,
  nameOccurrences,
  readStrategy,
  readUnsettled,
  rebaseWrite,
  refreshConflict,
  settleWrite,
  slotsKept,
  writesMet,
  type Evidence,
  type MetWrite,
  type ShownSlot,
  type Transaction,
} from '@calfleet/db';
import type { SortedItems } from './apply.ts';
import { collisionsOf, sideOf, sidesOf } from './collisions.ts';
import { carryOver, daysOf } from './changed-days.ts';
import { eventRow, writableOf } from './event-row.ts';
import { makeAnew } from './write-revival.ts';

/** @returns the items as they are to be stored: with what is still to be written laid over them */
export async function meetWrites(
  tx: Transaction,
  evidence: Evidence,
  shown: SortedItems,
): Promise<SortedItems> {
  const unsettled = await readUnsettled(tx, evidence);
  if (unsettled.unnamed) await nameOccurrences(tx, evidence.calendarId, slotsIn(shown));
  const sorted = unsettled.writes || unsettled.newer ? await withoutKeptSlots(tx, evidence, shown) : shown;
  if (!unsettled.writes) return sorted;
  const events = [...sorted.events.values()];
  const goneIds = sorted.gone.map((row) => row.provider_event_id);
  const seriesIds = events.flatMap(({ exceptionOf }) => exceptionOf?.providerSeriesId ?? []);
  const writes = await writesMet(tx, evidence, {
    providerEventIds: [...sorted.events.keys(), ...seriesIds, ...goneIds],
    writeIds: events.flatMap(({ writeId }) => writeId ?? []),
    goneIds,
  });
  if (writes.length === 0) return sorted;
  const meeting = new Meeting(tx, evidence, await readStrategy(tx, evidence.calendarId), sorted);
  for (const write of writes) await meeting.meet(write);
  return meeting.items();
}

/** Changed and cancelled occurrences. */
function slotsIn({ events, gone }: SortedItems): ShownSlot[] {
  const changed = [...events.values()].flatMap(({ providerEventId, exceptionOf }) =>
    exceptionOf ? [slotNamed(providerEventId, exceptionOf.providerSeriesId, exceptionOf.slot)] : [],
  );
  const cancelled = gone.flatMap(({ provider_event_id: id, provider_series_id: series, slot }) =>
    series !== null && slot !== null ? [slotNamed(id, series, slot)] : [],
  );
  return [...changed, ...cancelled];
}

const slotNamed = (id: string, series: string, slot: string): ShownSlot => ({
  provider_event_id: id,
  provider_series_id: series,
  slot,
});

/** Plain occurrences are not stored where one of ours knows better, or waits to be told. */
async function withoutKeptSlots(
  tx: Transaction,
  evidence: Evidence,
  shown: SortedItems,
): Promise<SortedItems> {
  const kept = await slotsKept(tx, evidence, [
    ...new Set(shown.instances.map(({ providerSeriesId }) => providerSeriesId)),
  ]);
  if (kept.length === 0) return shown;
  const places = new Set(kept.map(({ provider_series_id: series, slot }) => `${series} ${slot}`));
  const instances = shown.instances.filter(
    ({ providerSeriesId, slot }) => !places.has(`${providerSeriesId} ${slot}`),
  );
  return { ...shown, instances };
}

class Meeting {
  private readonly events: Map<string, RemoteEvent>;
  private readonly gone: Map<string, SortedItems['gone'][number]>;
  /** Shown, and not to be stored: what we deleted is still there, as it was. */
  private readonly kept = new Set<string>();
  private readonly changed = new Set<string>();
  /** Names that events of ours got here. */
  private readonly named = new Map<string, string>();

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
    const { provider_event_id: id, provider_series_id: seriesId } = write.event;
    if (id !== null && this.gone.has(id)) return this.meetDeletion(write, id);
    if (seriesId !== null && this.gone.has(seriesId)) return this.meetDeletion(write, seriesId);
    if (write.op === 'delete' && write.event.kind === 'series') this.keepDaysOf(write);
  }

  /** A series that we delete takes its changed days with it, though they are still shown. */
  private keepDaysOf({ state, event }: MetWrite): void {
    if (state === 'conflict') return;
    for (const { providerEventId, exceptionOf } of this.events.values()) {
      if (exceptionOf?.providerSeriesId === event.provider_event_id) this.kept.add(providerEventId);
    }
  }

  /** The shown event that a write is about; one that we made has its name from now on. */
  private async shownFor({ id, event }: MetWrite): Promise<RemoteEvent | null> {
    const name = event.provider_event_id ?? this.named.get(event.id);
    if (name !== undefined) return this.events.get(name) ?? null;
    const [own] = [...this.events.values()].filter(({ writeId }) => writeId === id);
    if (!own) return null;
    await nameEvent(this.tx, event.id, own.providerEventId);
    this.named.set(event.id, own.providerEventId);
    return own;
  }

  private async meetEvent(write: MetWrite, shown: RemoteEvent): Promise<void> {
    switch (write.op) {
      case 'create':
        // There it is: an answer that was lost, or a page that was faster.
        return this.settle(write, 'applied');
      case 'update':
        return write.state === 'conflict' ? this.meetOpen(write, shown) : this.meetChange(write, shown);
      case 'delete':
        return write.state === 'conflict'
          ? this.meetOpen(write, shown)
          : this.meetWantedDeletion(write, shown);
    }
  }

  /** What somebody decides about keeps up with the provider; once both sides want the same, nobody has to. */
  private async meetOpen(write: MetWrite, shown: RemoteEvent | null): Promise<void> {
    const collisions = collisionsOf(write, shown && writableOf(shown.fields));
    if (collisions.length === 0) return this.settle(write, 'applied');
    await refreshConflict(this.tx, write.id, sidesOf(collisions));
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
    // There it is already; or nothing of it stands.
    if (Object.keys(patch).length === 0)
      return this.settle(write, collisions.length > 0 ? 'discarded' : 'applied');
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
    if (shown.providerVersion === write.base_version) {
      this.kept.add(shown.providerEventId);
      return this.keepDaysOf(write);
    }
    const there = writableOf(shown.fields);
    // Another version of the same: one of its days was changed, or its provider touched it.
    const isSame = isDeepStrictEqual(there, write.base);
    // Changed there since: somebody still wants it.
    const prefer = isSame ? 'local' : this.preferred(write, shown);
    const collision = { field: 'deleted', base: write.base, local: null, provider: there };
    if (!isSame) await this.keepConflict(write, [collision], prefer);
    if (prefer === 'provider') return this.settle(write, 'discarded');
    if (prefer === null) return;
    await rebaseWrite(this.tx, { ...write, base_version: shown.providerVersion }, this.evidence.at);
    this.kept.add(shown.providerEventId);
    this.keepDaysOf(write);
  }

  /** The provider deleted what we still have to write. */
  private async meetDeletion(write: MetWrite, providerEventId: string): Promise<void> {
    if (write.op === 'delete') await forgetConflicts(this.tx, write.event.id, this.evidence.at);
    if (write.op === 'delete' || write.op === 'create') return this.settle(write, 'applied');
    if (write.state === 'conflict') return this.meetOpen(write, null);
    // It was called off, and that is known: somebody wants it to take place again.
    if (write.revives && write.base !== null) return this.makeAnew(write, providerEventId);
    const prefer = sideOf(this.strategy, { wishedAt: write.created_at, there: null });
    const collision = { field: 'deleted', base: write.base, local: write.patch, provider: null };
    await this.keepConflict(write, [collision], prefer);
    if (prefer === 'provider') return this.settle(write, 'discarded');
    if (prefer === null || write.base === null) return;
    await this.makeAnew(write, providerEventId);
  }

  /** The old name stays the old event's. */
  private async makeAnew(write: MetWrite, providerEventId: string): Promise<void> {
    const { tx, evidence } = this;
    const { id, kind } = write.event;
    const days = kind === 'series' ? await daysOf(tx, evidence, id) : [];
    // An occurrence comes back as an event of its own: its slot stays empty, or its series is gone.
    if (kind === 'exception') await detachOccurrence(tx, id);
    else await nameEvent(tx, id, null);
    await makeAnew(tx, write, evidence.at);
    if (kind !== 'exception') this.gone.delete(providerEventId);
    if (days.length > 0) await carryOver(tx, evidence, { id, days });
  }

  private preferred(write: MetWrite, { providerUpdatedAt: at }: RemoteEvent): Side | null {
    const there = { updatedAt: at === null ? null : new Date(at) };
    return sideOf(this.strategy, { wishedAt: write.created_at, there });
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
    const { fields, ...values } = sidesOf(collisions);
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
