import { markDirty } from '@calfleet/db';
import type { CalendarId } from '@calfleet/domain';
import { discoverAccount, type SyncDeps } from '@calfleet/sync';
import { inTurns, killsOf, openCrashHouse, type CrashHouse, type Kill } from './crash-house.ts';
import { expectExact } from './google-truth.ts';
import type { House, Mailbox } from './house.ts';

const pages = 10;
const perPage = 5;

let crashes: CrashHouse;
let house: House;
let successor: SyncDeps;

beforeAll(async () => {
  crashes = await openCrashHouse();
  house = crashes.house;
  house.sandbox.setQuirks({ pageSizeMax: perPage });
  successor = crashes.successor();
});

afterAll(() => crashes.close());

test(
  'the worker process is killed with SIGKILL before, inside and after every transaction of a 10-page full round; ' +
    'each time the end state is exact, at most one page is fetched again per kill, and a notification that falls ' +
    'in the gap is not lost (I5 across a resume)',
  async () => {
    const { transactions } = await uninterrupted();
    // At least one per page and the one that begins.
    expect(transactions).toBeGreaterThan(pages);
    await inTurns(killsOf(transactions), killAndResume);
  },
  1_200_000,
);

/** The measure: how many transactions there are to be killed at, and that without a kill all is well. */
async function uninterrupted(): Promise<{ transactions: number }> {
  const mailbox = await newMailbox('uninterrupted');
  const end = await crashes.pullInChild(mailbox.calendarId);
  expect(end).toMatchObject({ code: 0, signal: null });
  await expectExact({ ...house, ...mailbox });
  return JSON.parse(end.output) as { transactions: number };
}

async function killAndResume(kill: Kill): Promise<void> {
  const name = `${kill.point} transaction ${kill.step}`;
  const mailbox = await newMailbox(name.replaceAll(' ', '-'));
  const { calendarId, owner, first } = mailbox;
  const { signal } = await crashes.pullInChild(calendarId, { kill });
  expect({ name, signal }).toEqual({ name, signal: 'SIGKILL' });
  const hadBegun = await wasBegun(calendarId);

  // In the gap: the change is on the round's first page, which nobody asks for again once it was applied.
  owner.patch(first, { summary: 'changed while nobody worked' });
  await house.db.transaction({ role: 'worker' }, (tx) => markDirty(tx, calendarId));
  await crashes.expireLease(calendarId);
  await crashes.pullToRest(successor, calendarId, name);

  const asked = house.sandbox.usage.report(mailbox.email).byOperation['events.list'] ?? 0;
  const rounds = await crashes.readRounds(calendarId);
  const incremental = rounds.filter(({ mode }) => mode === 'incremental');
  const again = asked - incremental.reduce((sum, round) => sum + round.pages, 0) - pages;
  expect({ name, full: rounds.length - incremental.length, again: again === 0 || again === 1 }).toEqual({
    name,
    full: 1,
    again: true,
  });
  // I5: the hint came after the round's first request, so the round cannot have answered it.
  if (hadBegun) expect({ name, another: incremental.length >= 1 }).toEqual({ name, another: true });
  await expectExact({ ...house, ...mailbox });
  expect({ name, created: await crashes.createdTwice(calendarId) }).toEqual({ name, created: [] });
}

async function newMailbox(name: string): Promise<Mailbox & { calendarId: CalendarId; first: string }> {
  const mailbox = await house.connect(`${name}@example.test`);
  const { owner, accountId } = mailbox;
  const at = (day: number): string => new Date(Date.now() + day * 86_400_000).toISOString().slice(0, 10);
  const zoned = (day: number, hour: string) => ({ dateTime: `${at(day)}T${hour}:00:00Z`, timeZone: 'UTC' });
  const lasting = (day: number) => ({ start: zoned(day, '09'), end: zoned(day, '10') });
  const [first = ''] = owner.insertMany([{ summary: 'first', ...lasting(1) }]);
  const series = owner.insert({ summary: 'series', ...lasting(2), recurrence: ['RRULE:FREQ=DAILY;COUNT=6'] });
  const slot = (day: number): string => `${series.id}_${at(day).replaceAll('-', '')}T090000Z`;
  owner.patch(slot(3), { summary: 'moved', start: zoned(3, '15'), end: zoned(3, '16') });
  owner.delete(slot(4));
  const left = pages * perPage - owner.truth().events.length;
  owner.insertMany(Array.from({ length: left }, (_, n) => ({ summary: `event ${n}`, ...lasting(n % 40) })));
  await discoverAccount(successor, accountId);
  return { ...mailbox, first, calendarId: await house.calendarOf(mailbox) };
}

async function wasBegun(calendarId: CalendarId): Promise<boolean> {
  const [facts] = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ begun: boolean }[]>`
      select generation > 0 as begun from calendars where id = ${calendarId}::uuid`,
  );
  return facts?.begun ?? false;
}
