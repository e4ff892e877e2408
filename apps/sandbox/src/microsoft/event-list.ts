/**
 * Plain lists: events (singles and masters), the instances of a series, and the calendar view. They page by `$skip`
 * in order of birth, so an event deleted between two pages lets another slip through, as it does at Graph.
 */
import type { Reply } from '../reply.ts';
import { demand, openCalendar, openEvent, viewOf } from './access.ts';
import type { GraphCall } from './call.ts';
import { DAY_MS } from './days.ts';
import { badRequest, invalidParameter, invalidRequest } from './errors.ts';
import { readFilter } from './event-filter.ts';
import { extendedOf } from './extended.ts';
import type { Folder } from './folder.ts';
import { contentOf, type Instance, type Span, type StoredItem } from './item.ts';
import { nextLink, readSelect, readSkip, readTop, selected } from './paging.ts';
import type { Route } from './routes.ts';
import { headOf, instancesIn } from './series.ts';
import { showEvent, type ShownEvent, type View } from './shown.ts';
import { readInstant } from './times.ts';

const PAGE_SIZE = 10;
const WINDOW_MAX_MS = 1825 * DAY_MS;

export function listEvents(call: GraphCall, route: Route): Reply {
  demand(call, 'calendars.read');
  const { entry, folder } = openCalendar(call, route.calendarId);
  const { world } = call;
  const view = viewOf(call, entry);
  const matches = readFilter(call.params.get('$filter'));
  const page = pageOf(folder, {
    key: `events ${call.params.get('$filter') ?? ''}`,
    skip: readSkip(call),
    top: readTop(call, PAGE_SIZE),
    expand: (item) => {
      const head = headOf(item);
      return matches(head, () => String(showEvent(world, head, view).iCalUId)) ? [head] : [];
    },
  });
  return listReply(call, route, { page, view });
}

/** https://learn.microsoft.com/graph/api/calendar-list-calendarview */
export function calendarView(call: GraphCall, route: Route): Reply {
  demand(call, 'calendars.read');
  const { entry, folder } = openCalendar(call, route.calendarId);
  const { world } = call;
  const window = readWindow(call);
  const [skip, top] = [readSkip(call), readTop(call, PAGE_SIZE)];
  const view = viewOf(call, entry);
  const order = call.params.get('$orderby');
  const expand = (item: StoredItem): Iterable<Instance> => instancesIn(world.zones, item, window);
  const page =
    order === undefined
      ? pageOf(folder, { key: `view ${window.startMs} ${window.endMs}`, skip, top, expand })
      : orderedPage(folder, { order, skip, top, expand });
  return listReply(call, route, { page, view });
}

/** https://learn.microsoft.com/graph/api/event-list-instances */
export function listInstances(call: GraphCall, route: Route): Reply {
  demand(call, 'calendars.read');
  const { instance, entry } = openEvent(call, route);
  if (instance.type !== 'seriesMaster') {
    throw badRequest('Instances can only be listed of a series master.', 'ErrorInvalidRequest');
  }
  const window = readWindow(call);
  const [skip, top] = [readSkip(call), readTop(call, PAGE_SIZE)];
  const all = [...instancesIn(call.world.zones, instance.item, window)];
  const page = { instances: all.slice(skip, skip + top), next: skip + top < all.length ? skip + top : null };
  return listReply(call, route, { page, view: viewOf(call, entry) });
}

/** @throws GraphError 400; names as Graph has them, whatever the case of the request's. */
export function readWindow({ params }: Pick<GraphCall, 'params'>): Span {
  const [start, end] = [params.get('startDateTime'), params.get('endDateTime')];
  if (!start || !end) {
    throw invalidParameter(
      'This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.',
    );
  }
  const [startMs, endMs] = [readInstant(start), readInstant(end)];
  if (startMs === undefined)
    throw invalidParameter(`The value '${start.slice(0, 40)}' of parameter 'StartDateTime' is invalid.`);
  if (endMs === undefined)
    throw invalidParameter(`The value '${end.slice(0, 40)}' of parameter 'EndDateTime' is invalid.`);
  if (endMs < startMs)
    throw invalidParameter("Parameter 'EndDateTime' lies before parameter 'StartDateTime'.");
  const days = Math.round(((endMs - startMs) / DAY_MS) * 10) / 10;
  if (endMs - startMs > WINDOW_MAX_MS) {
    throw invalidRequest(
      `The requested duration is too long. The range of ${days} days is greater than the allowed range. Maximum number of days: 1825.`,
    );
  }
  return { startMs, endMs };
}

