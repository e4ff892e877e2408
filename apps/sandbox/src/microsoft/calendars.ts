/** The calendars of a mailbox, its own and those that others share. https://learn.microsoft.com/graph/api/resources/calendar */
import { json, type Reply } from '../reply.ts';
import { demand, openCalendar, shownCalendarId, type OpenCalendar } from './access.ts';
import type { GraphCall } from './call.ts';
import { nextLink, readSkip, readTop, selected, readSelect } from './paging.ts';

export function listCalendars(call: GraphCall): Reply {
  demand(call, 'calendars.read');
  const { world, mailbox, rootUrl, userPath } = call;
  const top = readTop(call, world.quirks.calendarPageSize);
  const skip = readSkip(call);
  const select = readSelect(call);
  const entries = [...mailbox.calendars.values()];
  const value = entries
    .slice(skip, skip + top)
    .map((entry) => selected(showCalendar(call, openCalendar(call, entry.id)), select));
  const hasMore = skip + top < entries.length;
  return json({
    '@odata.context': `${rootUrl}/$metadata#${userPath}/calendars`,
    value,
    ...(hasMore ? { '@odata.nextLink': nextLink(call, `${userPath}/calendars`, skip + top) } : {}),
  });
}

export function getCalendar(call: GraphCall, calendarId: string | null): Reply {
  demand(call, 'calendars.read');
  const { rootUrl, userPath } = call;
  const shown = showCalendar(call, openCalendar(call, calendarId));
  return json({
    '@odata.context': `${rootUrl}/$metadata#${userPath}/calendars/$entity`,
    ...selected(shown, readSelect(call)),
  });
}

export function showCalendar(call: GraphCall, { entry, folder }: OpenCalendar): Record<string, unknown> {
  const isOwn = entry.owner === call.mailbox;
  const isWork = entry.owner.tenantId !== '9188040d-6c67-4c5b-b112-36a304b66dad';
  return {
    id: shownCalendarId(call, entry),
    name: folder.name,
    color: folder.color,
    hexColor: '',
    isDefaultCalendar: entry.isDefault,
    changeKey: folder.changeKey.toString('base64'),
    canShare: isOwn,
    canViewPrivateItems: entry.canViewPrivateItems,
    canEdit: entry.canEdit,
    allowedOnlineMeetingProviders: isWork ? ['teamsForBusiness'] : [],
    defaultOnlineMeetingProvider: isWork ? 'teamsForBusiness' : 'unknown',
    isTallyingResponses: entry.isDefault && isOwn,
    isRemovable: !entry.isDefault,
    owner: { name: entry.owner.name, address: entry.owner.email },
  };
}
