/** Events as Graph shows them. https://learn.microsoft.com/graph/api/resources/event */
import { bodyOf, previewOf } from './body.ts';
import { neverResponded, type Attendee, type EventContent } from './content.ts';
import { DAY_MS, dayOf } from './days.ts';
import { entityEtag, longEtag } from './etags.ts';
import { changeKeyOf, contentOf, instanceId, timesOf, type Instance } from './item.ts';
import { showRecurrence } from './recurrence.ts';
import { occurrenceIdOf } from './series.ts';
import { showMoment, type EventTimes, type ShownZone } from './times.ts';
import type { MicrosoftWorld } from './world.ts';

/** How a reader wants events, and what it may see of them. */
export interface View {
  immutableIds: boolean;
  zone: ShownZone;
  /** Whether the zone was asked for: then `originalStart` has its offset. */
  isZoned: boolean;
  bodyType: 'html' | 'text';
  mayViewPrivate: boolean;
}

export type ShownEvent = Record<string, unknown> & { id: string };

export const DELTA_TYPE = '#microsoft.graph.event';

/** Two readers with equal texts see the same. */
export const viewKey = (view: View): string =>
  [view.immutableIds, view.zone.name, view.isZoned, view.bodyType, view.mayViewPrivate].join('|');

export function showEvent(world: MicrosoftWorld, instance: Instance, view: View): ShownEvent {
  const { item, slot, type } = instance;
  const content = visibleContent(contentOf(instance), view);
  const times = timesOf(instance);
  const changeKey = changeKeyOf(instance);
  const id = instanceId(instance, { immutable: view.immutableIds });
  const masterId = view.immutableIds ? item.immutableId : item.id;
  const modifiedMs = slot?.exception?.modifiedMs ?? item.modifiedMs;
  return {
    '@odata.etag': entityEtag(changeKey),
    id,
    createdDateTime: iso7(slot?.exception?.createdMs ?? item.createdMs),
    lastModifiedDateTime: iso7(modifiedMs),
    changeKey: changeKey.toString('base64'),
    categories: content.categories,
    transactionId: content.transactionId,
    originalStartTimeZone: content.originalStartTimeZone,
    originalEndTimeZone: content.originalEndTimeZone,
    iCalUId: iCalUIdOf(world, instance),
    uid: iCalUIdOf(world, { ...instance, slot: null }),
    reminderMinutesBeforeStart: content.reminderMinutesBeforeStart,
    isReminderOn: content.isReminderOn,
    hasAttachments: false,
    subject: content.subject,
    bodyPreview: previewOf(content.body),
    importance: content.importance,
    sensitivity: content.sensitivity,
    isAllDay: times.isAllDay,
    isCancelled: content.isCancelled,
    isOrganizer: content.organizer === null,
    responseRequested: content.responseRequested,
    seriesMasterId: slot === null ? null : masterId,
    showAs: content.showAs,
    type,
    webLink: `https://outlook.office365.com/owa/?itemid=${encodeURIComponent(id)}&exvsurl=1&path=/calendar/item`,
    onlineMeetingUrl: null,
    isOnlineMeeting: content.isOnlineMeeting,
    onlineMeetingProvider: content.onlineMeetingProvider,
    allowNewTimeProposals: content.allowNewTimeProposals,
    occurrenceId: slot === null ? null : occurrenceIdOf(masterId, slot.day),
    isDraft: false,
    hideAttendees: content.hideAttendees,
    ...(slot === null ? {} : { originalStart: originalStart(world, instance, view) }),
    ...edges(world, instance, times, view),
    recurrence: type === 'seriesMaster' && item.series ? showRecurrence(item.series.recurrence) : null,
    ...showParts(world, instance, { content, view }),
  };
}

/** What has members of its own. */
function showParts(
  { quirks }: MicrosoftWorld,
  { item }: Instance,
  { content, view }: { content: EventContent; view: View },
): Record<string, unknown> {
  const { name, email } = item.folder.owner;
  return {
    responseStatus: content.responseStatus,
    body: bodyOf(content.body, { wanted: view.bodyType, texts: quirks.texts }),
    location: content.locations[0] ?? { displayName: '', locationType: 'default' },
    locations: content.locations,
    attendees: quirks.attendeeOrder === 'sent' ? content.attendees : content.attendees.toSorted(byAddress),
    organizer: { emailAddress: content.organizer ?? { name, address: email } },
    onlineMeeting: content.isOnlineMeeting
      ? { joinUrl: `https://teams.microsoft.com/l/meetup-join/${item.key}` }
      : null,
  };
}

