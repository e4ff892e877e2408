/** The control API below one calendar of a mailbox. */
import { z } from 'zod';
import { ControlError } from '../control/owner.ts';
import { json, noContent, type Reply } from '../reply.ts';
import { manyMicrosoftEvents } from '../seed/many-microsoft.ts';
import type { MicrosoftCalendarOwner } from './calendar-owner.ts';
import type { MicrosoftControlCall } from './control-routes.ts';
import type { MailboxOwner } from './mailbox-owner.ts';

interface CalendarTarget {
  mailbox: MailboxOwner;
  calendar: MicrosoftCalendarOwner;
  /** Behind the calendar's id. */
  path: string[];
}

const event = z.record(z.string(), z.unknown());

/** One event, or `{events: [...]}`. */
const insertInput = z.union([z.strictObject({ events: z.array(event) }), event]);

const rightsInput = { canEdit: z.boolean().optional(), canViewPrivateItems: z.boolean().optional() };

const changesInput = z.strictObject({ name: z.string().optional(), ...rightsInput });

const shareInput = z.strictObject({ with: z.string(), ...rightsInput });

const seedInput = z.strictObject({
  events: z.number().int().min(1).max(1_000_000),
  seed: z.number().int().default(1),
  seriesShare: z.number().min(0).max(1).default(0.02),
});

export function calendarControl(call: MicrosoftControlCall, target: CalendarTarget): Reply | undefined {
  const { calendar, path } = target;
  const [room, eventId, ...below] = path;
  if (room === 'events' && eventId !== undefined)
    return eventControl(call, { ...target, eventId, path: below });
  if (eventId !== undefined) return undefined;
  const { method, body, params } = call;
  switch (`${method} ${room ?? ''}`.trim()) {
    case 'PATCH':
      change(target, changesInput.parse(body));
      return noContent;
    case 'DELETE':
      target.mailbox.removeCalendar(calendar);
      return noContent;
    case 'GET truth':
      return json({ instances: calendar.truth(windowInput.parse(Object.fromEntries(params))) });
    case 'POST events':
      return insert(calendar, insertInput.parse(body));
    case 'POST seed':
      return json({ events: seed(call, calendar) });
    case 'POST id':
      return json({ id: calendar.changeId() });
    case 'POST touch':
      calendar.touchAll();
      return noContent;
    case 'POST share': {
      const { with: other, ...rights } = shareInput.parse(body);
      return json({ id: target.mailbox.share(calendar, call.core.microsoft.mailbox(other), rights).id }, 201);
    }
    case 'POST expire':
      expire(calendar, z.strictObject({ what: z.enum(['delta_links', 'next_links']) }).parse(body).what);
      return noContent;
    default:
      return undefined;
  }
}

const windowInput = z.strictObject({
  start: z.iso.datetime({ offset: true }),
  end: z.iso.datetime({ offset: true }),
});

function change({ mailbox, calendar }: CalendarTarget, changes: z.infer<typeof changesInput>): void {
  if (changes.name !== undefined) mailbox.renameCalendar(calendar, changes.name);
  mailbox.setRights(calendar, changes);
}

function insert(calendar: MicrosoftCalendarOwner, input: z.infer<typeof insertInput>): Reply {
  if (Array.isArray(input.events)) {
    return json({ ids: calendar.createMany(z.array(event).parse(input.events)) }, 201);
  }
  return json(calendar.create(input), 201);
}

function seed({ core, body }: MicrosoftControlCall, calendar: MicrosoftCalendarOwner): number {
  const now = new Date(core.world.clock.now());
  return calendar.createMany(manyMicrosoftEvents({ ...seedInput.parse(body), now })).length;
}

function expire(calendar: MicrosoftCalendarOwner, what: 'delta_links' | 'next_links'): void {
  if (what === 'delta_links') calendar.expireDeltaLinks();
  else calendar.expireNextLinks();
}

function eventControl(
  { method, body }: MicrosoftControlCall,
  { mailbox, calendar, eventId, path }: CalendarTarget & { eventId: string },
): Reply | undefined {
  const [room, day, ...below] = path;
  if (below.length > 0) return undefined;
  if (room === 'occurrences' && day !== undefined) {
    return occurrenceControl({ method, body }, { calendar, seriesId: eventId, day });
  }
  if (day !== undefined) return undefined;
  switch (`${method} ${room ?? ''}`.trim()) {
    case 'GET': {
      const found = calendar.get(eventId);
      if (found === undefined) throw new ControlError(404, `no such event: ${eventId}`);
      return json(found);
    }
    case 'PATCH':
      return json(calendar.patch(eventId, event.parse(body)));
    case 'DELETE':
      calendar.delete(eventId);
      return noContent;
    case 'POST cancel':
      return json(calendar.cancelByOrganiser(eventId));
    case 'POST touch':
      calendar.touch(eventId);
      return noContent;
    case 'POST move': {
      const { calendar: wanted } = z.strictObject({ calendar: z.string() }).parse(body);
      return json(calendar.moveTo(eventId, mailbox.calendar(wanted)));
    }
    default:
      return undefined;
  }
}

function occurrenceControl(
  { method, body }: Pick<MicrosoftControlCall, 'method' | 'body'>,
  { calendar, seriesId, day }: { calendar: MicrosoftCalendarOwner; seriesId: string; day: string },
): Reply | undefined {
  switch (method) {
    case 'GET':
      return json(calendar.occurrence(seriesId, day));
    case 'PATCH':
      return json(calendar.patchOccurrence(seriesId, day, event.parse(body)));
    case 'DELETE':
      calendar.deleteOccurrence(seriesId, day);
      return noContent;
    default:
      return undefined;
  }
}
