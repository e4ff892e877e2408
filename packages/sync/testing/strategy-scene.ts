/** Both sides of one event, for the table of strategies. */
import { slotOf, type EventFields, type EventId, type EventPatch } from '@calfleet/domain';
import { localWrites } from './local-writes.ts';
import { meeting } from './scene.ts';
import type { Column } from './strategy-cases.ts';
import type { World } from './world.ts';

/** What happens there is not announced: the write meets it. */
export class Scene {
  readonly local: ReturnType<typeof localWrites>;
  private readonly changedAt: string;

  constructor(
    readonly world: World,
    column: Column,
  ) {
    this.local = localWrites(world);
    const minutes = column.endsWith('there last') ? 5 : -5;
    this.changedAt = new Date(world.clock.now().getTime() + minutes * 60_000).toISOString();
  }

  put(fields: Partial<EventFields> = {}): void {
    this.world.cloud.put(this.world.providerCalendarId, meeting('m1', 1, { summary: 'Planning', ...fields }));
  }

  putSeries(): void {
    this.put({ recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] });
  }

  async change(patch: EventPatch): Promise<void> {
    await this.local.change(await this.id(), patch);
  }

  /** The second day of the series. */
  async changeDay(patch: EventPatch): Promise<void> {
    await this.local.changeOccurrence(await this.id(), slotOf(meeting('m1', 2).fields.start), patch);
  }

  async remove(): Promise<void> {
    await this.local.remove(await this.id());
  }

  changeThere(fields: Partial<EventFields>): void {
    const { cloud, providerCalendarId: calendar } = this.world;
    const item = cloud.truth(calendar).find((each) => each.type === 'event');
    if (item?.type !== 'event') throw new Error('There is no event.');
    cloud.put(calendar, {
      id: 'm1',
      fields: { ...item.event.fields, ...fields },
      updatedAt: this.changedAt,
    });
  }

  removeThere(): void {
    this.world.cloud.remove(this.world.providerCalendarId, 'm1');
  }

  changeDayThere(fields: Partial<EventFields>): void {
    const { start, end } = meeting('m1', 2).fields;
    this.world.cloud.put(this.world.providerCalendarId, {
      exceptionOf: { seriesId: 'm1', originalStart: start },
      fields: { start, end, ...fields },
      updatedAt: this.changedAt,
    });
  }

  private async id(): Promise<EventId> {
    const [id] = await this.local.eventIds();
    if (id === undefined) throw new Error('There is no event.');
    return id;
  }
}
