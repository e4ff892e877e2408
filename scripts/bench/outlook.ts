/**
 * An Outlook calendar as busy people have it: most of what its window shows are occurrences of some hundred series,
 * with exceptions and deleted ones among them; the rest are single events, one in twelve lasting all day.
 */
import type { MicrosoftCalendarControl, MicrosoftEventBody } from '@calfleet/sandbox';
import type { CalendarId } from '@calfleet/domain';
import type { Ground, Store } from './ground.ts';
import { enterAccount, enterCalendar, type PlantedAccount } from './planting.ts';

const dayMs = 86_400_000;
const zones = ['W. Europe Standard Time', 'Eastern Standard Time', 'Asia/Tokyo', 'Europe/London'];
/** What the engine asks for: 30 days back, the days from today to 365 ahead, 30 of slack, a day more on each side. */
const daysAsked = { back: 31, ahead: 397 };

export interface PlantedOutlook {
  id: CalendarId;
  account: PlantedAccount;
  providerCalendarId: string;
  control: MicrosoftCalendarControl;
  /** Provider ids of single events. */
  singles: string[];
  /** Provider ids of weekly series without an end, and of each the day of an occurrence that nobody has changed. */
  weekly: { id: string; laterDay: string }[];
}

/** @param items what a full list of changes shows: masters, occurrences, exceptions and single events */
export async function plantOutlook(ground: Ground, store: Store, items: number): Promise<PlantedOutlook> {
  const { control } = ground.sandbox;
  const email = `outlook-${items}@bench.test`;
  const { refreshToken = '' } = await control.microsoft.createMailbox({ email });
  const account = await enterAccount(ground, store, {
    provider: 'microsoft',
    email,
    refreshToken,
    listed: true,
  });
  const calendar = await control.microsoft.mailbox(email).createCalendar();
  const today = Math.floor(Date.now() / dayMs) * dayMs;
  const series = seriesBodies(Math.round(items * 0.015), today);
  const seriesIds = await calendar.createMany(series.map(({ body }) => body));
  const endless = series.flatMap(({ kind, firstDay }, n) =>
    kind === 'weekly' ? [{ id: seriesIds[n] ?? '', dayOf: dayIn(firstDay, today) }] : [],
  );
  await changeOccurrences(calendar, endless);
  const weekly = endless.map(({ id, dayOf }) => ({ id, laterDay: dayOf(20) }));
  const instant = (days: number): string => new Date(today + days * dayMs).toISOString();
  const window = { start: instant(-daysAsked.back), end: instant(daysAsked.ahead) };
  const shown = (await calendar.truth(window)).length + series.length;
  const singles = await calendar.createMany(
    Array.from({ length: items - shown }, (_, n) => singleBody(n, today)),
  );
  const planted = { account, providerCalendarId: calendar.id, control: calendar, singles, weekly };
  return { ...planted, id: await enterCalendar(store, planted, 'microsoft') };
}

type Kind = 'weekly' | 'fortnightly' | 'daily' | 'monthly';
/** Of twenty series. */
const kinds: Kind[] = [
  ...Array<Kind>(10).fill('weekly'),
  ...Array<Kind>(6).fill('fortnightly'),
  ...Array<Kind>(3).fill('daily'),
  'monthly',
];

function seriesBodies(
  count: number,
  today: number,
): { kind: Kind; firstDay: string; body: MicrosoftEventBody }[] {
  return Array.from({ length: count }, (_, n) => {
    const kind = kinds[n % kinds.length] ?? 'weekly';
    // Thirty days of daily ones anywhere in the year ahead; the others are older than the window.
    const first = today + (kind === 'daily' ? (n * 13) % 330 : -60 - (n % 7)) * dayMs;
    const firstDay = isoDay(first);
    const range =
      kind === 'daily'
        ? { type: 'numbered', startDate: firstDay, numberOfOccurrences: 30 }
        : { type: 'noEnd', startDate: firstDay };
    const body = { ...meeting(n, first), recurrence: { pattern: patternOf(kind, first), range } };
    return { kind, firstDay, body };
  });
}

function patternOf(kind: Kind, first: number): Record<string, unknown> {
  const weekday = new Date(first)
    .toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' })
    .toLowerCase();
  switch (kind) {
    case 'weekly':
      return { type: 'weekly', interval: 1, daysOfWeek: [weekday] };
    case 'fortnightly':
      return { type: 'weekly', interval: 2, daysOfWeek: [weekday] };
    case 'daily':
      return { type: 'daily', interval: 1 };
    case 'monthly':
      return { type: 'absoluteMonthly', interval: 1, dayOfMonth: new Date(first).getUTCDate() };
  }
}

/** The day of a weekly series' occurrence so many weeks from today. */
const dayIn =
  (firstDay: string, today: number) =>
  (week: number): string => {
    const weekMs = 7 * dayMs;
    const first = Date.parse(firstDay);
    return isoDay(first + Math.ceil((today - first) / weekMs + week) * weekMs);
  };

/** Of each weekly series two occurrences are renamed, one is moved, and of every second one is deleted. */
async function changeOccurrences(
  calendar: MicrosoftCalendarControl,
  weekly: { id: string; dayOf: (week: number) => string }[],
): Promise<void> {
  for (const [n, { id, dayOf }] of weekly.entries()) {
    for (const week of [2, 5]) await calendar.patchOccurrence(id, dayOf(week), { subject: `Once ${n}` });
    const { start, end } = meeting(n + 4, Date.parse(dayOf(9)));
    await calendar.patchOccurrence(id, dayOf(9), { start, end });
    if (n % 2 === 0) await calendar.deleteOccurrence(id, dayOf(12));
  }
}

/** Anywhere in the window; every twelfth lasts all day. */
function singleBody(n: number, today: number): MicrosoftEventBody {
  const day = today + (((n * 7) % (daysAsked.back + daysAsked.ahead - 4)) - daysAsked.back + 2) * dayMs;
  if (n % 12 !== 0) return meeting(n, day);
  const at = (ms: number) => ({ dateTime: `${isoDay(ms)}T00:00:00`, timeZone: zones[n % zones.length] });
  return { subject: `Day off ${n}`, isAllDay: true, showAs: 'free', start: at(day), end: at(day + dayMs) };
}

/** A third has a text, another third has guests. */
function meeting(n: number, day: number): MicrosoftEventBody {
  const hour = String(8 + (n % 10)).padStart(2, '0');
  const at = (minutes: string) => ({
    dateTime: `${isoDay(day)}T${hour}:${minutes}:00`,
    timeZone: zones[n % zones.length],
  });
  const guests = ['noor', 'yuki', 'carol'].map((name) => ({
    type: 'required',
    emailAddress: { name, address: `${name}@bench.test` },
  }));
  return {
    subject: `Meeting ${n}`,
    start: at('00'),
    end: at('45'),
    location: { displayName: `Room ${n % 40}` },
    ...(n % 3 === 0 && {
      body: { contentType: 'text', content: 'What we agreed on last time. '.repeat(12) },
    }),
    ...(n % 3 === 1 && { attendees: guests }),
  };
}

const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
