/**
 * One calendar in the hands of its owner in Outlook, and the levers an operator has on it. Ids that come and go here
 * are immutable ones; normal ids are understood as well. A day names the slot of an occurrence: `YYYY-MM-DD` in the
 * zone of the recurrence, wherever the occurrence may have been moved.
 */
import { ControlError } from '../control/owner.ts';
import { findItem, instanceOf } from './access.ts';
import { addItem, announce, recordChange, removeItem } from './commit.ts';
import { parseOwnerBody } from './content.ts';
import { parseDay } from './days.ts';
import type { Folder } from './folder.ts';
import { parseEventId } from './ids.ts';
import { contentOf, type Instance } from './item.ts';
import type { CalendarEntry } from './mailbox.ts';
import { findInstance, headOf } from './series.ts';
import { showEvent, type ShownEvent } from './shown.ts';
import { truthOf, type MicrosoftInstance } from './truth.ts';
import type { MicrosoftWorld } from './world.ts';
import { createEvent, deleteEvent, patchEvent, touchEvent } from './write.ts';

/** Graph-shaped. Besides what the API takes: `organizer`, `responseStatus` and `isCancelled` of an invitation. */
export type MicrosoftEventBody = Record<string, unknown>;

const OWNER = { isOwner: true };
const OUTLOOK_VIEW = {
  immutableIds: true,
  zone: { name: 'UTC', iana: 'UTC' },
  isZoned: false,
  bodyType: 'html',
  mayViewPrivate: true,
} as const;

export class MicrosoftCalendarOwner {
  constructor(
    private readonly world: MicrosoftWorld,
    readonly entry: CalendarEntry,
    private readonly folder: Folder,
  ) {}

  /** In the mailbox that shows it. */
  get id(): string {
    return this.entry.id;
  }

  get name(): string {
    return this.folder.name;
  }

  /** Events that are there: singles and series. */
  get size(): number {
    return this.folder.items.filter(({ state }) => state === 'live').length;
  }

  /** @throws GraphError as the API would */
  create(body: MicrosoftEventBody): ShownEvent {
    const item = createEvent(this.world, this.folder, parseOwnerBody(body), OWNER);
    return this.shown(headOf(item));
  }

  /** Thousands at once; subscribers hear of the last one alone. @returns the ids, in order. */
  createMany(bodies: readonly MicrosoftEventBody[]): string[] {
    const options = { ...OWNER, silent: true };
    const items = bodies.map((body) => createEvent(this.world, this.folder, parseOwnerBody(body), options));
    const last = items.at(-1);
    if (last !== undefined) announce(this.world, headOf(last), 'created');
    return items.map(({ immutableId }) => immutableId);
  }

  /** Of an occurrence it makes an exception. @throws GraphError as the API would */
  patch(eventId: string, body: MicrosoftEventBody): ShownEvent {
    const found = this.find(eventId);
    return this.shown(patchEvent(this.world, found, parseOwnerBody(body), OWNER));
  }

  patchMany(patches: readonly { id: string; body: MicrosoftEventBody }[]): void {
    for (const { id, body } of patches) this.patch(id, body);
  }

  /** A series goes as a whole; of an occurrence its slot. */
  delete(eventId: string): void {
    deleteEvent(this.world, this.find(eventId), OWNER);
  }

  deleteMany(eventIds: readonly string[]): void {
    for (const id of eventIds) this.delete(id);
  }

  /** As it is now. @returns undefined when it is not in this calendar */
  get(eventId: string): ShownEvent | undefined {
    const found = this.peek(eventId);
    return found && this.shown(found);
  }

  /** The occurrence of a day. @throws ControlError 404 */
  occurrence(seriesId: string, day: string): ShownEvent {
    return this.shown(this.slot(seriesId, day));
  }

  patchOccurrence(seriesId: string, day: string, body: MicrosoftEventBody): ShownEvent {
    return this.shown(patchEvent(this.world, this.slot(seriesId, day), parseOwnerBody(body), OWNER));
  }

  deleteOccurrence(seriesId: string, day: string): void {
    deleteEvent(this.world, this.slot(seriesId, day), OWNER);
  }

