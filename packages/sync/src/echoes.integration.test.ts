/**
 * I9 in number: what comes back of our own writes is no news and no reason to write again, also when the provider keeps
 * it in words of its own. `ECHO_WRITES` chooses how many local writes there are.
 */
import { expectExactMirror } from '../testing/mirror.ts';
import { localWrites } from '../testing/local-writes.ts';
import { hint, pullNow, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';

const newWorld = useWorlds();

const writes = Number(process.env['ECHO_WRITES'] ?? 10_000);
/** An event is made, and changed so often. */
const changesPerEvent = 9;
/** Changes of one event that leave together. */
const changesAtOnce = 3;
const requestsAtOnce = 50;

const zoned = (day: number, hour: string) => ({
  kind: 'zoned' as const,
  instant: `${new Date(Date.parse('2026-11-21T00:00:00Z') + day * 86_400_000).toISOString().slice(0, 10)}T${hour}:00:00Z`,
  zone: 'Europe/Berlin',
});
const guest = (name: string) => ({
  email: `${name}@guests.test`,
  name: null,
  response: 'needs_action' as const,
  optional: false,
  organizer: false,
  self: false,
  resource: false,
});

/** What a provider that rewrites texts never gives back as it was. */
const texts = (n: number) => ({
  summary: `Title ${n}  `,
  description: `first ${n}  \r\nsecond\n\n`,
  location: `  Room ${n}`,
});

/** All jobs that wait, one after the other. */
async function work(world: World): Promise<void> {
  for (let steps = 0; (await world.runJob()) !== 'idle'; steps += 1) {
    if (steps > 1_000) throw new Error('The queue never comes to rest.');
  }
}

/** What its provider has stored since its calendar was made: reads leave it as it is. */
const stored = (world: World): number => world.cloud.calendars.get(world.providerCalendarId)?.log.seq ?? 0;

interface Told {
  origin: string;
  kind: string;
  fields: string[];
}

const told = (world: World): Promise<Told[]> =>
  world.real.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<Told[]>`
      select origin, kind, fields from calendar_changes
       where calendar_id = ${world.calendarId}::uuid and event_id is not null order by xid, seq`,
  );

type Local = ReturnType<typeof localWrites>;

/** Requests of a user in a row. They share a transaction: it is the push that is asked about, not the API. */
async function wish<T>(
  { real, deps, userId, accountId, calendarId }: World,
  requests: readonly ((local: Local) => Promise<T>)[],
): Promise<T[]> {
  const answers: T[] = [];
  const asUser = { role: 'api' as const, userId, calendars: [calendarId] };
  for (let from = 0; from < requests.length; from += requestsAtOnce) {
    await real.transaction(asUser, async (tx) => {
      const db: World['real'] = { ...real, transaction: (_options, work) => work(tx) };
      const local = localWrites({ real, deps: { ...deps, db }, userId, accountId, calendarId });
      for (const request of requests.slice(from, from + requestsAtOnce)) answers.push(await request(local));
    });
  }
  return answers;
}

async function makeAndChange(world: World, eventsCount: number): Promise<void> {
  const numbers = Array.from({ length: eventsCount }, (_, n) => n);
  const attendees = [guest('zoe'), guest('ada')];
  const made = await wish(
    world,
    numbers.map((n) => (local) => {
      const times = { start: zoned(n % 50, '09'), end: zoned(n % 50, '10') };
      return local.create({ ...texts(n), ...times, attendees });
    }),
  );
  await work(world);
  for (let change = 1; change <= changesPerEvent; change += 1) {
    const asked = await wish(
      world,
      made.map(
        ({ eventId }, n) =>
          (local) =>
            local.change(eventId, texts(n + change * 1_000)),
      ),
    );
    expect(asked).not.toContain(null);
    if (change % changesAtOnce === 0) await work(world);
  }
}

/** Everything that could bring an echo: a delta of all that was written, a full round, an audit. */
async function lookAgain(world: World): Promise<void> {
  for (const full of [false, true]) {
    await hint(world, { full });
    await pullNow(world);
    await work(world);
  }
  expect(await world.audit()).toMatchObject({ differences: 0 });
  await world.settle();
}

test.each([
  { writes, calendars: 4, rewritesTexts: false },
  { writes: writes / 10, calendars: 1, rewritesTexts: true },
])(
  '$writes local writes, texts rewritten: $rewritesTexts: no news but what only the provider knows, and not one write more',
  async ({ writes: count, calendars, rewritesTexts }) => {
    for (let n = 0; n < calendars; n += 1) {
      const world = await newWorld();
      world.cloud.quirks.rewritesTexts = rewritesTexts;
      await pullNow(world);
      const eventsCount = count / calendars / (changesPerEvent + 1);
      await makeAndChange(world, eventsCount);
      const before = stored(world);
      await lookAgain(world);
      await expectExactMirror(world);
      expect([stored(world), await localWrites(world).conflicts()]).toEqual([before, []]);
      await expectToldOnce(world, {
        eventsCount,
        fields: rewritesTexts ? [...itsOwn, ...rewording] : itsOwn,
      });
    }
  },
  600_000,
);

/** What only the provider sets, with its first answer. */
const itsOwn = ['html_link', 'ical_uid'];
/** What it says in words of its own, with every answer. */
const rewording = ['summary', 'description', 'location', 'attendees'];

/** Each wish once, and beside it at most one row per answer of the provider, of what is its own. */
async function expectToldOnce(
  world: World,
  { eventsCount, fields }: { eventsCount: number; fields: readonly string[] },
): Promise<void> {
  const rows = await told(world);
  const byUser = rows.filter(({ origin }) => origin === 'local');
  expect(byUser).toHaveLength(eventsCount * (changesPerEvent + 1));
  const echoes = rows.filter(({ origin }) => origin !== 'local');
  expect(fields).toEqual(expect.arrayContaining([...new Set(echoes.flatMap((row) => row.fields))]));
  const answers = fields === itsOwn ? 1 : 1 + changesPerEvent / changesAtOnce;
  expect(echoes.length).toBe(eventsCount * answers);
}
