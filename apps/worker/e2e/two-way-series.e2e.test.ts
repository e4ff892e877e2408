/**
 * Series both ways over HTTP, with both providers: one occurrence changed, moved and cancelled, this and following, all by
 * way of one; the mirror is exact after each, and each wish is as few writes as the provider allows.
 */
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

async function rest({ ask, elsewhere }: TwoWay): Promise<void> {
  await eventually(async () => {
    const { items } = (await ask('GET', '/writes?limit=500')).body;
    expect(items.filter(({ state }) => state === 'pending' || state === 'pushing')).toEqual([]);
    await elsewhere.expectMirrored();
  });
}

interface Shown {
  occurrenceId: string;
  /** Days from tomorrow, hour and title. */
  text: string;
}

async function shown({ ask }: TwoWay): Promise<Shown[]> {
  const { items } = (
    await ask('GET', `/events?start=${day(-1)}T00:00:00Z&end=${day(12)}T00:00:00Z&limit=500`)
  ).body;
  return items.map((item) => {
    const { start } = item['occurrence'] as { start: { date_time: string } };
    const date = new Date(start.date_time);
    const offset = Math.floor((date.getTime() - Date.parse(`${day(0)}T00:00:00Z`)) / dayMs);
    return {
      occurrenceId: String(item['occurrence_id']),
      text: `${offset} ${String(date.getUTCHours())} ${String(item['summary'])}`,
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
  const { status, body } = await side.ask('POST', '/events', {
    calendar_id: side.calendarId,
    summary: 'Daily',
    start: at(0, '09'),
    end: at(0, '10'),
    recurrence: ['RRULE:FREQ=DAILY;COUNT=6'],
  });
  expect(status).toBe(202);
  await rest(side);
  return { side, id: body.id };
}

const written = async ({ ask }: TwoWay): Promise<unknown[]> =>
  (await ask('GET', '/writes?limit=500')).body.items
    .map(({ op, state }) => `${String(op)} ${String(state)}`)
    .reverse();

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  test('one occurrence is changed, moved, changed again and cancelled: the others stay, and each is one write', async () => {
    const { side, id } = await daily(provider);
    const second = await occurrence(side, 1);
    const changed = await side.ask('PATCH', `/events/${second}?scope=this`, { summary: 'Changed' });
    expect(changed).toMatchObject({
      status: 202,
      body: { kind: 'exception', series_id: id, summary: 'Changed', write: { state: 'pending' } },
    });
    expect((await texts(side)).slice(0, 3)).toEqual(['0 9 Daily', '1 9 Changed', '2 9 Daily']);
    await rest(side);
    // The same occurrence, by its id and by the id of the event that it has become.
    expect(await occurrence(side, 1)).toBe(second);
    await side.ask('PATCH', `/events/${second}?scope=this`, { start: at(1, '15'), end: at(1, '16') });
    await rest(side);
    await side.ask('PATCH', `/events/${changed.body.id}`, { location: 'Room 1' });
    await side.ask('DELETE', `/events/${await occurrence(side, 3)}?scope=this`);
    expect(await texts(side)).toEqual(['0 9 Daily', '1 15 Changed', '2 9 Daily', '4 9 Daily', '5 9 Daily']);
    await rest(side);
    expect(side.elsewhere.place('Changed')).toBe('Room 1');
    expect(await texts(side)).toEqual(['0 9 Daily', '1 15 Changed', '2 9 Daily', '4 9 Daily', '5 9 Daily']);
    await side.ask('DELETE', `/events/${changed.body.id}`);
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
    await side.ask('PATCH', `/events/${await occurrence(side, 1)}?scope=this`, { summary: 'Changed' });
    await rest(side);
    await side.ask('DELETE', `/events/${await occurrence(side, 2)}?scope=this`);
    await rest(side);
    expect((await texts(side)).slice(0, 3)).toEqual(['0 9 Daily', '1 9 Changed', '3 9 Daily']);
    expect((await side.ask('GET', '/conflicts')).body.items).toEqual([]);
  });

  test('this and following: the series ends, another goes on with what was changed and cancelled among its days', async () => {
    const { side, id } = await daily(provider);
    await side.ask('PATCH', `/events/${await occurrence(side, 3)}?scope=this`, { location: 'Room 3' });
    await side.ask('DELETE', `/events/${await occurrence(side, 4)}?scope=this`);
    await rest(side);
    const following = await side.ask('PATCH', `/events/${await occurrence(side, 2)}?scope=following`, {
      summary: 'Later',
      start: at(2, '11'),
      end: at(2, '12'),
    });
    expect(following).toMatchObject({
      status: 202,
      body: { kind: 'series', summary: 'Later', managed: true },
    });
    expect(following.body.id).not.toBe(id);
    const expected = ['0 9 Daily', '1 9 Daily', '2 11 Later', '3 11 Later', '5 11 Later'];
    expect(await texts(side)).toEqual(expected);
    await rest(side);
    expect(await texts(side)).toEqual(expected);
    expect((await written(side)).every((text) => String(text).endsWith('applied'))).toBe(true);
    await side.ask('DELETE', `/events/${await occurrence(side, 3)}?scope=following`);
    await rest(side);
    expect(await texts(side)).toEqual(expected.slice(0, 3));
    await side.ask('DELETE', `/events/${await occurrence(side, 0)}?scope=following`);
    await rest(side);
    expect(await texts(side)).toEqual(expected.slice(2, 3));
  });

  test('restored: a day that was called off, and the series as it was before this and following', async () => {
    const { side, id } = await daily(provider);
    const changed = await side.ask('PATCH', `/events/${await occurrence(side, 3)}?scope=this`, {
      summary: 'Changed',
    });
    const off = await side.ask('DELETE', `/events/${await occurrence(side, 4)}?scope=this`);
    await rest(side);
    const before = ['0 9 Daily', '1 9 Daily', '2 9 Daily', '3 9 Changed', '5 9 Daily'];
    expect(await texts(side)).toEqual(before);
    const history = await side.ask('GET', `/events/${id}/history`);
    const [{ n: whole } = { n: null }] = history.body.items;
    await side.ask('PATCH', `/events/${await occurrence(side, 1)}?scope=following`, { summary: 'Later' });
    await rest(side);
    expect(await texts(side)).toEqual(['0 9 Daily', '1 9 Later', '2 9 Later', '3 9 Changed', '5 9 Later']);
    expect(await side.ask('POST', `/events/${id}/restore`, { revision: whole })).toMatchObject({
      status: 202,
    });
    await rest(side);
    expect(await texts(side)).toEqual(before);
    expect((await side.ask('GET', `/events/${changed.body.id}`)).body).toMatchObject({ deleted_at: null });
    await side.ask('POST', `/events/${off.body.id}/restore`, { revision: 0 });
    await rest(side);
    expect(await texts(side)).toEqual([...before.slice(0, 4), '4 9 Daily', '5 9 Daily']);
    expect((await side.ask('GET', '/conflicts')).body.items).toEqual([]);
  });

  test('all, by way of one occurrence: the series moves by as much', async () => {
    const { side, id } = await daily(provider);
    const third = await occurrence(side, 2);
    const moved = await side.ask('PATCH', `/events/${third}?scope=all`, {
      summary: 'Moved',
      start: at(2, '12'),
      end: at(2, '14'),
    });
    expect(moved).toMatchObject({ status: 202, body: { id } });
    await rest(side);
    expect((await texts(side)).slice(0, 2)).toEqual(['0 12 Moved', '1 12 Moved']);
    await side.ask('DELETE', `/events/${await occurrence(side, 1)}?scope=all`);
    await rest(side);
    expect(await texts(side)).toEqual([]);
  });
});
