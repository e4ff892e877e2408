/**
 * Graph lists one fixed window. Over more than a year the window moves on by itself: what comes over the horizon appears
 * once, what falls behind is expired and not deleted, and the feed says so.
 */
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { openGraphDialect, type GraphCalendars } from './graph-dialect.ts';
import { expectExactGraph } from './graph-truth.ts';
import { ModelWorld } from './model-world.ts';

const dayMs = 86_400_000;

let database: TestDatabase;
let dialect: Awaited<ReturnType<typeof openGraphDialect>>;
let world: ModelWorld<GraphCalendars>;

beforeAll(async () => {
  database = await createTestDatabase();
  dialect = await openGraphDialect();
  world = await ModelWorld.open(database.url, dialect);
});

afterAll(async () => {
  await world.close();
  dialect.close();
  await database.drop();
});

beforeEach(() => world.begin());

const zone = 'W. Europe Standard Time';
const day = (offset: number): string =>
  new Date(Date.parse('2026-11-10T00:00:00Z') + offset * dayMs).toISOString().slice(0, 10);
const at = (offset: number, hour: string) => ({ dateTime: `${day(offset)}T${hour}:00`, timeZone: zone });
const meeting = (subject: string, offset: number) => ({
  subject,
  start: at(offset, '10:00'),
  end: at(offset, '11:00'),
});

/** One event every third day for two years, an endless weekly series with an exception far ahead, and days off. */
function plantTwoYears({ calendar }: GraphCalendars): string {
  calendar.createMany(Array.from({ length: 240 }, (_, n) => meeting(`number ${n}`, n * 3 - 15)));
  const { id } = calendar.create({
    ...meeting('weekly', -400),
    recurrence: {
      pattern: { type: 'weekly', interval: 1, daysOfWeek: ['sunday', 'monday'] },
      range: { type: 'noEnd', startDate: day(-400), recurrenceTimeZone: zone },
    },
  });
  calendar.createMany(
    Array.from({ length: 24 }, (_, n) => ({
      subject: `day off ${n}`,
      isAllDay: true,
      start: at(n * 30, '00:00'),
      end: at(n * 30 + 2, '00:00'),
    })),
  );
  return id;
}

interface Said {
  kind: string;
  summary: string | null;
}

/** The feed as far as it speaks of events, with what they are called. */
const feed = (): Promise<Said[]> =>
  world.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<Said[]>`
      select c.kind, e.summary from calendar_changes c join calendar_events e on e.id = c.event_id
       where c.calendar_id = ${world.calendarId}::uuid order by c.xid, c.seq`,
  );

const rolls = async (): Promise<number> => {
  const [row] = await world.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ rolls: number }[]>`
      select count(*)::int as rolls from calendar_sync_runs
       where calendar_id = ${world.calendarId}::uuid and mode = 'full' and outcome = 'completed'`,
  );
  return row?.rolls ?? 0;
};

const compare = () => expectExactGraph({ ...world, calendar: world.owner.calendar });

test('over 13 months every event comes over the horizon once and leaves as expired', async () => {
  const seriesId = plantTwoYears(world.owner);
  await world.settle();
  await compare();
  for (let month = 0; month < 13; month += 1) {
    for (let week = 0; week < 4; week += 1) {
      world.clock.advance(7 * dayMs);
      await world.settle();
    }
    // Somebody goes on working meanwhile, near and at the horizon.
    const ahead = Math.round((world.clock.now().getTime() - Date.parse('2026-11-10T00:00:00Z')) / dayMs);
    world.owner.calendar.create(meeting(`born ${month}`, ahead + 40));
    const [instance] = world.owner.calendar
      .truth({ start: `${day(ahead + 20)}T00:00:00Z`, end: `${day(ahead + 30)}T00:00:00Z` })
      .filter((each) => each.seriesMasterId === seriesId);
    if (instance) world.owner.calendar.patch(instance.eventId, { subject: `moved ${month}` });
    await world.settle();
    await compare();
  }
  const said = await feed();
  const of = (kind: string): string[] =>
    said.filter((each) => each.kind === kind).map((each) => each.summary ?? '');
  const created = of('created');
  expect(new Set(created).size).toBe(created.length);
  expect(of('deleted')).toEqual([]);
  // Months of singles have fallen behind, each once.
  const expired = of('expired');
  expect(expired.length).toBeGreaterThan(80);
  expect(new Set(expired).size).toBe(expired.length);
  // The endless series is told to have grown.
  expect(said.filter((each) => each.kind === 'updated' && each.summary === 'weekly').length).toBeGreaterThan(
    10,
  );
  // About one full round in three weeks, and the first.
  expect(await rolls()).toBeGreaterThanOrEqual(14);
  expect(await rolls()).toBeLessThanOrEqual(26);
});

test('a roll that loses its links, and one whose worker goes away, end right', async () => {
  plantTwoYears(world.owner);
  world.sandbox.microsoft.setQuirks({ deltaPageSizeMax: 20 });
  await world.settle();
  world.clock.advance(27 * dayMs);
  await world.tick();
  // The first pages of the roll are stored; the connection breaks, and then the links die.
  world.sandbox.faults.add({ operation: 'graph.delta', skip: 2, effect: { kind: 'drop_before' } });
  while (world.jobs.length > 0 && (await world.runJob()) !== 'provider_unavailable');
  world.owner.calendar.expireNextLinks();
  await world.settle();
  await compare();
  expect((await feed()).filter((each) => each.kind === 'deleted')).toEqual([]);
});

test('an audit keeps the window: a later one would show what was never promised', async () => {
  plantTwoYears(world.owner);
  await world.settle();
  const window = () =>
    world.db.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<{ start: Date; end: Date }[]>`
        select window_start as start, window_end as end from calendars where id = ${world.calendarId}::uuid`,
    );
  const before = await window();
  world.clock.advance(3 * dayMs);
  expect(await world.audit()).toEqual({ outcome: 'completed', differences: 0 });
  expect(await window()).toEqual(before);
});