  /** The organiser calls a meeting off: it stays, marked, until its guests remove it. An occurrence becomes an exception. */
  cancelByOrganiser(eventId: string): ShownEvent {
    const found = this.find(eventId);
    const exceptions = found.slot === null ? (found.item.series?.exceptions.values() ?? []) : [];
    for (const { overrides } of exceptions) {
      if (typeof overrides.subject === 'string') overrides.subject = cancelled(overrides.subject);
    }
    const subject = cancelled(contentOf(found).subject ?? '');
    const body = parseOwnerBody({ subject, isCancelled: true, showAs: 'free' });
    return this.shown(patchEvent(this.world, found, body, OWNER));
  }

  /** To another calendar of the same mailbox: the normal id changes, the immutable one stays. @returns the event there */
  moveTo(eventId: string, calendar: MicrosoftCalendarOwner): ShownEvent {
    const { world } = this;
    const found = this.find(eventId);
    if (found.slot !== null) throw new ControlError(409, 'an occurrence cannot be moved to another calendar');
    const { item } = found;
    if (calendar.folder === this.folder) return this.shown(found);
    removeItem(world, item, 'moved');
    announce(world, found, 'deleted');
    const { content, times, series } = item;
    const arrived = addItem(world, { folder: calendar.folder, content, times, series, from: item });
    announce(world, headOf(arrived), 'created');
    return calendar.shown(headOf(arrived));
  }

  /** A new changeKey and nothing else: what the server does by itself. */
  touch(eventId: string): void {
    touchEvent(this.world, this.find(eventId));
  }

  /** Every event is written anew without a visible change, as a migration of the mailbox does. */
  touchAll(): void {
    for (const item of this.folder.items) {
      if (item.state === 'live') recordChange(this.world, item, 'whole');
    }
  }

  /** Exactly what Outlook shows between two instants (ISO), by start. */
  truth(window: { start: string; end: string }): MicrosoftInstance[] {
    const span = { startMs: Date.parse(window.start), endMs: Date.parse(window.end) };
    return truthOf(this.world, this.folder, span);
  }

  /** Delta links answer that the sync state is lost, for everybody. */
  expireDeltaLinks(): void {
    this.folder.deltaEpoch += 1;
  }

  /** Links inside rounds do: a round that has begun cannot be finished. */
  expireNextLinks(): void {
    this.folder.pageEpoch += 1;
  }

  /** The calendar has another id from now on; the old one answers 404. @returns the new one */
  changeId(): string {
    const { calendars } = this.mailbox;
    calendars.delete(this.entry.id);
    this.entry.id = this.world.newCalendarId();
    calendars.set(this.entry.id, this.entry);
    return this.entry.id;
  }

  private get mailbox(): CalendarEntry['owner'] {
    const shows = [...this.world.mailboxes.values()].find(
      ({ calendars }) => calendars.get(this.entry.id) === this.entry,
    );
    if (shows === undefined) throw new ControlError(404, `no such calendar: ${this.entry.id}`);
    return shows;
  }

  /** @throws ControlError 404 */
  private find(eventId: string): Instance {
    const found = this.peek(eventId);
    if (found === undefined) throw new ControlError(404, `no such event: ${eventId}`);
    return found;
  }

  private peek(eventId: string): Instance | undefined {
    const ref = parseEventId(eventId);
    const item = ref && findItem(this.world, ref);
    if (item === undefined || item.folder !== this.folder || item.state !== 'live') return undefined;
    return instanceOf(this.world, item, ref as NonNullable<typeof ref>);
  }

  private slot(seriesId: string, day: string): Instance {
    const { item } = this.find(seriesId);
    const number = parseDay(day);
    const generation = item.series?.generation ?? 0;
    const found =
      number === undefined ? undefined : findInstance(this.world.zones, item, { day: number, generation });
    if (found === undefined) throw new ControlError(404, `no occurrence on ${day}`);
    return found;
  }

  private shown(instance: Instance): ShownEvent {
    return showEvent(this.world, instance, OUTLOOK_VIEW);
  }
}

const cancelled = (subject: string): string =>
  subject.startsWith('Canceled: ') ? subject : `Canceled: ${subject}`;
