/**
 * Worker processes are killed with SIGKILL inside and between all transactions of a Microsoft pull: its pages, the looks
 * behind them, and the roll of its window. Whoever carries on ends right, and the feed says nothing twice.
 */
import { markDirty } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
import type { MicrosoftCalendarOwner } from '@calfleet/sandbox';
import { discoverAccount, recheckEvents, type SyncDeps } from '@calfleet/sync';
import { inTurns, killsOf, openCrashHouse, pull, type CrashHouse, type Kill } from './crash-house.ts';
import { expectExactGraph } from './graph-truth.ts';

const perPage = 4;
/** After so many days every window has less slack than makes it roll, and more than is spent. */
const rollDays = 24;

let crashes: CrashHouse;
/** The process that takes over on the day of the kill, and what the same one is an hour later. */
let successors: Map<number, { atOnce: SyncDeps; anHourLater: SyncDeps }>;

beforeAll(async () => {
  crashes = await openCrashHouse({ SYNC_PAST_DAYS: '20', SYNC_FUTURE_DAYS: '60' });
  crashes.house.sandbox.microsoft.setQuirks({ deltaPageSizeMax: perPage });
  successors = new Map(
    [0, rollDays].map((days) => [
      days,
      { atOnce: crashes.successor(days), anHourLater: crashes.successor(days + 1 / 24) },
    ]),
  );
});

afterAll(() => crashes.close());

interface Scene {
  /** What the pull is that gets killed. */
  says: string;
  /** Whether the calendar was mirrored before, … */
  isMirrored: boolean;
  /** … so many days ago. */
  days: number;
  change(calendar: MicrosoftCalendarOwner): void;
  /** Titles of what the feed says to be gone, and to have left the window. */
  deleted: string[];
  expired: string[];
  /** Full rounds of the whole history. */
  full: number;
}

const scenes: Scene[] = [
  {
    says: 'a first mirror',
    isMirrored: false,
    days: 0,
    change: () => undefined,
    deleted: [],
    expired: [],
    full: 1,
  },
  {
    says: 'a round of changes with its looks',
    isMirrored: true,
    days: 0,
    change: (calendar) => {
      const { goes, wanders, course, weekly } = idsOf(calendar);
      calendar.patch(course, { subject: 'shorter course', recurrence: daily(4) });
      calendar.deleteOccurrence(weekly, day(21));
      calendar.delete(goes);
      calendar.patch(wanders, meeting('wanders', 300));
      calendar.create(meeting('new', 6));
    },
    deleted: ['goes'],
    expired: ['wanders'],
    full: 1,
  },
  {
    says: 'the roll of a window with its looks',
    isMirrored: true,
    days: rollDays,
    change: (calendar) => {
      const { goes, weekly } = idsOf(calendar);
      calendar.delete(goes);
      calendar.deleteOccurrence(weekly, day(28));
    },
    deleted: ['goes'],
    expired: ['behind'],
    full: 2,
  },
];

test.each(scenes)(
  '$says: killed inside every transaction and between any two, it ends exactly; at most one page is asked for again',
  async (scene) => {
    const { transactions } = await uninterrupted(scene);
    await inTurns(killsOf(transactions).filter(isNew).filter(isTaken), (kill) => killAndResume(scene, kill));
  },
);

/** After one transaction and before the next are the same rows: by turns the provider was asked in between, or was not. */
const isNew = ({ step, point }: Kill): boolean => point === 'inside' || step % 2 === 1;

/** Every third, which are points of all kinds; with `CRASH_POINTS=all` each of them (`npm run test:nightly`). */
const isTaken = (_kill: Kill, n: number): boolean => process.env['CRASH_POINTS'] === 'all' || n % 3 === 0;

interface Prepared {
  email: string;
  calendar: MicrosoftCalendarOwner;
  calendarId: CalendarId;
}

/** The measure: how many transactions there are to be killed at, and that without a kill all is well. */
async function uninterrupted(scene: Scene): Promise<{ transactions: number }> {
  const prepared = await prepare(scene, 'uninterrupted');
  const end = await crashes.pullInChild(prepared.calendarId, { days: scene.days });
  expect(end).toMatchObject({ code: 0, signal: null });
  await expectTold(scene, prepared, 'uninterrupted');
  return JSON.parse(end.output) as { transactions: number };
}

async function killAndResume(scene: Scene, kill: Kill): Promise<void> {
  const name = `${kill.point} transaction ${kill.step}`;
  const prepared = await prepare(scene, name.replaceAll(' ', '-'));
  const { calendar, calendarId } = prepared;
  const { signal } = await crashes.pullInChild(calendarId, { kill, days: scene.days });
  expect({ name, signal }).toEqual({ name, signal: 'SIGKILL' });

  const { atOnce, anHourLater } = successorsOn(scene.days);
  const isHinted = kill.point !== 'inside';
  if (isHinted) {
    calendar.patch(idsOf(calendar).first, { subject: 'changed while nobody worked' });
    await crashes.house.db.transaction({ role: 'worker' }, (tx) => markDirty(tx, calendarId));
  }
  await crashes.expireLease(calendarId);
  // The job that was killed comes back; what is left then is found by the drain.
  await pull(atOnce, calendarId, 'backfill');
  await crashes.pullToRest(atOnce, calendarId, name);
  for (const deps of [atOnce, anHourLater])
    await recheckEvents(deps, calendarId, new AbortController().signal);

  const rounds = await crashes.readRounds(calendarId);
  const asked = usageOf(prepared)['graph.delta'] ?? 0;
  const again = asked - rounds.reduce((sum, { pages }) => sum + pages, 0);
  const full = rounds.filter(({ mode }) => mode === 'full').length;
  expect({ name, full, again: again === 0 || again === 1 }).toEqual({ name, full: scene.full, again: true });
  await expectTold(scene, prepared, name);
}

