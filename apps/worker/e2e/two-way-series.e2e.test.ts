/**
 * Series both ways over HTTP, with both providers: one occurrence changed, moved and cancelled, this and following, all by
 * way of one; the mirror is exact after each, and each wish is as few writes as the provider allows.
 */
import { orThrow } from '@calfleet/client';
import { eventually } from '@calfleet/testkit';
import { openTwoWayHouse, tomorrow, type ProviderUnderTest, type TwoWay } from './two-way-house.ts';

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
beforeAll(async () => {
  fleet = await openTwoWayHouse();
  await fleet.house.startWorker();
});
afterEach(() => fleet.house.sandbox.faults.clear());
afterAll(() => fleet.close());

const dayMs = 86_400_000;
const day = (offset: number): string =>
  new Date(Date.parse(`${tomorrow()}T00:00:00Z`) + offset * dayMs).toISOString().slice(0, 10);
const at = (offset: number, hour: string) => ({
  date_time: `${day(offset)}T${hour}:00:00`,
  time_zone: 'UTC',
});

async function rest({ client, elsewhere }: TwoWay): Promise<void> {
  await eventually(async () => {
    const { items } = await orThrow(client.GET('/writes', { params: { query: { limit: 500 } } }));
    expect(items.filter(({ state }) => state === 'pending' || state === 'pushing')).toEqual([]);
    await elsewhere.expectMirrored();
  });
}

interface Shown {
  occurrenceId: string;
  /** Days from tomorrow, hour and title. */
  text: string;
}

async function shown({ client }: TwoWay): Promise<Shown[]> {
  const query = { start: `${day(-1)}T00:00:00Z`, end: `${day(12)}T00:00:00Z`, limit: 500 };
  const { items } = await orThrow(client.GET('/events', { params: { query } }));
  return items.map((item) => {
    if (!('occurrence' in item) || !('date_time' in item.occurrence.start)) {
      throw new Error('It takes place at no time.');
    }
    const date = new Date(item.occurrence.start.date_time);
    const offset = Math.floor((date.getTime() - Date.parse(`${day(0)}T00:00:00Z`)) / dayMs);
    return {
      occurrenceId: item.occurrence_id,
      text: `${offset} ${date.getUTCHours()} ${item.summary}`,
    };
  });
}
const texts = async (side: TwoWay): Promise<string[]> => (await shown(side)).map(({ text }) => text);

async function occurrence(side: TwoWay, offset: number): Promise<string> {
  const found = (await shown(side)).find(({ text }) => text.startsWith(`${offset} `));
  if (!found) throw new Error(`Nothing takes place on day ${offset}.`);
  return found.occurrenceId;
}

/** Six days at nine, told to the provider. */
async function daily(provider: ProviderUnderTest): Promise<{ side: TwoWay; id: string }> {
  const side = await fleet.connect(provider);
  const series = {
    calendar_id: side.calendarId,
    summary: 'Daily',
    start: at(0, '09'),
    end: at(0, '10'),
    recurrence: ['RRULE:FREQ=DAILY;COUNT=6'],
  };
  const { id } = await orThrow(side.client.POST('/events', { body: series }));
  await rest(side);
  return { side, id };
}

type Scope = 'this' | 'following' | 'all';
type Fields = { summary?: string; location?: string; start?: GivenTime; end?: GivenTime };
type GivenTime = ReturnType<typeof at>;

const change = ({ client }: TwoWay, id: string, scope: Scope, body: Fields) =>
  orThrow(client.PATCH('/events/{id}', { params: { path: { id }, query: { scope } }, body }));

const remove = ({ client }: TwoWay, id: string, scope: Scope) =>
  orThrow(client.DELETE('/events/{id}', { params: { path: { id }, query: { scope } } }));

