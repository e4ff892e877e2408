/** Ada, Berlin: a manager with standups, a long archive, and the public holidays that refuse push. */
import type { AccountOwner } from '../control/owner.ts';
import type { Random } from '../random.ts';
import type { DemoDays } from './demo-days.ts';
import { manyEvents } from './many.ts';

const ZONE = 'Europe/Berlin';

export function seedAda(ada: AccountOwner, days: DemoDays, random: Random): void {
  const work = ada.createCalendar({ primary: true, summary: 'Ada Lindqvist', timeZone: ZONE });
  const monday = days.next(1) - 21;
  const standup = work.insert({
    summary: '☕ Standup',
    ...days.timed(monday, '09:15', 15, ZONE),
    recurrence: ['RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR'],
    attendees: [
      { email: 'ada@example.test', self: true, organizer: true, responseStatus: 'accepted' },
      { email: 'noor@example.test', responseStatus: 'accepted' },
      { email: 'room-turing@resource.calendar.google.com', resource: true, responseStatus: 'accepted' },
    ],
    conferenceData: { createRequest: { requestId: 'standup-demo' } },
  });
  const slot = (day: number): string => days.instance(standup.id, day, '09:15', ZONE);
  work.patch(slot(monday + 22), days.timed(monday + 22, '11:00', 15, ZONE));
  work.patch(slot(monday + 23), { summary: '☕ Standup with the board', location: 'Aquarium' });
  work.delete(slot(monday + 24));
  const changeDay = days.clockChange(ZONE);
  work.insert({
    summary: 'Night shift over the clock change',
    ...days.timed(changeDay - 1, '22:00', 480, ZONE),
  });
  work.insert({ summary: 'Call over the hour that moves', ...days.timed(changeDay, '01:30', 60, ZONE) });
  work.insert({ summary: '1:1 Ada / Noor', ...days.timed(1, '14:00', 30, ZONE), visibility: 'private' });
  work.insert({ summary: 'Lisbon offsite 🇵🇹', ...days.allDay(9, 4), location: 'Lisboa' });
  work.insert({
    summary: 'Invitation: quarterly review',
    ...days.timed(2, '16:00', 60, 'America/New_York'),
    organizer: { email: 'carol@elsewhere.test', displayName: 'Carol' },
    attendees: [{ email: 'ada@example.test', self: true, responseStatus: 'needsAction' }],
  });
  work.insert({
    summary: 'Home',
    eventType: 'workingLocation',
    transparency: 'transparent',
    visibility: 'public',
    ...days.allDay(3),
    workingLocationProperties: { type: 'homeOffice', homeOffice: {} },
  });
  work.insert({ summary: 'Deep work', eventType: 'focusTime', ...days.timed(1, '10:00', 120, ZONE) });
  const archive = ada.createCalendar({
    id: 'ada-archive@group.calendar.google.com',
    summary: 'Archive',
    timeZone: ZONE,
  });
  const now = new Date(`${days.date(0)}T00:00:00Z`);
  archive.insertMany(manyEvents({ events: 2000, seed: random.between(1, 1_000_000), now }));
  seedHolidays(ada, days);
}

function seedHolidays(ada: AccountOwner, days: DemoDays): void {
  const holidays = ada.createCalendar({
    id: 'de.german#holiday@group.v.calendar.google.com',
    summary: 'Feiertage in Deutschland',
    timeZone: ZONE,
    accessRole: 'reader',
    refusesPush: true,
  });
  const year = Number(days.date(0).slice(0, 4));
  const fixed: [string, string][] = [
    ['01-01', 'Neujahr'],
    ['05-01', 'Tag der Arbeit'],
    ['10-03', 'Tag der Deutschen Einheit'],
    ['12-25', 'Erster Weihnachtstag'],
    ['12-26', 'Zweiter Weihnachtstag'],
  ];
  for (const at of [year - 1, year, year + 1]) {
    for (const [day, summary] of fixed) {
      // An end equal to the start is one day.
      const date = `${at}-${day}`;
      holidays.insert({
        summary,
        start: { date },
        end: { date },
        transparency: 'transparent',
        visibility: 'public',
      });
    }
  }
}