/** The path of a collection or event, as links and contexts repeat it. */
export function eventPath({ userPath }: GraphCall, route: Route): string {
  if (!route.isInCalendar) return `${userPath}/events`;
  if (route.calendarId === null) return `${userPath}/calendar/events`;
  return `${userPath}/calendars/${encodeURIComponent(route.calendarId)}/events`;
}

interface Page {
  instances: Instance[];
  /** `$skip` of the next page; null: there is none. */
  next: number | null;
}

interface PageRequest {
  /** Two requests with equal keys page through the same list. */
  key: string;
  skip: number;
  top: number;
  expand: (item: StoredItem) => Iterable<Instance>;
}

/** A page costs what it holds when it follows the page before; else what lies before it is counted. */
function pageOf(folder: Folder, { key, skip, top, expand }: PageRequest): Page {
  const mark = folder.bookmark;
  const isNext = mark !== null && mark.view === key && mark.skip === skip && mark.seq === folder.seq;
  let ordinal = isNext ? mark.ordinal : 0;
  let toSkip = isNext ? mark.offset : skip;
  const instances: Instance[] = [];
  for (; ordinal < folder.items.length; ordinal += 1) {
    const item = folder.items[ordinal];
    if (item === undefined || item.state !== 'live') continue;
    let offset = 0;
    for (const instance of expand(item)) {
      offset += 1;
      if (toSkip > 0) {
        toSkip -= 1;
        continue;
      }
      if (instances.length === top) {
        folder.bookmark = { view: key, skip: skip + top, seq: folder.seq, ordinal, offset: offset - 1 };
        return { instances, next: skip + top };
      }
      instances.push(instance);
    }
  }
  return { instances, next: null };
}

function orderedPage(folder: Folder, request: Omit<PageRequest, 'key'> & { order: string }): Page {
  const [, edge, direction] = /^(start|end)\/dateTime(?:\s+(asc|desc))?$/i.exec(request.order.trim()) ?? [];
  if (edge === undefined) throw badRequest('The $orderby is not supported.', 'ErrorInvalidUrlQuery');
  const sign = direction?.toLowerCase() === 'desc' ? -1 : 1;
  const by = edge.toLowerCase() === 'start' ? 'startMs' : 'endMs';
  const all = folder.items
    .filter(({ state }) => state === 'live')
    .flatMap((item) => [...request.expand(item)]);
  all.sort((a, b) => sign * (a[by] - b[by]));
  const end = request.skip + request.top;
  return { instances: all.slice(request.skip, end), next: end < all.length ? end : null };
}

function listReply(call: GraphCall, route: Route, { page, view }: { page: Page; view: View }): Reply {
  const select = readSelect(call);
  const expand = call.params.get('$expand') ?? '';
  const value = page.instances.map((instance) => {
    const shown: ShownEvent = showEvent(call.world, instance, view);
    return JSON.stringify({ ...selected(shown, select), ...extendedOf(contentOf(instance), expand) });
  });
  const path = pathOf(call, route);
  const link =
    page.next === null ? '' : `,"@odata.nextLink":${JSON.stringify(nextLink(call, path, page.next))}`;
  const context = JSON.stringify(`${call.rootUrl}/$metadata#${eventPath(call, route)}`);
  return { status: 200, body: `{"@odata.context":${context},"value":[${value.join(',')}]${link}}` };
}

function pathOf(call: GraphCall, route: Route): string {
  const events = eventPath(call, route);
  switch (route.operation) {
    case 'graph.calendarView':
      return events.replace(/events$/, 'calendarView');
    case 'graph.event.instances':
      return `${events}/${encodeURIComponent(route.id ?? '')}/instances`;
    default:
      return events;
  }
}
