/**
 * Series as Outlook shows them, asked for week by week over the REST API: a series that began years before the window
 * and to which everything happened that can happen to a series. Whatever Graph leaves out of its lists, after a first
 * mirror and after rounds of changes, the answer is what Outlook shows. (Lesson 15.)
 */
import { startApi, type Api } from '../../api/src/index.ts';
import { checkedFetch } from '../../api/src/testing/checked-fetch.ts';
import { createProducer, createQueueBoardSource, type Producer, type QueueBoardSource } from '@calfleet/jobs';
import type { MicrosoftQuirkChanges } from '@calfleet/sandbox';
import { createTestRedis, type TestRedis } from '@calfleet/testkit';
import { createVault } from '@calfleet/vault';
import { randomBytes } from 'node:crypto';
import { berlin, day, dayMs, GraphScene, meeting, weekly } from './graph-scene.ts';

const adminKey = 'an-admin-key-of-more-than-32-characters';

let scene: GraphScene;
let redis: TestRedis;
let producer: Producer;
let queueBoard: QueueBoardSource;
let server: Api;

beforeAll(async () => {
  scene = await GraphScene.open();
  redis = await createTestRedis();
  const address = { redisUrl: redis.url, prefix: redis.prefix, onError: () => undefined };
  producer = createProducer(address);
  queueBoard = createQueueBoardSource(address);
  const { db, clock, deps } = scene.world;
  server = await startApi({
    config: {
      port: 0,
      host: '127.0.0.1',
      adminKey,
      allowSuperuser: false,
      providers: { google: null, microsoft: null },
    },
    db,
    clock,
    producer,
    queueBoard,
    vault: createVault([{ id: 'series', key: randomBytes(32) }]),
    logger: deps.logger,
    metrics: deps.metrics,
  });
});

afterAll(async () => {
  await server.close({ timeoutMs: 1_000 });
  await producer.close();
  await queueBoard.close();
  await redis.clear();
  await scene.close();
});

beforeEach(() => scene.world.begin());

interface Answer {
  items: {
    kind: string;
    summary: string | null;
    status: string;
    all_day: boolean;
    transparency: string;
    occurrence: { start: Placed; end: Placed; original_start: Placed | null };
  }[];
  next_cursor: string | null;
}
interface Placed {
  date?: string;
  date_time?: string;
}

const instantOf = (placed: Placed | null): string | null =>
  placed && (placed.date ?? new Date(placed.date_time ?? '').toISOString());

const userId = async (): Promise<string> =>
  (await scene.rows<{ user_id: string }>('select user_id from calendars where id = $1::uuid'))[0]?.user_id ??
  '';

interface Week {
  start: string;
  end: string;
}

/** What the API answers for a week, one line each. */
async function weekHere(user: string, { start, end }: Week): Promise<string[]> {
  const query = new URLSearchParams({ start, end, limit: '500', calendar_id: scene.world.calendarId });
  const answer = await checkedFetch('api')(`${server.url}/integrations/calendar/events?${query.toString()}`, {
    headers: { authorization: `Bearer ${adminKey}`, 'x-user-id': user },
  });
  expect(answer.status).toBe(200);
  const { items, next_cursor } = (await answer.json()) as Answer;
  expect(next_cursor).toBeNull();
  return items
    .map(({ occurrence, ...event }) =>
      JSON.stringify([
        instantOf(occurrence.start),
        instantOf(occurrence.end),
        event.summary,
        event.status === 'cancelled',
        event.transparency === 'transparent',
        event.all_day,
        instantOf(occurrence.original_start),
      ]),
    )
    .sort();
}

/** What Outlook shows of it. */
function weekInOutlook({ start, end }: Week): string[] {
  return scene.calendar
    .truth({ start, end })
    .map((each) =>
      JSON.stringify([
        each.start,
        each.end,
        each.subject,
        each.isCancelled,
        each.showAs === 'free',
        each.isAllDay,
        each.originalStart,
      ]),
    )
    .sort();
}

/** Weeks from Monday to Monday, from three weeks ago to ten weeks ahead. */
const weeks: Week[] = Array.from({ length: 13 }, (_, n) => ({
  start: `${day(7 * n - 15)}T00:00:00Z`,
  end: `${day(7 * n - 8)}T00:00:00Z`,
}));

/** @param least lines, so that no two empty answers are found equal; by default ten Tuesdays, and whole days in turn */
async function expectWeeks(least = 35): Promise<void> {
  const user = await userId();
  const here = await Promise.all(weeks.map((week) => weekHere(user, week)));
  expect(here).toEqual(weeks.map(weekInOutlook));
  expect(here.flat().length).toBeGreaterThan(least);
  await scene.expectExact();
}

const at = (offset: number, hour: string) => ({ dateTime: `${day(offset)}T${hour}:00`, timeZone: berlin });
const hours = (offset: number, from: string, to: string) => ({
  start: at(offset, from),
  end: at(offset, to),
});

/** Tuesdays at ten since 2022, somebody else's on Wednesdays, whole days in turn, and one of every four weeks. */
function plant() {
  const { calendar } = scene;
  const { id: standing } = calendar.create(
    weekly('standing', -1_638, { location: { displayName: 'Room 1' } }),
  );
  const { id: guest } = calendar.create(
    weekly('guest', -713, { organizer: { emailAddress: { name: 'Mia', address: 'mia@example.test' } } }),
  );
  const { id: daily } = calendar.create({
    subject: 'watch',
    isAllDay: true,
    start: at(-20, '00:00'),
    end: at(-19, '00:00'),
    recurrence: {
      pattern: { type: 'daily', interval: 3 },
      range: { type: 'noEnd', startDate: day(-20), recurrenceTimeZone: berlin },
    },
  });
  const { id: monthly } = calendar.create({
    ...meeting('monthly', -728),
    recurrence: {
      pattern: { type: 'weekly', interval: 4, daysOfWeek: ['tuesday'] },
      range: { type: 'noEnd', startDate: day(-728), recurrenceTimeZone: berlin },
    },
  });
  calendar.create(meeting('single', 8));
  return { standing, guest, daily, monthly };
}