const byAddress = (a: Attendee, b: Attendee): number =>
  a.emailAddress.address < b.emailAddress.address ? -1 : 1;

/** An occurrence in a delta says when it is and whose it is. https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/34 */
export function showBare(world: MicrosoftWorld, instance: Instance, view: View): ShownEvent {
  const { item } = instance;
  return {
    '@odata.type': DELTA_TYPE,
    '@odata.etag': longEtag(changeKeyOf(instance)),
    id: instanceId(instance, { immutable: view.immutableIds }),
    seriesMasterId: view.immutableIds ? item.immutableId : item.id,
    type: instance.type,
    ...edges(world, instance, timesOf(instance), view),
  };
}

/** What an exception has of its own, and no more. */
export function showPartial(world: MicrosoftWorld, instance: Instance, view: View): ShownEvent {
  const full = showEvent(world, instance, view);
  const own = Object.keys(instance.slot?.exception?.overrides ?? {});
  const names = [
    ...own,
    ...(own.includes('body') ? ['bodyPreview'] : []),
    ...(own.includes('locations') ? ['location'] : []),
  ];
  const picked = names.filter((name) => name in full).map((name) => [name, full[name]] as const);
  return {
    ...showBare(world, instance, view),
    '@odata.etag': full['@odata.etag'],
    originalStart: full.originalStart,
    ...Object.fromEntries(picked),
  };
}

/** As delta shows singles, masters and exceptions. */
export const typed = (event: ShownEvent): ShownEvent => ({ '@odata.type': DELTA_TYPE, ...event });

function edges(
  world: MicrosoftWorld,
  instance: Instance,
  times: EventTimes,
  view: View,
): { start: unknown; end: unknown } {
  const options = { shown: view.zone, isAllDay: times.isAllDay };
  return {
    start: showMoment(world.zones, { ms: instance.startMs, zone: times.start.zone }, options),
    end: showMoment(world.zones, { ms: instance.endMs, zone: times.end.zone }, options),
  };
}

function originalStart({ zones, quirks }: MicrosoftWorld, instance: Instance, view: View): string {
  const { item, slot } = instance;
  const ms = slot?.originalMs ?? instance.startMs;
  if (item.times.isAllDay && quirks.allDayOriginalStart === 'midnight') {
    const localMs = zones.toLocal(item.times.start.zone, ms);
    return `${new Date(dayOf(localMs) * DAY_MS).toISOString().slice(0, 19)}Z`;
  }
  return zones.rfc3339(view.isZoned ? view.zone.iana : 'UTC', ms);
}

/** Who may not look into private events sees that there is one. */
function visibleContent(content: EventContent, view: View): EventContent {
  if (view.mayViewPrivate || content.sensitivity !== 'private') return content;
  return {
    ...content,
    subject: 'Private Appointment',
    body: { contentType: 'html', content: '' },
    locations: [],
    attendees: [],
    categories: [],
    isOnlineMeeting: false,
    responseStatus: { response: 'none', time: neverResponded },
  };
}

/** Exchange writes the day of an occurrence into bytes 16 to 19. */
function iCalUIdOf({ quirks }: MicrosoftWorld, { item, slot }: Instance): string {
  const key = item.key.toString(16).toUpperCase().padStart(32, '0');
  const isOwn = slot !== null && quirks.occurrenceICalUId === 'own';
  const date = isOwn ? new Date(slot.day * DAY_MS) : null;
  const hex = (value: number, width: number): string => value.toString(16).toUpperCase().padStart(width, '0');
  const day =
    date === null
      ? '00000000'
      : hex(date.getUTCFullYear(), 4) + hex(date.getUTCMonth() + 1, 2) + hex(date.getUTCDate(), 2);
  return `040000008200E00074C5B7101A82E008${day}${key}`;
}

const iso7 = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}0000Z`;
