/**
 * Providers that keep what they are told in words of their own: texts through HTML and back, other line ends, no blanks at
 * the ends, guests in another order, times to the seventh digit. One write per wish, no conflict, and no word of it after.
 */
import { orThrow } from '@calfleet/client';
import { systemClock } from '@calfleet/domain';
import { eventually } from '@calfleet/testkit';
import { openTwoWayHouse, tomorrow, type ProviderUnderTest, type TwoWay } from './two-way-house.ts';

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
beforeAll(async () => {
  fleet = await openTwoWayHouse();
  fleet.house.sandbox.setQuirks({ texts: 'rewritten' });
  fleet.house.sandbox.microsoft.setQuirks({ texts: 'rewritten', attendeeOrder: 'by_address' });
  await fleet.house.startWorker();
});
afterAll(() => fleet.close());

const time = (hour: number) => ({ date_time: `${tomorrow()}T${hour}:30:15`, time_zone: 'Europe/Berlin' });
const texts = (n: number) => ({
  description: `  <b>first</b> ${n} & more  \r\nsecond\t \n\n\nthird${'\u00a0'}\r\n\r\n`,
  location: `  Room ${n}  `,
});
const guests = (...names: string[]) => names.map((name) => ({ email: `${name}@guests.test` }));

/** Every write is done, and both sides are the same. */
async function rest({ client, elsewhere }: TwoWay): Promise<void> {
  await eventually(async () => {
    const { items } = await orThrow(client.GET('/writes', { params: { query: { limit: 500 } } }));
    expect(items.filter(({ state }) => state !== 'applied')).toEqual([]);
    await elsewhere.expectMirrored();
  });
}

/** A pull of what changed, one of everything, and an audit. */
async function lookAgain(side: TwoWay): Promise<void> {
  for (const mode of ['incremental', 'full'] as const) {
    const done = await orThrow(side.client.POST('/sync', { body: { mode, background: false } }));
    expect(done.status).toBe('completed');
  }
  const { calendarId, house } = side;
  const requestedAt = systemClock.now().toISOString();
  await house.producer.enqueue('audit-calendar', { calendarId, requestedAt, asked: true });
  await eventually(async () => {
    const [item] = (await orThrow(side.client.GET('/sync/status'))).items;
    expect(item).toMatchObject({ drift: { differences: 0 } });
    return (item?.drift?.checked_at ?? '') >= requestedAt;
  });
  await rest(side);
}

async function eventOf({ client }: TwoWay, id: string) {
  const { synced_at: _syncedAt, ...event } = await orThrow(
    client.GET('/events/{id}', { params: { path: { id } } }),
  );
  return event;
}

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  test('each wish is one write; pulls, an audit and an edit of the owner find nothing more to say', async () => {
    const side = await fleet.connect(provider, 'manual');
    const { client, elsewhere, calendarId } = side;
    const wish = {
      calendar_id: calendarId,
      summary: 'Planning',
      start: time(14),
      end: time(15),
      attendees: guests('zoe', 'ada', 'max'),
      ...texts(1),
    };
    const { id } = await orThrow(client.POST('/events', { body: wish }));
    await rest(side);
    expect(elsewhere.writes()).toBe(1);

    const changes = [
      texts(2),
      { attendees: guests('max', 'kim', 'zoe') },
      { start: time(16), end: time(17) },
    ];
    for (const [n, change] of changes.entries()) {
      const params = { path: { id } };
      const { write } = await orThrow(client.PATCH('/events/{id}', { params, body: change }));
      expect(write).not.toBeNull();
      await rest(side);
      expect(elsewhere.writes()).toBe(n + 2);
    }
    const shown = await eventOf(side, id);
    await lookAgain(side);
    expect(await eventOf(side, id)).toEqual(shown);

    // Both sides at once: what the provider made of the other texts is no change of its owner.
    elsewhere.move('Planning', 'Room 9');
    await orThrow(client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: '  Retro  ' } }));
    await eventually(() => elsewhere.titles().join().includes('Retro'));
    await rest(side);
    await lookAgain(side);
    expect(await eventOf(side, id)).toMatchObject({ location: 'Room 9', attendees: shown.attendees });
    expect((await orThrow(client.GET('/conflicts'))).items).toEqual([]);
    // A write that met the owner's was refused for its version, and left once more.
    expect(elsewhere.writes()).toBeLessThanOrEqual(changes.length + 3);
    const { items } = await orThrow(client.GET('/writes'));
    expect(items).toHaveLength(changes.length + 2);
  });
});