const written = async ({ client }: TwoWay): Promise<unknown[]> =>
  (await orThrow(client.GET('/writes', { params: { query: { limit: 500 } } }))).items
    .map(({ op, state }) => `${op} ${state}`)
    .reverse();

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  test('one occurrence is changed, moved, changed again and cancelled: the others stay, and each is one write', async () => {
    const { side, id } = await daily(provider);
    const second = await occurrence(side, 1);
    const changed = await change(side, second, 'this', { summary: 'Changed' });
    const write = { state: 'pending' };
    expect(changed).toMatchObject({ kind: 'exception', series_id: id, summary: 'Changed', write });
    expect((await texts(side)).slice(0, 3)).toEqual(['0 9 Daily', '1 9 Changed', '2 9 Daily']);
    await rest(side);
    // The same occurrence, by its id and by the id of the event that it has become.
    expect(await occurrence(side, 1)).toBe(second);
    await change(side, second, 'this', { start: at(1, '15'), end: at(1, '16') });
    await rest(side);
    await orThrow(
      side.client.PATCH('/events/{id}', {
        params: { path: { id: changed.id } },
        body: { location: 'Room 1' },
      }),
    );
    await remove(side, await occurrence(side, 3), 'this');
    expect(await texts(side)).toEqual(['0 9 Daily', '1 15 Changed', '2 9 Daily', '4 9 Daily', '5 9 Daily']);
    await rest(side);
    expect(side.elsewhere.place('Changed')).toBe('Room 1');
    expect(await texts(side)).toEqual(['0 9 Daily', '1 15 Changed', '2 9 Daily', '4 9 Daily', '5 9 Daily']);
    await orThrow(side.client.DELETE('/events/{id}', { params: { path: { id: changed.id } } }));
    await rest(side);
    expect(await texts(side)).toEqual(['0 9 Daily', '2 9 Daily', '4 9 Daily', '5 9 Daily']);
    expect(await written(side)).toEqual([
      'create applied',
      ...Array<string>(3).fill('update applied'),
      ...Array<string>(2).fill('delete applied'),
    ]);
    expect(side.elsewhere.writes()).toBe(6);
  });

  test('answers about one occurrence are lost: it is changed once, and cancelled once', async () => {
    const { side } = await daily(provider);
    const operations =
      provider === 'google'
        ? (['events.patch', 'events.delete'] as const)
        : (['graph.event.update', 'graph.event.delete'] as const);
    for (const operation of operations) {
      for (const kind of ['drop_after', 'drop_before'] as const) {
        fleet.house.sandbox.faults.add({ operation, count: 1, effect: { kind } });
      }
    }
    await change(side, await occurrence(side, 1), 'this', { summary: 'Changed' });
    await rest(side);
    await remove(side, await occurrence(side, 2), 'this');
    await rest(side);
    expect((await texts(side)).slice(0, 3)).toEqual(['0 9 Daily', '1 9 Changed', '3 9 Daily']);
    expect((await orThrow(side.client.GET('/conflicts'))).items).toEqual([]);
  });

  test('this and following: the series ends, another goes on with what was changed and cancelled among its days', async () => {
    const { side, id } = await daily(provider);
    await change(side, await occurrence(side, 3), 'this', { location: 'Room 3' });
    await remove(side, await occurrence(side, 4), 'this');
    await rest(side);
    const following = await change(side, await occurrence(side, 2), 'following', {
      summary: 'Later',
      start: at(2, '11'),
      end: at(2, '12'),
    });
    expect(following).toMatchObject({ kind: 'series', summary: 'Later', managed: true });
    expect(following.id).not.toBe(id);
    const expected = ['0 9 Daily', '1 9 Daily', '2 11 Later', '3 11 Later', '5 11 Later'];
    expect(await texts(side)).toEqual(expected);
    await rest(side);
    expect(await texts(side)).toEqual(expected);
    expect((await written(side)).every((text) => String(text).endsWith('applied'))).toBe(true);
    await remove(side, await occurrence(side, 3), 'following');
    await rest(side);
    expect(await texts(side)).toEqual(expected.slice(0, 3));
    await remove(side, await occurrence(side, 0), 'following');
    await rest(side);
    expect(await texts(side)).toEqual(expected.slice(2, 3));
  });

  test('restored: a day that was called off, and the series as it was before this and following', async () => {
    const { side, id } = await daily(provider);
    const changed = await change(side, await occurrence(side, 3), 'this', {
      summary: 'Changed',
    });
    const off = await remove(side, await occurrence(side, 4), 'this');
    await rest(side);
    const before = ['0 9 Daily', '1 9 Daily', '2 9 Daily', '3 9 Changed', '5 9 Daily'];
    expect(await texts(side)).toEqual(before);
    const params = { path: { id } };
    const history = await orThrow(side.client.GET('/events/{id}/history', { params }));
    const [{ n: whole } = { n: 0 }] = history.items;
    await change(side, await occurrence(side, 1), 'following', { summary: 'Later' });
    await rest(side);
    expect(await texts(side)).toEqual(['0 9 Daily', '1 9 Later', '2 9 Later', '3 9 Changed', '5 9 Later']);
    await orThrow(side.client.POST('/events/{id}/restore', { params, body: { revision: whole } }));
    await rest(side);
    expect(await texts(side)).toEqual(before);
    expect(
      await orThrow(side.client.GET('/events/{id}', { params: { path: { id: changed.id } } })),
    ).toMatchObject({ deleted_at: null });
    await orThrow(
      side.client.POST('/events/{id}/restore', {
        params: { path: { id: off.id } },
        body: { revision: 0 },
      }),
    );
    await rest(side);
    expect(await texts(side)).toEqual([...before.slice(0, 4), '4 9 Daily', '5 9 Daily']);
    expect((await orThrow(side.client.GET('/conflicts'))).items).toEqual([]);
  });

  test('all, by way of one occurrence: the series moves by as much', async () => {
    const { side, id } = await daily(provider);
    const third = await occurrence(side, 2);
    const moved = await change(side, third, 'all', {
      summary: 'Moved',
      start: at(2, '12'),
      end: at(2, '14'),
    });
    expect(moved.id).toBe(id);
    await rest(side);
    expect((await texts(side)).slice(0, 2)).toEqual(['0 12 Moved', '1 12 Moved']);
    await remove(side, await occurrence(side, 1), 'all');
    await rest(side);
    expect(await texts(side)).toEqual([]);
  });
});