/** The mirror is exact, nothing waits, and each event was told as new once, and as gone if it is gone. */
async function expectTold(scene: Scene, { calendar, calendarId }: Prepared, name: string): Promise<void> {
  await expectExactGraph({ db: crashes.house.db, calendar, calendarId });
  const told = await crashes.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ kind: string; summary: string }[]>`
      select c.kind, e.summary from calendar_changes c join calendar_events e on e.id = c.event_id
       where c.calendar_id = ${calendarId}::uuid order by e.summary`,
  );
  const of = (kind: string): string[] =>
    told.filter((each) => each.kind === kind).map((each) => each.summary);
  expect({
    name,
    created: await crashes.createdTwice(calendarId),
    deleted: of('deleted'),
    expired: of('expired'),
    waits: await isLookWaiting(calendarId),
  }).toEqual({ name, created: [], deleted: scene.deleted, expired: scene.expired, waits: false });
}

const usageOf = ({ email }: Prepared) => crashes.house.sandbox.usage.report(email).byOperation;

async function isLookWaiting(calendarId: CalendarId): Promise<boolean> {
  const [row] = await crashes.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ waits: boolean }[]>`
      select exists (select from calendar_events
        where calendar_id = ${calendarId}::uuid and recheck_at is not null) as waits`,
  );
  return row?.waits ?? false;
}

function successorsOn(days: number): { atOnce: SyncDeps; anHourLater: SyncDeps } {
  const found = successors.get(days);
  if (!found) throw new Error(`Nobody takes over after ${days} days.`);
  return found;
}

let mailboxes = 0;

async function prepare(scene: Scene, name: string): Promise<Prepared> {
  const { house } = crashes;
  const email = `${name}-${(mailboxes += 1)}@example.test`;
  const mailbox = house.sandbox.microsoft.createMailbox({ email, timeZone: 'UTC' });
  const calendar = mailbox.createCalendar({ name: 'Calendar', isDefault: true });
  plant(calendar);
  const account = await house.addAccount({ provider: 'microsoft', refreshTokens: mailbox.refreshTokens });
  const { atOnce } = successorsOn(0);
  await discoverAccount(atOnce, account.accountId);
  const calendarId = await house.calendarOf(account);
  if (scene.isMirrored) {
    await pull(atOnce, calendarId, 'backfill');
    scene.change(calendar);
    await house.db.transaction({ role: 'worker' }, (tx) => markDirty(tx, calendarId));
  }
  return { email, calendar, calendarId };
}

const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

const meeting = (subject: string, offset: number) => ({
  subject,
  start: { dateTime: `${day(offset)}T10:00:00`, timeZone: 'UTC' },
  end: { dateTime: `${day(offset)}T11:00:00`, timeZone: 'UTC' },
});

/** Every second day from tomorrow on. */
const daily = (numberOfOccurrences: number) => ({
  pattern: { type: 'daily', interval: 2 },
  range: { type: 'numbered', startDate: day(1), numberOfOccurrences, recurrenceTimeZone: 'UTC' },
});

function plant(calendar: MicrosoftCalendarOwner): void {
  const singles = { first: 2, goes: 26, wanders: 3, behind: -10, ahead: 105, stays: 30 };
  calendar.createMany(Object.entries(singles).map(([subject, offset]) => meeting(subject, offset)));
  calendar.create({ ...meeting('course', 1), recurrence: daily(14) });
  const weekly = calendar.create({
    ...meeting('weekly', -98),
    recurrence: {
      pattern: { type: 'daily', interval: 7 },
      range: { type: 'noEnd', startDate: day(-98), recurrenceTimeZone: 'UTC' },
    },
  });
  calendar.patchOccurrence(weekly.id, day(14), { subject: 'once' });
  calendar.deleteOccurrence(weekly.id, day(7));
  calendar.create({
    subject: 'day off',
    isAllDay: true,
    start: { dateTime: `${day(8)}T00:00:00`, timeZone: 'UTC' },
    end: { dateTime: `${day(9)}T00:00:00`, timeZone: 'UTC' },
  });
}

/** What is there, by the title that it was planted with. */
function idsOf(
  calendar: MicrosoftCalendarOwner,
): Record<'first' | 'goes' | 'wanders' | 'course' | 'weekly', string> {
  const shown = calendar.truth({ start: `${day(-30)}T00:00:00Z`, end: `${day(60)}T00:00:00Z` });
  const idOf = (subject: string): string => {
    const found = shown.find((each) => each.subject === subject);
    return found?.seriesMasterId ?? found?.eventId ?? '';
  };
  return {
    first: idOf('first'),
    goes: idOf('goes'),
    wanders: idOf('wanders'),
    course: idOf('course'),
    weekly: idOf('weekly'),
  };
}
