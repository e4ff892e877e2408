/** The control API below one calendar. */
import { z } from 'zod';
import { json, noContent, type Reply } from '../reply.ts';
import { accessRoles } from '../store/calendar.ts';
import type { CalendarOwner } from './calendar-owner.ts';
import { ControlError } from './owner.ts';
import type { ControlCall } from './routes.ts';

const event = z.record(z.string(), z.unknown());

/** One event, or `{events: [...]}`. */
const insertInput = z.union([z.strictObject({ events: z.array(event) }), event]);

const changesInput = z.strictObject({
  summary: z.string().optional(),
  timeZone: z.string().optional(),
  refusesPush: z.boolean().optional(),
  accessRole: z.enum(accessRoles).optional(),
  unshared: z.boolean().optional(),
});

const expireInput = z.strictObject({ what: z.enum(['sync_tokens', 'page_tokens', 'channels']) });

export function calendarReply(
  { body }: ControlCall,
  method: string,
  calendar: CalendarOwner,
  rest: string[],
): Reply | undefined {
  const [room, eventId, ...below] = rest;
  if (below.length > 0) return undefined;
  if (room === 'events' && eventId !== undefined) return eventReply(body, method, calendar, eventId);
  if (eventId !== undefined) return undefined;
  switch (`${method} ${room ?? ''}`.trim()) {
    case 'PATCH':
      calendar.change(changesInput.parse(body));
      return noContent;
    case 'POST expire':
      expire(calendar, expireInput.parse(body).what);
      return noContent;
    case 'GET truth':
      return json(calendar.truth());
    case 'POST events':
      return insert(calendar, insertInput.parse(body));
    default:
      return undefined;
  }
}

function insert(calendar: CalendarOwner, input: z.infer<typeof insertInput>): Reply {
  if (Array.isArray(input.events)) {
    const events = z.array(event).parse(input.events);
    return json({ ids: calendar.insertMany(events) }, 201);
  }
  return json(calendar.insert(input), 201);
}

function expire(calendar: CalendarOwner, what: z.infer<typeof expireInput>['what']): void {
  switch (what) {
    case 'sync_tokens':
      return calendar.expireSyncTokens();
    case 'page_tokens':
      return calendar.expirePageTokens();
    case 'channels':
      return calendar.expireChannels();
  }
}

function eventReply(
  body: unknown,
  method: string,
  calendar: CalendarOwner,
  eventId: string,
): Reply | undefined {
  switch (method) {
    case 'GET': {
      const found = calendar.get(eventId);
      if (found === undefined) throw new ControlError(404, `no such event: ${eventId}`);
      return json(found);
    }
    case 'PATCH':
      return json(calendar.patch(eventId, event.parse(body)));
    case 'PUT':
      return json(calendar.update(eventId, event.parse(body)));
    case 'DELETE':
      calendar.delete(eventId);
      return noContent;
    default:
      return undefined;
  }
}
