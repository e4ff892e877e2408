/** A calendar as its owner has it, at either sandbox: the model of both ways speaks to both alike. */
import type { CalendarOwner, EventBody, MicrosoftCalendarOwner, MicrosoftEventBody } from '@calfleet/sandbox';
import type { EventTime } from '@calfleet/domain';
import type { Begun, Said, There } from '../../../packages/sync/testing/two-way-commands.ts';
import { instanceOf } from './google-edits.ts';
import { ifAllowed } from './graph-edits.ts';

export function googleSide(owner: CalendarOwner): There {
  const live = () => owner.truth().events.filter(({ status }) => status !== 'cancelled');
  return {
    events: () =>
      live().map(({ id, recurringEventId, recurrence, start }) => ({
        id,
        seriesId: recurringEventId ?? null,
        allDay: Boolean(start?.date),
        isSeries: (recurrence?.length ?? 0) > 0,
      })),
    shown: () =>
      live()
        .map(({ summary, location, description, start }) =>
          [summary, location, description, start?.dateTime && instantOf(start.dateTime)].join(' '),
        )
        .join(' '),
    titles: () =>
      live().flatMap(({ summary, recurringEventId }) => (recurringEventId ? [] : (summary ?? []))),
    movesSeries: false,
    create: ({ recurrence, ...said }) => owner.insert({ ...googleBody(said), recurrence }).id,
    change: (id, said) => {
      owner.patch(id, googleBody(said));
      return true;
    },
    remove: (id) => owner.delete(id),
    changeOccurrence: (seriesId, nth, said) => {
      const instance = instanceOf(owner, seriesId, nth);
      if (!instance || instance.status === 'cancelled') return null;
      return owner.patch(instance.id, googleBody(said)).id;
    },
    cancelOccurrence: (seriesId, nth) => {
      const instance = instanceOf(owner, seriesId, nth);
      if (instance && instance.status !== 'cancelled') owner.delete(instance.id);
    },
  };
}

function googleBody({ time, ...texts }: Said): EventBody {
  const said = (at: EventTime) =>
    at.kind === 'date'
      ? { date: at.date }
      : { dateTime: at.kind === 'zoned' ? at.instant : at.local, timeZone: 'UTC' };
  return { ...texts, ...(time && { start: said(time.start), end: said(time.end) }) };
}

const instantOf = (text: string): string => `${new Date(text).toISOString().slice(0, 19)}Z`;

const always = { start: '2026-01-01T00:00:00Z', end: '2027-12-01T00:00:00Z' };

export function graphSide(calendar: MicrosoftCalendarOwner): There {
  const instances = () => calendar.truth(always);
  /** Single events, series and exceptions, once each. */
  const ids = (): string[] => [
    ...new Set(
      instances().flatMap(({ eventId, seriesMasterId, type }) => [
        ...(seriesMasterId === null ? [] : [seriesMasterId]),
        ...(type === 'occurrence' ? [] : [eventId]),
      ]),
    ),
  ];
  const live = () => ids().flatMap((id) => (calendar.get(id) as GraphShown | undefined) ?? []);
  return {
    events: () =>
      live().map(({ id, seriesMasterId, type, isAllDay }) => ({
        id,
        seriesId: seriesMasterId ?? null,
        allDay: isAllDay,
        isSeries: type === 'seriesMaster',
      })),
    shown: () =>
      live()
        .map(({ subject, location, body, start }) =>
          [subject, location?.displayName, body?.content, `${start.dateTime.slice(0, 19)}Z`].join(' '),
        )
        .join(' '),
    titles: () => live().flatMap(({ subject, type }) => (type === 'exception' ? [] : (subject ?? []))),
    movesSeries: false,
    create: (begun) => String(calendar.create({ ...graphBody(begun), ...repeats(begun) })['id']),
    change: (id, said) => ifAllowed(() => calendar.patch(id, graphBody(said))),
    remove: (id) => calendar.delete(id),
    changeOccurrence: (seriesId, nth, said) => {
      const instance = instances().filter(({ seriesMasterId }) => seriesMasterId === seriesId)[nth];
      if (!instance) return null;
      return String(calendar.patch(instance.eventId, graphBody(said))['id']);
    },
    cancelOccurrence: (seriesId, nth) => {
      const instance = instances().filter(({ seriesMasterId }) => seriesMasterId === seriesId)[nth];
      if (instance) calendar.delete(instance.eventId);
    },
  };
}

interface GraphShown {
  id: string;
  type: string;
  seriesMasterId?: string | null;
  isAllDay: boolean;
  subject?: string | null;
  location?: { displayName?: string };
  body?: { content?: string };
  start: { dateTime: string };
}

function graphBody({ time, summary, location, description }: Said): MicrosoftEventBody {
  const said = (at: EventTime) => ({
    dateTime:
      at.kind === 'date' ? `${at.date}T00:00:00` : at.kind === 'zoned' ? at.instant.slice(0, 19) : at.local,
    timeZone: 'UTC',
  });
  return {
    ...(summary !== undefined && { subject: summary }),
    ...(location !== undefined && { location: { displayName: location } }),
    ...(description !== undefined && { body: { contentType: 'text', content: description } }),
    ...(time && { start: said(time.start), end: said(time.end), isAllDay: time.start.kind === 'date' }),
  };
}

/** The few rules of the model, in Graph's words. */
function repeats({ recurrence: [line], time: { start } }: Begun): MicrosoftEventBody {
  if (line === undefined) return {};
  const [, count = '1'] = /COUNT=(\d+)/.exec(line) ?? [];
  const [, interval = '1'] = /INTERVAL=(\d+)/.exec(line) ?? [];
  const startDate =
    start.kind === 'date' ? start.date : start.kind === 'zoned' ? start.instant.slice(0, 10) : '';
  const day = new Date(startDate)
    .toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' })
    .toLowerCase();
  const days = line.includes('WEEKLY') ? { type: 'weekly', daysOfWeek: [day] } : { type: 'daily' };
  const range = {
    type: 'numbered',
    startDate,
    numberOfOccurrences: Number(count),
    recurrenceTimeZone: 'UTC',
  };
  return { recurrence: { pattern: { ...days, interval: Number(interval) }, range } };
}
