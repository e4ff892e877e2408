/**
 * Two work mailboxes of the demo's people, with what breaks calendar software at Graph: an endless series older than
 * any window with an exception and a deleted occurrence, all-day events, a meeting that its organiser called off,
 * zones by both kinds of names, a shared calendar, private events.
 */
import type { MicrosoftCalendarOwner, MicrosoftEventBody } from '../microsoft/calendar-owner.ts';
import type { MailboxOwner } from '../microsoft/mailbox-owner.ts';
import type { MicrosoftOwner } from '../microsoft/owner.ts';
import { Random } from '../random.ts';
import { DemoDays } from './demo-days.ts';
import type { DemoAccount, DemoOptions } from './demo.ts';

export interface DemoMailbox extends DemoAccount {
  timeZone: string;
}

export const demoMailboxes: readonly DemoMailbox[] = [
  {
    email: 'ada@work.example.test',
    name: 'Ada Lindqvist',
    refreshToken: 'demo-refresh-work-ada',
    timeZone: 'W. Europe Standard Time',
  },
  {
    email: 'noor@work.example.test',
    name: 'Noor Haddad',
    refreshToken: 'demo-refresh-work-noor',
    timeZone: 'America/New_York',
  },
];

const ADA_ZONE = 'W. Europe Standard Time';
const NOOR_ZONE = 'Eastern Standard Time';
/** Weeks that the standing meeting is old: more than the window looks back. */
const WEEKS_OLD = 60;

/** @returns how many calendars are shown, and how many events there are, in both mailboxes */
export function seedDemoMailboxes(
  microsoft: MicrosoftOwner,
  options: DemoOptions,
): { calendars: number; events: number } {
  const days = new DemoDays(options.now);
  const random = new Random(options.seed).fork('demo-microsoft');
  const [ada, noor] = demoMailboxes.map((mailbox) => microsoft.createMailbox({ ...mailbox })) as [
    MailboxOwner,
    MailboxOwner,
  ];
  const project = seedAda(ada, days, random);
  seedNoor(noor, days, random);
  const own = [ada, noor].flatMap((mailbox) => mailbox.calendars());
  ada.share(project, noor, { canEdit: true });
  return { calendars: own.length + 1, events: own.reduce((sum, { size }) => sum + size, 0) };
}

function seedAda(ada: MailboxOwner, days: DemoDays, random: Random): MicrosoftCalendarOwner {
  const own = ada.createCalendar({ name: 'Calendar' });
  const monday = days.next(1);
  const weekly = own.create({
    subject: '☕ Team weekly',
    ...days.timed(monday - 7 * WEEKS_OLD, '09:30', 45, ADA_ZONE),
    recurrence: endless(days.date(monday - 7 * WEEKS_OLD), { type: 'weekly', daysOfWeek: ['monday'] }),
    attendees: [
      { type: 'required', emailAddress: { name: 'Noor Haddad', address: 'noor@work.example.test' } },
    ],
    isOnlineMeeting: true,
  });
  own.patchOccurrence(weekly.id, days.date(monday + 7), {
    subject: '☕ Team weekly (in the Aquarium)',
    ...days.timed(monday + 8, '11:00', 45, ADA_ZONE),
    location: { displayName: 'Aquarium' },
  });
  own.deleteOccurrence(weekly.id, days.date(monday + 14));
  own.create({
    subject: 'Month close',
    ...days.timed(days.next(5) - 28, '16:00', 60, ADA_ZONE),
    recurrence: endless(days.date(days.next(5) - 28), {
      type: 'relativeMonthly',
      index: 'last',
      daysOfWeek: ['friday'],
    }),
  });
  const review = own.create({
    subject: 'Quarterly review',
    ...days.timed(3, '15:00', 60, NOOR_ZONE),
    organizer: { emailAddress: { name: 'Carol', address: 'carol@elsewhere.test' } },
    attendees: [{ type: 'required', emailAddress: { address: 'ada@work.example.test' } }],
  });
  own.cancelByOrganiser(review.id);
  own.create({ subject: 'Out of office 🌴', ...allDay(days, 12, 3), isAllDay: true, showAs: 'oof' });
  own.create({ subject: 'Doctor', ...days.timed(2, '08:00', 30, ADA_ZONE), sensitivity: 'private' });
  own.create({
    subject: 'Night release over the clock change',
    ...days.timed(days.clockChange('Europe/Berlin') - 1, '22:00', 480, ADA_ZONE),
  });
  fill(own, { days, random, zone: ADA_ZONE, count: 40 });
  const project = ada.createCalendar({ name: 'Project Atlas', color: 'lightBlue' });
  project.create({ subject: 'Kick-off', ...days.timed(1, '10:00', 120, 'Europe/London') });
  project.create({ subject: 'Freeze', ...allDay(days, 20, 5), isAllDay: true, showAs: 'free' });
  return project;
}

