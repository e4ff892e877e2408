/** Noor, between Cairo and New York: right-to-left titles, two work zones, a family calendar of whole days. */
import type { AccountOwner } from '../control/owner.ts';
import type { Random } from '../random.ts';
import type { DemoDays } from './demo-days.ts';

const HOME = 'Africa/Cairo';
const OFFICE = 'America/New_York';

export function seedNoor(noor: AccountOwner, days: DemoDays, random: Random): void {
  const work = noor.createCalendar({ primary: true, summary: 'Noor Haddad', timeZone: OFFICE });
  const tuesday = days.next(2) - 28;
  const planning = work.insert({
    summary: 'Sprint planning',
    ...days.timed(tuesday, '10:00', 90, OFFICE),
    recurrence: ['RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;COUNT=26'],
  });
  work.delete(days.instance(planning.id, tuesday + 28, '10:00', OFFICE));
  work.patch(days.instance(planning.id, tuesday + 42, '10:00', OFFICE), {
    ...days.timed(tuesday + 43, '08:30', 90, OFFICE),
    summary: 'Sprint planning (moved to Wednesday)',
  });
  work.insert({ summary: 'مراجعة المشروع مع الفريق', ...days.timed(1, '17:00', 45, HOME) });
  work.insert({ summary: 'פגישת תכנון 📅', ...days.timed(2, '09:00', 30, 'Asia/Jerusalem') });
  work.insert({
    summary: 'Release at the clock change',
    ...days.timed(days.clockChange(OFFICE), '01:30', 60, OFFICE),
  });
  work.insert({
    summary: 'Out of office',
    eventType: 'outOfOffice',
    ...days.timed(12, '00:00', 3 * 1440, OFFICE),
    outOfOfficeProperties: { autoDeclineMode: 'declineAllConflictingInvitations', declineMessage: 'Away' },
  });
  for (let i = 0; i < 60; i += 1) {
    const at = `${String(random.between(8, 17)).padStart(2, '0')}:${random.pick(['00', '15', '30', '45'])}`;
    const zone = random.pick([HOME, OFFICE]);
    const summary = `${random.pick(['Design', 'Vendor', 'Hiring', 'Budget'])} ${random.pick(['sync', 'review', 'call'])}`;
    work.insert({ summary, ...days.timed(random.between(-45, 45), at, random.between(1, 6) * 15, zone) });
  }
  const family = noor.createCalendar({
    id: 'family-haddad@group.calendar.google.com',
    summary: 'العائلة',
    timeZone: HOME,
  });
  family.insert({
    summary: '🎂 عيد ميلاد ليلى',
    ...days.allDay(5),
    eventType: 'birthday',
    transparency: 'transparent',
    recurrence: ['RRULE:FREQ=YEARLY'],
    birthdayProperties: { type: 'birthday' },
  });
  family.insert({ summary: 'Beach house', ...days.allDay(20, 10) });
  // Shared: the same calendar in two lists, with different rights.
  noor.createCalendar({ id: 'ada-archive@group.calendar.google.com', accessRole: 'freeBusyReader' });
}
