/** The operations on single events, as Graph offers them: who may do what, and what comes back. */
import { json, noContent, type Reply } from '../reply.ts';
import { demand, demandEdit, openCalendar, openEvent, viewOf, type OpenCalendar } from './access.ts';
import { showCalendar } from './calendars.ts';
import type { GraphCall } from './call.ts';
import { parseEventBody } from './content.ts';
import { unreadableBody } from './errors.ts';
import { eventPath } from './event-list.ts';
import { extendedOf } from './extended.ts';
import { contentOf, type Instance } from './item.ts';
import { readSelect, selected } from './paging.ts';
import type { Route } from './routes.ts';
import { headOf, instanceAt, occurrenceIdOf } from './series.ts';
import { showEvent, type View } from './shown.ts';
import { createEvent, deleteEvent, patchEvent, touchEvent } from './write.ts';

export function getEvent(call: GraphCall, route: Route): Reply {
  demand(call, 'calendars.read');
  const { instance, ...calendar } = openEvent(call, route);
  return entity(call, route, { ...calendar, instance });
}

export function create(call: GraphCall, route: Route): Reply {
  const calendar = openCalendar(call, route.calendarId);
  demandEdit(call, calendar.entry);
  if (call.body === undefined) throw unreadableBody('The request has no body.');
  const { immutableIds } = call.prefer;
  const item = createEvent(call.world, calendar.folder, parseEventBody(call.body), { immutableIds });
  const reply = entity(call, route, { ...calendar, instance: headOf(item) });
  touchNow(call, headOf(item));
  return { ...reply, status: 201 };
}

export function update(call: GraphCall, route: Route): Reply {
  const { instance, ...calendar } = openEvent(call, route);
  demandEdit(call, calendar.entry);
  const { world, ifMatch } = call;
  const patched = patchEvent(world, instance, parseEventBody(call.body ?? {}), { ifMatch });
  const reply = entity(call, route, { ...calendar, instance: patched });
  touchNow(call, patched);
  return reply;
}

export function remove(call: GraphCall, route: Route): Reply {
  const { instance, entry } = openEvent(call, route);
  demandEdit(call, entry);
  deleteEvent(call.world, instance, { ifMatch: call.ifMatch });
  return noContent;
}

/** After the answer was written: the client's version is already an old one. */
function touchNow({ world }: GraphCall, instance: Instance): void {
  if (world.whims.chance(world.quirks.serverTouchRate)) touchEvent(world, instance);
}

function entity(call: GraphCall, route: Route, found: OpenCalendar & { instance: Instance }): Reply {
  const { world, rootUrl } = call;
  const select = readSelect(call);
  const view = viewOf(call, found.entry);
  const shown = showEvent(world, found.instance, view);
  return json({
    '@odata.context': `${rootUrl}/$metadata#${eventPath(call, route)}/$entity`,
    ...selected(shown, select),
    ...expanded(call, found),
    ...cancelledOf(call, found.instance, { select, view }),
  });
}

function expanded(call: GraphCall, found: OpenCalendar & { instance: Instance }): Record<string, unknown> {
  const expand = call.params.get('$expand') ?? '';
  return {
    ...(/\bcalendar\b/.test(expand) ? { calendar: showCalendar(call, found) } : {}),
    ...extendedOf(contentOf(found.instance), expand),
  };
}

/** What beta tells about the gaps of a series. https://learn.microsoft.com/graph/api/event-get?view=graph-rest-beta */
function cancelledOf(
  { world, params }: GraphCall,
  { item, type }: Instance,
  options: { select: string[] | null; view: View },
): Record<string, unknown> {
  const { select, view } = options;
  if (!world.quirks.cancelledOccurrences || type !== 'seriesMaster' || item.series === null) return {};
  const masterId = view.immutableIds ? item.immutableId : item.id;
  const { cancelled, exceptions } = item.series;
  const days = [...cancelled].sort((a, b) => a - b);
  const isExpanded = /\bexceptionOccurrences\b/.test(params.get('$expand') ?? '');
  return {
    ...(select?.includes('cancelledOccurrences') === true
      ? { cancelledOccurrences: days.map((day) => occurrenceIdOf(masterId, day)) }
      : {}),
    ...(isExpanded
      ? {
          exceptionOccurrences: [...exceptions.keys()].map((day) =>
            showEvent(world, instanceAt(world.zones, item, day), view),
          ),
        }
      : {}),
  };
}
