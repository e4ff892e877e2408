/** I9 over HTTP: what comes back of our own writes is no news and no reason to write again, at either provider. */
import { orThrow } from '@calfleet/client';
import type { CalendarId } from '@calfleet/domain';
import { eventually } from '@calfleet/testkit';
import { createCopyingClient } from './copying-client.ts';
import { openTwoWayHouse, tomorrow, type ProviderUnderTest, type TwoWay } from './two-way-house.ts';

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
beforeAll(async () => {
  fleet = await openTwoWayHouse();
  await fleet.house.startWorker();
});
afterAll(() => fleet.close());

const calendarsCount = 3;
const eventsEach = 20;

const time = (hour: number) => ({ date_time: `${tomorrow()}T${hour}:00:00`, time_zone: 'UTC' });
const planning = { start: time(14), end: time(15) };

/** Every write is done, and both sides are the same. */
async function rest(sides: readonly TwoWay[]): Promise<void> {
  await eventually(async () => {
    expect(await unsettled(sides)).toBe(0);
    for (const { elsewhere } of sides) await elsewhere.expectMirrored();
  });
}

async function unsettled(sides: readonly TwoWay[]): Promise<number> {
  const [row] = await fleet.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ left: number }[]>`
      select count(*)::int as left from calendar_writes
       where calendar_id = any(${idsOf(sides)}::uuid[]) and state <> 'applied'`,
  );
  return row?.left ?? NaN;
}

interface Told {
  kind: string;
  origin: string;
  fields: string[];
}

const told = (sides: readonly TwoWay[]): Promise<Told[]> =>
  fleet.house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<Told[]>`
      select kind, origin, fields from calendar_changes
       where calendar_id = any(${idsOf(sides)}::uuid[]) and event_id is not null order by xid, seq`,
  );

const idsOf = (sides: readonly TwoWay[]): CalendarId[] => sides.map(({ calendarId }) => calendarId);

/** Everything is listed again, as if nobody knew what we wrote. */
async function readAnew(sides: readonly TwoWay[]): Promise<void> {
  for (const { client } of sides) {
    const done = await orThrow(client.POST('/sync', { body: { mode: 'full', background: false } }));
    expect(done.status).toBe('completed');
  }
  await rest(sides);
}

test.each<[ProviderUnderTest, string[]]>([
  ['google', ['html_link', 'ical_uid', 'organizer']],
  ['microsoft', ['html_link', 'ical_uid', 'organizer']],
])(
  '%s: of 120 writes nothing comes back but, with each creation, what only the provider sets',
  async (provider, itsOwn) => {
    const sides = await Promise.all(
      Array.from({ length: calendarsCount }, () => fleet.connect(provider, 'manual')),
    );
    const before = await told(sides);
    await Promise.all(sides.map((side) => makeAndChange(side)));
    await rest(sides);
    const rows = (await told(sides)).slice(before.length);
    const [byUser, echoes] = ['local', 'provider'].map((origin) =>
      rows.filter((row) => row.origin === origin),
    );
    expect(byUser).toHaveLength(2 * calendarsCount * eventsEach);
    expect(echoes).toHaveLength(calendarsCount * eventsEach);
    expect(itsOwn).toEqual(expect.arrayContaining([...new Set(echoes?.flatMap(({ fields }) => fields))]));

    const written = sides.map(({ elsewhere }) => elsewhere.writes());
    await readAnew(sides);
    expect([await told(sides), sides.map(({ elsewhere }) => elsewhere.writes())]).toEqual([
      [...before, ...rows],
      written,
    ]);
  },
);

/** So many events, each changed once it is at its provider. */
async function makeAndChange(side: TwoWay): Promise<void> {
  const ids: string[] = [];
  for (let n = 0; n < eventsEach; n += 1) {
    const wish = { calendar_id: side.calendarId, summary: `Event ${n}`, ...planning };
    ids.push((await orThrow(side.client.POST('/events', { body: wish }))).id);
  }
  await rest([side]);
  for (const [n, id] of ids.entries()) {
    const body = { summary: `Changed ${n}`, location: `Room ${n}` };
    await orThrow(side.client.PATCH('/events/{id}', { params: { path: { id } }, body }));
  }
}

test('two calendars that a program copies into each other come to rest within two rounds, though one rewrites texts', async () => {
  fleet.house.sandbox.microsoft.setQuirks({ texts: 'rewritten', attendeeOrder: 'by_address' });
  const sides = [await fleet.connect('google'), await fleet.connect('microsoft')] as const;
  const [google, microsoft] = sides;
  const client = createCopyingClient(google, microsoft);
  /** @returns writes of each round, until one makes none */
  const roundsToRest = async (): Promise<number[]> => {
    const writes: number[] = [];
    do {
      await rest(sides);
      writes.push(await client.round());
    } while (writes.at(-1) !== 0 && writes.length < 6);
    return writes;
  };
  for (const [n, { elsewhere, client, calendarId }] of sides.entries()) {
    for (let each = 0; each < 5; each += 1) elsewhere.add(`Owner ${n} ${each}`);
    for (let each = 0; each < 5; each += 1) {
      const description = `first ${each}  \nsecond\r\n\r\nthird  `;
      await orThrow(
        client.POST('/events', {
          body: {
            calendar_id: calendarId,
            summary: `User ${n} ${each}`,
            description,
            ...planning,
          },
        }),
      );
    }
  }
  const [first = 0, ...more] = await roundsToRest();
  expect(first).toBeGreaterThanOrEqual(20);
  expect(more.length).toBeLessThanOrEqual(2);
  expect(google.elsewhere.titles()).toHaveLength(20);
  expect(microsoft.elsewhere.titles()).toEqual(google.elsewhere.titles());

  google.elsewhere.rename('Owner 1 0', 'Renamed at Google');
  google.elsewhere.remove('User 1 1');
  microsoft.elsewhere.move('Owner 0 2', 'Room 9');
  microsoft.elsewhere.remove('User 0 3');
  await fleet.house.producer.enqueueMany(
    sides.map(({ calendarId }) => ({
      name: 'pull-calendar',
      payload: { calendarId, reason: 'user', requestedAt: new Date().toISOString() },
    })),
  );
  expect((await roundsToRest()).length).toBeLessThanOrEqual(3);
  expect(google.elsewhere.titles()).toHaveLength(18);
  expect(microsoft.elsewhere.titles()).toEqual(google.elsewhere.titles());
  expect(google.elsewhere.place('Owner 0 2')).toBe('Room 9');

  const written = sides.map(({ elsewhere }) => elsewhere.writes());
  await readAnew(sides);
  expect([await client.round(), sides.map(({ elsewhere }) => elsewhere.writes())]).toEqual([0, written]);
});
