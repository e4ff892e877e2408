/** Yuki, Tokyo: no clock changes at home, many in the diary; monthly rules, exclusions, a far-away series. */
import type { AccountOwner } from '../control/owner.ts';
import type { Random } from '../random.ts';
import type { DemoDays } from './demo-days.ts';

const ZONE = 'Asia/Tokyo';

export function seedYuki(yuki: AccountOwner, days: DemoDays, random: Random): void {
  const own = yuki.createCalendar({ primary: true, summary: '田中 ゆき', timeZone: ZONE });
  const thursday = days.next(4) - 35;
  const lesson = own.insert({
    summary: 'ピアノ 🎹',
    ...days.timed(thursday, '19:00', 60, ZONE),
    recurrence: [
      'RRULE:FREQ=WEEKLY;BYDAY=TH',
      `EXDATE;TZID=${ZONE}:${compact(days.date(thursday + 14))}T190000`,
    ],
  });
  own.patch(days.instance(lesson.id, thursday + 35, '19:00', ZONE), {
    summary: 'ピアノ発表会 🎹🎉',
    location: '渋谷',
  });
  own.insert({
    summary: 'All hands (London)',
    ...days.timed(days.next(3) - 14, '16:30', 45, 'Europe/London'),
    recurrence: ['RRULE:FREQ=MONTHLY;BYDAY=1WE'],
    attendees: [
      { email: 'yuki@example.test', self: true, responseStatus: 'accepted' },
      { email: 'ada@example.test', responseStatus: 'tentative' },
    ],
  });
  own.insert({
    summary: 'Medicine',
    ...days.timed(-10, '08:00', 15, ZONE),
    recurrence: ['RRULE:FREQ=DAILY;COUNT=40'],
    reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 5 }] },
  });
  own.insert({ summary: '京都旅行', ...days.allDay(14, 3), location: '京都' });
  own.insert({
    summary: '\u202Eevil right-to-left override\u202C <b>not bold</b>',
    ...days.timed(3, '12:00', 30, ZONE),
  });
  own.insert({
    summary: 'Flight HND → JFK ✈️',
    start: days.timed(6, '10:40', 0, ZONE).start,
    end: days.timed(6, '10:25', 0, 'America/New_York').end,
  });
  for (let i = 0; i < 40; i += 1) {
    const at = `${String(random.between(9, 20)).padStart(2, '0')}:${random.pick(['00', '30'])}`;
    const summary = random.pick(['打ち合わせ', 'ランチ 🍱', 'レビュー', 'Customer call', 'Yoga 🧘']);
    own.insert({ summary, ...days.timed(random.between(-40, 40), at, random.between(1, 4) * 30, ZONE) });
  }
}

const compact = (date: string): string => date.replaceAll('-', '');
