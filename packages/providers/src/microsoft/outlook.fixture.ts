/**
 * What people do in Outlook, for cases that were written for any provider: ids are the provider's own here, so the
 * names that cases give are kept beside them.
 */
import { slotOf, ZoneTable, type Attendee, type EventTime } from '@calfleet/domain';
import type {
  MailboxOwner,
  MicrosoftCalendarOwner,
  MicrosoftEventBody,
  MicrosoftOwner,
} from '@calfleet/sandbox';
import type { HarnessEvent } from '../conformance/harness.ts';
import { ianaZoneOf, windowsZoneOf } from './zones.ts';

interface OutlookCalendar {
  refusesPush?: boolean;
  readOnly?: boolean;
  timeZone?: string;
}

export class Outlook {
  readonly ada: MailboxOwner;
  private readonly bob: MailboxOwner;
  /** Of an event in a calendar that no case looks at. */
  private readonly elsewhereId: string;
  private readonly zones = new ZoneTable();
  /** Of each calendar: zone of its all-day events, and ids by name. */
  private readonly books = new Map<string, { zone: string; ids: Map<string, string> }>();

  constructor(owner: MicrosoftOwner) {
    this.ada = owner.createMailbox({ email: 'ada@example.com', calendars: [{ name: 'Calendar' }] });
    this.bob = owner.createMailbox({ email: 'bob@example.com' });
    const at = { dateTime: '2026-11-23T09:00:00', timeZone: 'UTC' };
    this.elsewhereId = this.ada.calendar('Calendar').create({ subject: 'elsewhere', start: at, end: at }).id;
  }

  /** A calendar that somebody shares cannot be subscribed to. A zone is the mailbox's: calendars have none. */
  createCalendar({ refusesPush = false, readOnly = false, timeZone }: OutlookCalendar): string {
    if (timeZone !== undefined) this.ada.setTimeZone(zoneName(timeZone));
    const isShared = refusesPush || readOnly;
    const { id } = isShared
      ? this.bob.share(this.bob.createCalendar(), this.ada, { canEdit: !readOnly })
      : this.ada.createCalendar();
    this.books.set(id, { zone: timeZone ?? 'UTC', ids: new Map() });
    return id;
  }

  calendar(id: string): MicrosoftCalendarOwner {
    return this.ada.calendar(id);
  }

  put(calendarId: string, event: HarnessEvent): void {
    const calendar = this.calendar(calendarId);
    const body = this.bodyOf(calendarId, event);
    const known = event.exceptionOf
      ? this.occurrenceId(calendarId, event.exceptionOf.seriesId, event.exceptionOf.originalStart)
      : this.book(calendarId).ids.get(event.id);
    if (known === undefined) this.book(calendarId).ids.set(event.id, calendar.create(body).id);
    else calendar.patch(known, body);
  }

  idOf(calendarId: string, name: string): string {
    const { ids } = this.book(calendarId);
    const [, seriesName, year, month, day] = /^(.+)_(\d{4})(\d{2})(\d{2})/.exec(name) ?? [];
    const seriesId = ids.get(seriesName ?? '');
    if (ids.has(name) || seriesId === undefined) return ids.get(name) ?? this.elsewhereId;
    // Remembered, since nobody can be asked about an occurrence that has gone.
    const { id } = this.calendar(calendarId).occurrence(seriesId, `${year}-${month}-${day}`);
    ids.set(name, id);
    return id;
  }

  nameOf(calendarId: string, eventId: string): string {
    const { ids } = this.book(calendarId);
    const known = [...ids].find(([, id]) => id === eventId)?.[0];
    if (known !== undefined) return known;
    const shown = this.calendar(calendarId).get(eventId);
    const series = [...ids].find(([, id]) => id === shown?.['seriesMasterId'])?.[0];
    const slot = series === undefined ? undefined : this.slotOfShown(calendarId, series, shown ?? {});
    if (slot === undefined) return eventId;
    ids.set(`${series}_${slot}`, eventId);
    return `${series}_${slot}`;
  }

  occurrenceId(calendarId: string, seriesName: string, originalStart: EventTime): string {
    return this.idOf(calendarId, `${seriesName}_${slotOf(originalStart)}`);
  }

  private slotOfShown(calendarId: string, series: string, shown: Record<string, unknown>): string {
    const master = this.calendar(calendarId).get(this.idOf(calendarId, series));
    if (master?.['isAllDay'] === true) return String(shown['occurrenceId']).slice(-10).replaceAll('-', '');
    return slotOf({ kind: 'zoned', instant: String(shown['originalStart']), zone: null });
  }

  private book(calendarId: string) {
    const book = this.books.get(calendarId);
    if (!book) throw new Error(`no calendar ${calendarId}`);
    return book;
  }

  private bodyOf(calendarId: string, { fields, exceptionOf }: HarnessEvent): MicrosoftEventBody {
    const { start, end, summary, description, location, attendees, recurrence } = fields;
    const { zone } = this.book(calendarId);
    return {
      ...(summary !== undefined && { subject: summary }),
      ...(description !== undefined && { body: { contentType: 'text', content: description } }),
      ...(location !== undefined && { location: { displayName: location } }),
      ...(attendees && { attendees: attendees.map(attendeeOf) }),
      ...(recurrence?.[0] !== undefined &&
        !exceptionOf && { recurrence: this.recurrenceOf(start, recurrence[0]) }),
      isAllDay: start.kind === 'date',
      start: this.timeOf(start, zone),
      end: this.timeOf(end, zone),
    };
  }

  /** Naive local time and its zone, which is how Outlook is told. */
  private timeOf(time: EventTime, calendarZone: string): { dateTime: string; timeZone: string } {
    if (time.kind === 'floating') throw new Error('Outlook knows no floating times');
    const zone = time.kind === 'date' ? calendarZone : (time.zone ?? 'UTC');
    const dateTime =
      time.kind === 'date'
        ? `${time.date}T00:00:00`
        : this.zones.instantToLocal({ instant: new Date(time.instant), zone });
    return { dateTime, timeZone: zoneName(zone) };
  }

  /** Of the rules that cases have: `FREQ` daily or weekly, with a `COUNT`. */
  private recurrenceOf(start: EventTime, rule: string): object {
    const [, frequency, count] = /^RRULE:FREQ=(DAILY|WEEKLY);COUNT=(\d+)$/.exec(rule) ?? [];
    if (frequency === undefined) throw new Error(`no rule of the cases: ${rule}`);
    const startDate = this.timeOf(start, 'UTC').dateTime.slice(0, 10);
    const weekday = new Date(startDate).toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
    return {
      pattern: {
        type: frequency.toLowerCase(),
        interval: 1,
        ...(frequency === 'WEEKLY' && { daysOfWeek: [weekday.toLowerCase()] }),
      },
      range: { type: 'numbered', startDate, numberOfOccurrences: Number(count) },
    };
  }
}

/** As Outlook would write it; IANA names are taken too, where the way back would lead to another spelling. */
function zoneName(iana: string): string {
  const windows = windowsZoneOf(iana);
  return windows !== null && ianaZoneOf(windows) === iana ? windows : iana;
}

const responses: Record<Attendee['response'], string> = {
  needs_action: 'none',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentativelyAccepted',
};

const attendeeOf = ({ email, name, response, optional, resource }: Attendee): object => ({
  type: resource ? 'resource' : optional ? 'optional' : 'required',
  status: { response: responses[response] },
  emailAddress: { address: email, name },
});
