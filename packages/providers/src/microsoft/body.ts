/**
 * An event as Graph is told of it. A patch says what changes and nothing else; where several of Graph's words read as one
 * of ours, the one that stands there is kept.
 * https://learn.microsoft.com/graph/api/event-update
 */
import type { Attendee, EventPatch, UpdateRequest, WritableFields } from '@calfleet/domain';
import type { Json } from '../json.ts';
import { rejected } from './errors.ts';
import { bodyText, meetingUrlOf, transparencyOf, visibilityOf } from './normalise.ts';
import { saidRecurrence } from './written-recurrence.ts';
import { saidBounds } from './written-times.ts';

/** @throws request_rejected */
export function newBody(fields: WritableFields, calendarTimeZone: string | null): Json {
  const { start, end, recurrence, attendees } = fields;
  checkStatus(fields);
  return {
    ...plainParts(fields),
    body: textBody(fields.description),
    ...saidBounds(start, end, calendarTimeZone),
    ...(recurrence.length > 0 && { recurrence: saidRecurrence(recurrence, start, calendarTimeZone) }),
    ...(attendees.length > 0 && { attendees: attendees.flatMap(saidAttendee) }),
    sensitivity: sensitivities[fields.visibility],
    showAs: shows[fields.transparency],
  };
}

/** What of a patch can be told without a look at the event. @throws request_rejected */
export function patchBody({ event, patch, whole, calendarTimeZone }: UpdateRequest): Json {
  checkStatus(patch);
  const isTimed = patch.start !== undefined || patch.end !== undefined;
  return {
    ...plainParts(patch),
    ...(isTimed && saidBounds(whole.start, whole.end, calendarTimeZone)),
    ...('occurrence' in event ? refusedRecurrence(patch) : recurrencePart(patch, whole, calendarTimeZone)),
    ...(patch.attendees && { attendees: patch.attendees.flatMap(saidAttendee) }),
  };
}

/** Whether the rest of a patch depends on what is there. */
export const needsLook = ({ status, description, visibility, transparency }: EventPatch): boolean =>
  [status, description, visibility, transparency].some((value) => value !== undefined);

/** The rest, once the event was looked at. @throws request_rejected */
export function patchUpon(
  current: Json,
  { status, description, visibility, transparency }: EventPatch,
): Json {
  if (status !== undefined && current['isCancelled'] === true) {
    throw rejected('its organiser called the meeting off, which nobody else can take back');
  }
  const { sensitivity, showAs } = current;
  const showsSo = transparencyOf(showAs) === transparency && showAs !== 'unknown';
  return {
    ...(description !== undefined && descriptionPart(current, description)),
    ...(visibility && {
      sensitivity: visibilityOf(sensitivity) === visibility ? sensitivity : sensitivities[visibility],
    }),
    ...(transparency && { showAs: showsSo ? showAs : shows[transparency] }),
  };
}

/** Events of Graph take place until they are deleted; only an organiser's own "called off" is shown to guests. */
function checkStatus({ status }: EventPatch): void {
  if (status === 'cancelled') throw rejected('an event is cancelled by deleting it');
  if (status === 'tentative') throw rejected('Graph has no tentative events');
}

/** A location replaces the list of them. https://learn.microsoft.com/graph/api/event-update */
const plainParts = ({ summary, location }: EventPatch): Json => ({
  ...(summary !== undefined && { subject: summary ?? '' }),
  ...(location !== undefined && { location: { displayName: location ?? '' } }),
});

const textBody = (text: string | null): Json => ({ contentType: 'text', content: text ?? '' });

/**
 * The text of an online meeting holds what people join it by, in HTML of Microsoft's own that nobody documents, and a
 * meeting whose text loses that is online no more. So it is left alone, and whoever wants to change it is told.
 * https://learn.microsoft.com/graph/api/event-update
 */
function descriptionPart(current: Json, description: string | null): Json {
  if (current['isOnlineMeeting'] !== true && meetingUrlOf(current) === null) {
    return { body: textBody(description) };
  }
  if (bodyText(current['body']) === description) return {};
  throw rejected('the text of an online meeting holds its link and can only be changed in Outlook');
}

/**
 * A series whose times change says its recurrence again, since its range begins with its start.
 * https://learn.microsoft.com/graph/api/resources/recurrencerange
 */
function recurrencePart(patch: EventPatch, whole: WritableFields, calendarTimeZone: string | null): Json {
  const isMoved = patch.start !== undefined && whole.recurrence.length > 0;
  if (patch.recurrence === undefined && !isMoved) return {};
  const lines = patch.recurrence ?? whole.recurrence;
  return { recurrence: lines.length === 0 ? null : saidRecurrence(lines, whole.start, calendarTimeZone) };
}

function refusedRecurrence({ recurrence = [] }: EventPatch): Json {
  if (recurrence.length > 0) throw rejected('an occurrence does not recur');
  return {};
}

/** Who has neither address nor name is nobody. Answers are the guests' own and never sent: Graph keeps them. */
function saidAttendee({ email, name, optional, resource }: Attendee): Json[] {
  if (email === null && name === null) return [];
  const emailAddress = { ...(email !== null && { address: email }), ...(name !== null && { name }) };
  return [{ type: resource ? 'resource' : optional ? 'optional' : 'required', emailAddress }];
}

/** Graph has no word for events that everybody may look into: they are as visible as the calendar makes them. */
const sensitivities: Record<WritableFields['visibility'], string> = {
  default: 'normal',
  public: 'normal',
  private: 'private',
  confidential: 'confidential',
};

const shows: Record<WritableFields['transparency'], string> = { opaque: 'busy', transparent: 'free' };