/** Everything that can happen to a series. The days that 7 divides are Tuesdays. */
const happenings: { what: string; happen: (ids: ReturnType<typeof plant>) => void }[] = [
  {
    what: 'one occurrence is deleted',
    happen: ({ standing }) => scene.calendar.deleteOccurrence(standing, day(7)),
  },
  {
    what: 'one moves past another event on its day, one as far as the day before its neighbour',
    happen: ({ standing }) => {
      scene.calendar.patchOccurrence(standing, day(14), { subject: 'late', ...hours(14, '22:00', '23:30') });
      scene.calendar.patchOccurrence(standing, day(21), { subject: 'far', ...hours(27, '23:00', '23:59') });
    },
  },
  {
    what: 'one is renamed, its organiser calls one off, one is deleted after it was edited',
    happen: ({ standing, guest }) => {
      scene.calendar.patchOccurrence(standing, day(28), { subject: 'once', showAs: 'free' });
      const called = scene.calendar.occurrence(guest, day(1));
      scene.calendar.cancelByOrganiser(called.id);
      scene.calendar.patchOccurrence(guest, day(8), { subject: 'short-lived' });
      scene.calendar.deleteOccurrence(guest, day(8));
    },
  },
  {
    what: 'one before the window moves into it, one leaves it at the far end',
    happen: ({ standing, monthly }) => {
      scene.calendar.patchOccurrence(monthly, day(-28), { subject: 'in', ...hours(-12, '09:00', '10:00') });
      scene.calendar.patchOccurrence(standing, day(77), { subject: 'out', ...hours(83, '20:00', '21:00') });
    },
  },
  {
    what: 'an all-day one moves by a day, and one becomes an hour',
    happen: ({ daily }) => {
      scene.calendar.patchOccurrence(daily, day(4), { start: at(5, '00:00'), end: at(6, '00:00') });
      scene.calendar.patchOccurrence(daily, day(10), { isAllDay: false, ...hours(10, '15:00', '16:00') });
      scene.calendar.deleteOccurrence(daily, day(16));
    },
  },
  {
    what: 'the whole series is renamed and stands for free time',
    happen: ({ standing }) => void scene.calendar.patch(standing, { subject: 'renamed', showAs: 'free' }),
  },
  {
    what: 'this and the following: the series is cut, and another one begins',
    happen: ({ standing }) => {
      const { recurrence } = scene.calendar.get(standing) as unknown as { recurrence: { pattern: object } };
      const range = { type: 'endDate', startDate: day(-1_638), endDate: day(30), recurrenceTimeZone: berlin };
      scene.calendar.patch(standing, { recurrence: { pattern: recurrence.pattern, range } });
      scene.calendar.create(weekly('afterwards', 35, hours(35, '11:00', '12:30')));
    },
  },
  {
    what: 'the other series goes',
    happen: ({ guest }) => scene.calendar.delete(guest),
  },
];

const knobs = (['whole', 'changed', 'split'] as const).flatMap((seriesEmission) =>
  (['present', 'absent'] as const).map((deltaMasters) => ({ seriesEmission, deltaMasters })),
);
const quirks = (changes: MicrosoftQuirkChanges) => scene.world.sandbox.microsoft.setQuirks(changes);

describe.each(knobs)('series told $seriesEmission, master $deltaMasters', (emission) => {
  test('after a first mirror', async () => {
    const ids = plant();
    for (const { happen } of happenings.slice(0, -1)) happen(ids);
    quirks({ ...emission, deltaPageSizeMax: 7 });
    await scene.mirror();
    await expectWeeks();
    const shown = await scene.shown();
    expect(shown).toEqual(
      expect.arrayContaining(['in', 'late', 'far', 'once', 'Canceled: guest', 'afterwards']),
    );
    expect(shown).not.toContain('out');
  });

  test('after each change, told one by one', async () => {
    const ids = plant();
    quirks({ ...emission, deltaPageSizeMax: 7, deltaExceptions: 'partial' });
    await scene.mirror();
    for (const { happen } of happenings) {
      happen(ids);
      await scene.pass(40);
      await scene.expectExact();
    }
    await expectWeeks();
  });

  test('after all changes, told at once, and again after a full round', async () => {
    const ids = plant();
    quirks({ ...emission, deltaPageSizeMax: 7 });
    await scene.mirror();
    for (const { happen } of happenings) happen(ids);
    await scene.pass(40);
    await expectWeeks();
    await scene.listen();
    await scene.world.askForFull();
    await scene.pass(40);
    await expectWeeks();
    expect(await scene.feed()).toEqual([]);
  });
});

test('an exception that left the window comes back as what it is, and the series stays whole', async () => {
  const { id } = scene.calendar.create(weekly('standing', -700));
  scene.calendar.create(meeting('single', 8));
  await scene.mirror();
  await scene.listen();
  // The window ends 81 days ahead; what it shows is kept for two days more.
  scene.calendar.patchOccurrence(id, day(77), { subject: 'out', ...hours(83, '20:00', '21:00') });
  await scene.pass(40);
  await expectWeeks(13);
  scene.world.clock.advance(28 * dayMs);
  await scene.pass(40);
  await scene.pass(40);
  await scene.expectExact();
  expect(await scene.shown()).toContain('out');
  expect((await scene.feed()).filter((said) => said.startsWith('deleted'))).toEqual([]);
});
