/** What Outlook shows of a calendar in a window, for the oracles of tests. */
import type { Folder } from './folder.ts';
import { changeKeyOf, contentOf, instanceId, timesOf, type Instance, type Span } from './item.ts';
import { previewOf } from './body.ts';
import { instancesIn } from './series.ts';
import { dateOf } from './times.ts';
import type { MicrosoftWorld } from './world.ts';

export interface MicrosoftInstance {
  /** Immutable. */
  eventId: string;
  /** Changes when the event is moved. */
  normalId: string;
  /** Immutable; null for a single event. */
  seriesMasterId: string | null;
  type: 'singleInstance' | 'occurrence' | 'exception';
  /** Where the occurrence's slot is: an instant, or a date in an all-day series; null for a single event. */
  originalStart: string | null;
  /** Instants (ISO, UTC), or dates of an all-day event; its end is exclusive. */
  start: string;
  end: string;
  isAllDay: boolean;
  /** Zone names as written at the event's start. */
  timeZone: string;
  subject: string | null;
  bodyPreview: string;
  location: string;
  showAs: string;
  sensitivity: string;
  isCancelled: boolean;
  isOrganizer: boolean;
  transactionId: string | null;
  /** base64 */
  changeKey: string;
}

export function truthOf(world: MicrosoftWorld, folder: Folder, window: Span): MicrosoftInstance[] {
  const found: Instance[] = [];
  for (const item of folder.items) {
    if (item.state === 'live') found.push(...instancesIn(world.zones, item, window));
  }
  found.sort((a, b) => a.startMs - b.startMs || a.item.ordinal - b.item.ordinal);
  return found.map((instance) => describe(world, instance));
}

function describe({ zones }: MicrosoftWorld, instance: Instance): MicrosoftInstance {
  const { item, slot } = instance;
  const content = contentOf(instance);
  const times = timesOf(instance);
  const when = (ms: number, zone: string, isAllDay: boolean): string =>
    isAllDay ? dateOf(zones, { ms, zone }) : new Date(ms).toISOString();
  const [{ displayName } = { displayName: '' }] = content.locations;
  return {
    eventId: instanceId(instance, { immutable: true }),
    normalId: instanceId(instance, { immutable: false }),
    seriesMasterId: slot === null ? null : item.immutableId,
    type: instance.type === 'seriesMaster' ? 'singleInstance' : instance.type,
    originalStart: slot === null ? null : when(slot.originalMs, item.times.start.zone, item.times.isAllDay),
    start: when(instance.startMs, times.start.zone, times.isAllDay),
    end: when(instance.endMs, times.end.zone, times.isAllDay),
    isAllDay: times.isAllDay,
    timeZone: times.start.zoneName,
    subject: content.subject,
    bodyPreview: previewOf(content.body),
    location: typeof displayName === 'string' ? displayName : '',
    showAs: content.showAs,
    sensitivity: content.sensitivity,
    isCancelled: content.isCancelled,
    isOrganizer: content.organizer === null,
    transactionId: content.transactionId,
    changeKey: changeKeyOf(instance).toString('base64'),
  };
}
