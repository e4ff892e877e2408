/** Who somebody is, what zone the mailbox lives in, which zones Outlook knows. */
import { json, type Reply } from '../reply.ts';
import { demand, may } from './access.ts';
import type { GraphCall } from './call.ts';
import { badRequest, insufficientPrivileges } from './errors.ts';
import { readSelect, selected } from './paging.ts';
import type { Route } from './routes.ts';
import { windowsZones } from './windows-zones.ts';

/** https://learn.microsoft.com/graph/api/user-get */
export function getUser(call: GraphCall): Reply {
  if (!may(call, 'user.read')) throw insufficientPrivileges();
  const { mailbox, rootUrl } = call;
  const [givenName = '', ...surname] = mailbox.name.split(' ');
  const shown = {
    id: mailbox.oid,
    displayName: mailbox.name,
    givenName,
    surname: surname.join(' '),
    mail: mailbox.email,
    userPrincipalName: mailbox.email,
    businessPhones: [],
    jobTitle: null,
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
  };
  return json({
    '@odata.context': `${rootUrl}/$metadata#users/$entity`,
    ...selected(shown, readSelect(call)),
  });
}

/** https://learn.microsoft.com/graph/api/user-get-mailboxsettings */
export function getMailboxSettings(call: GraphCall, route: Route): Reply {
  demand(call, 'settings.read');
  const { mailbox, rootUrl } = call;
  const context = `${rootUrl}/$metadata#users('${mailbox.oid}')/mailboxSettings`;
  if (route.detail !== null) {
    return json({ '@odata.context': `${context}/timeZone`, value: mailbox.timeZone });
  }
  return json({
    '@odata.context': context,
    archiveFolder: null,
    timeZone: mailbox.timeZone,
    dateFormat: 'yyyy-MM-dd',
    timeFormat: 'HH:mm',
    userPurpose: { value: 'user' },
    workingHours: {
      daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
      startTime: '08:00:00.0000000',
      endTime: '17:00:00.0000000',
      timeZone: { name: mailbox.timeZone },
    },
  });
}

/** https://learn.microsoft.com/graph/api/outlookuser-supportedtimezones */
export function listTimeZones(call: GraphCall, route: Route): Reply {
  if (!may(call, 'user.read')) throw insufficientPrivileges();
  const standard = /^(?:TimeZoneStandard=)?(?:microsoft\.graph\.timeZoneStandard)?'?(Windows|Iana)'?$/i.exec(
    decodeURIComponent(route.detail ?? 'Windows'),
  )?.[1];
  if (standard === undefined) throw badRequest('The time zone standard is Windows or Iana.');
  const isIana = standard.toLowerCase() === 'iana';
  const value = Object.entries(windowsZones).map(([name, iana]) =>
    isIana ? { alias: iana, displayName: iana } : { alias: name, displayName: name },
  );
  return json({
    '@odata.context': `${call.rootUrl}/$metadata#Collection(microsoft.graph.timeZoneInformation)`,
    value,
  });
}