function seedNoor(noor: MailboxOwner, days: DemoDays, random: Random): void {
  const own = noor.createCalendar({ name: 'Calendar' });
  const tuesday = days.next(2) - 28;
  const planning = own.create({
    subject: 'Sprint planning',
    ...days.timed(tuesday, '10:00', 90, NOOR_ZONE),
    recurrence: {
      pattern: { type: 'weekly', interval: 2, daysOfWeek: ['tuesday'] },
      range: { type: 'numbered', startDate: days.date(tuesday), numberOfOccurrences: 26 },
    },
  });
  own.deleteOccurrence(planning.id, days.date(tuesday + 28));
  const called = own.create({
    subject: 'Vendor call',
    ...days.timed(days.next(4) - 14, '09:00', 30, 'Africa/Cairo'),
    recurrence: endless(days.date(days.next(4) - 14), { type: 'weekly', daysOfWeek: ['thursday'] }),
    organizer: { emailAddress: { name: 'Vendor', address: 'sales@elsewhere.test' } },
  });
  own.cancelByOrganiser(own.occurrence(called.id, days.date(days.next(4))).id);
  own.create({ subject: 'مراجعة المشروع مع الفريق', ...days.timed(1, '17:00', 45, 'Africa/Cairo') });
  fill(own, { days, random, zone: NOOR_ZONE, count: 30 });
  const family = noor.createCalendar({ name: 'العائلة' });
  family.create({
    subject: '🎂 عيد ميلاد ليلى',
    ...allDay(days, 5, 1),
    isAllDay: true,
    recurrence: endless(days.date(5), {
      type: 'absoluteYearly',
      month: Number(days.date(5).slice(5, 7)),
      dayOfMonth: Number(days.date(5).slice(8)),
    }),
  });
}

function fill(
  calendar: MicrosoftCalendarOwner,
  { days, random, zone, count }: { days: DemoDays; random: Random; zone: string; count: number },
): void {
  calendar.createMany(
    Array.from({ length: count }, () => {
      const at = `${String(random.between(8, 17)).padStart(2, '0')}:${random.pick(['00', '30'])}`;
      const subject = `${random.pick(['Design', 'Hiring', 'Budget', 'Atlas'])} ${random.pick(['sync', 'review', 'call'])}`;
      return { subject, ...days.timed(random.between(-45, 45), at, random.between(1, 4) * 30, zone) };
    }),
  );
}

function endless(startDate: string, pattern: Record<string, unknown>): MicrosoftEventBody {
  return { pattern: { interval: 1, ...pattern }, range: { type: 'noEnd', startDate } };
}

function allDay(days: DemoDays, day: number, length: number): MicrosoftEventBody {
  const at = (date: string): Record<string, string> => ({
    dateTime: `${date}T00:00:00`,
    timeZone: ADA_ZONE,
  });
  return { start: at(days.date(day)), end: at(days.date(day + length)) };
}
