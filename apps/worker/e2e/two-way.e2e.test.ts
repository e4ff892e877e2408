/**
 * Both ways over HTTP, with both providers: what is written over the API is at the provider once, what the owner does
 * there meets it, and lost answers, refusals and own echoes make no twin, no second write and no lost word.
 */
import { orThrow, type Shapes } from '@calfleet/client';
import { eventually } from '@calfleet/testkit';
import {
  openTwoWayHouse,
  tomorrow,
  type ProviderUnderTest,
  type Strategy,
  type TwoWay,
} from './two-way-house.ts';

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
beforeAll(async () => {
  fleet = await openTwoWayHouse();
  await fleet.house.startWorker();
});
afterEach(() => {
  fleet.house.sandbox.faults.clear();
  fleet.hushProviders(false);
});
afterAll(() => fleet.close());

const creating = { google: 'events.insert', microsoft: 'graph.event.create' } as const;
const changing = { google: 'events.patch', microsoft: 'graph.event.update' } as const;

const at = (hour: string) => ({ date_time: `${tomorrow()}T${hour}:00:00`, time_zone: 'UTC' });

async function create({ client, calendarId }: TwoWay, summary: string, fields: object = {}): Promise<string> {
  const event = { calendar_id: calendarId, summary, start: at('14'), end: at('15'), ...fields };
  return (await orThrow(client.POST('/events', { body: event }))).id;
}

/** Every write is done, both sides are the same, and nothing more is written. */
async function rest({ client, elsewhere }: TwoWay): Promise<void> {
  await eventually(async () => {
    const { items } = await orThrow(client.GET('/writes', { params: { query: { limit: 500 } } }));
    expect(items.filter(({ state }) => state === 'pending' || state === 'pushing')).toEqual([]);
    await elsewhere.expectMirrored();
  });
}

const titlesHere = async ({ client }: TwoWay): Promise<string[]> => {
  const from = new Date(Date.parse(`${tomorrow()}T00:00:00Z`)).toISOString();
  const to = new Date(Date.parse(`${tomorrow()}T23:59:59Z`)).toISOString();
  const { items } = await orThrow(
    client.GET('/events', { params: { query: { start: from, end: to, limit: 500 } } }),
  );
  return items.map(({ summary }) => String(summary)).sort();
};

const openConflict = ({ client }: TwoWay): Promise<Shapes['Conflict']> =>
  eventually(async () => {
    const params = { query: { status: 'open' as const } };
    const [conflict] = (await orThrow(client.GET('/conflicts', { params }))).items;
    if (!conflict) throw new Error('There is no open conflict.');
    return conflict;
  });

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  test('made, changed and deleted here: each reaches the provider by one write, and no echo comes back as news', async () => {
    const side = await fleet.connect(provider);
    const { client, elsewhere } = side;
    const id = await create(side, 'Planning', { location: 'Room 1', description: 'agenda' });
    await rest(side);
    expect(elsewhere.titles()).toEqual(['Planning']);
    await orThrow(client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: 'Retro' } }));
    await rest(side);
    expect([elsewhere.titles(), elsewhere.place('Retro')]).toEqual([['Retro'], 'Room 1']);
    await orThrow(client.DELETE('/events/{id}', { params: { path: { id } } }));
    await rest(side);
    expect([elsewhere.titles(), elsewhere.writes()]).toEqual([[], 3]);
  });

  test('an all-day event and a series reach it whole', async () => {
    const side = await fleet.connect(provider);
    const next = new Date(Date.parse(`${tomorrow()}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
    await create(side, 'Holiday', { start: { date: tomorrow() }, end: { date: next } });
    await create(side, 'Daily', { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] });
    await rest(side);
    expect(new Set(side.elsewhere.titles())).toEqual(new Set(['Holiday', 'Daily']));
    expect(await titlesHere(side)).toEqual(['Daily', 'Holiday']);
  });

  test('the answer to a creation is lost, before and after it was done: one event, one row', async () => {
    const side = await fleet.connect(provider);
    for (const kind of ['drop_after', 'drop_before'] as const) {
      fleet.house.sandbox.faults.add({ operation: creating[provider], count: 1, effect: { kind } });
      await create(side, kind);
      await rest(side);
    }
    expect(side.elsewhere.titles()).toEqual(['drop_after', 'drop_before']);
    expect(await titlesHere(side)).toEqual(['drop_after', 'drop_before']);
  });

  test('its owner deletes what we made before we hear that we did: it is gone here, too, and nothing waits', async () => {
    fleet.hushProviders(true);
    const side = await fleet.connect(provider);
    fleet.house.sandbox.faults.add({
      operation: creating[provider],
      count: 1,
      effect: { kind: 'drop_after' },
    });
    await create(side, 'Planning');
    await eventually(() => expect(side.elsewhere.titles()).toEqual(['Planning']));
    side.elsewhere.remove('Planning');
    await rest(side);
    expect([side.elsewhere.titles(), await titlesHere(side)]).toEqual([[], []]);
    const { items } = await orThrow(side.client.GET('/writes'));
    expect(items).toMatchObject([{ op: 'create', state: 'applied' }]);
  });

  test('the answer to a change is lost, and a server fails: the change is there, and no conflict', async () => {
    const side = await fleet.connect(provider);
    const id = await create(side, 'Planning');
    await rest(side);
    for (const effect of [
      { kind: 'drop_after' as const },
      { kind: 'drop_before' as const },
      { kind: 'status' as const, status: 503 },
    ]) {
      fleet.house.sandbox.faults.add({ operation: changing[provider], count: 1, effect });
      await orThrow(
        side.client.PATCH('/events/{id}', {
          params: { path: { id } },
          body: { summary: `after ${JSON.stringify(effect)}` },
        }),
      );
      await rest(side);
      expect(side.elsewhere.titles()).toEqual([`after ${JSON.stringify(effect)}`]);
    }
  });

  test('the owner changes another field at the same moment: both stand', async () => {
    const side = await fleet.connect(provider);
    const id = await create(side, 'Planning');
    await rest(side);
    side.elsewhere.move('Planning', 'Room 9');
    await orThrow(
      side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: 'Retro' } }),
    );
    await rest(side);
    expect(side.elsewhere.place('Retro')).toBe('Room 9');
  });

  test.each<[Strategy, string, string]>([
    ['local_wins', 'here', 'applied'],
    ['provider_wins', 'there', 'discarded'],
    ['newest_wins', 'here', 'applied'],
    ['manual', 'there', 'conflict'],
  ])('the owner changes the same field before, %s: "%s" stands', async (strategy, stands, state) => {
    fleet.hushProviders(true);
    const side = await fleet.connect(provider, strategy);
    const id = await create(side, 'Planning');
    await rest(side);
    side.elsewhere.rename('Planning', 'there');
    await orThrow(side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: 'here' } }));
    await rest(side);
    expect([side.elsewhere.titles(), await titlesHere(side)]).toEqual([[stands], [stands]]);
    const { items } = await orThrow(side.client.GET('/writes', { params: { query: { limit: 1 } } }));
    expect(items).toMatchObject([{ op: 'update', state }]);
  });

  test.each<['local' | 'provider' | 'merge', { event?: object }, string[]]>([
    ['local', {}, ['here']],
    ['provider', {}, ['there']],
    ['merge', { event: { summary: 'both', location: 'Room 5' } }, ['both']],
  ])('a person decides for %s', async (resolution, more, titles) => {
    fleet.hushProviders(true);
    const side = await fleet.connect(provider, 'manual');
    const id = await create(side, 'Planning');
    await rest(side);
    side.elsewhere.rename('Planning', 'there');
    await orThrow(side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: 'here' } }));
    const conflict = await openConflict(side);
    expect(conflict).toMatchObject({
      event_id: id,
      fields: ['summary'],
      base: { summary: 'Planning' },
      local: { summary: 'here' },
      provider: { summary: 'there' },
      strategy: 'manual',
    });
    const resolve = () =>
      side.client.POST('/conflicts/{id}/resolve', {
        params: { path: { id: conflict.id } },
        body: { resolution, ...more },
      });
    expect((await resolve()).data).toMatchObject({
      status: 'resolved',
      resolution,
      resolved_by: side.userId,
    });
    // Said again, it stays said; what is to be merged is another word each time.
    expect((await resolve()).response.status).toBe(resolution === 'merge' ? 422 : 200);
    await rest(side);
    expect([side.elsewhere.titles(), await titlesHere(side)]).toEqual([titles, titles]);
  });

  test('a person decides for an event that its owner deleted: it is made anew, under the same id here', async () => {
    fleet.hushProviders(true);
    const side = await fleet.connect(provider, 'manual');
    const id = await create(side, 'Planning');
    await rest(side);
    side.elsewhere.remove('Planning');
    await orThrow(side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: 'here' } }));
    const conflict = await openConflict(side);
    expect(conflict).toMatchObject({ fields: ['deleted'], provider: { deleted: null } });
    await orThrow(
      side.client.POST('/conflicts/{id}/resolve', {
        params: { path: { id: conflict.id } },
        body: { resolution: 'local' },
      }),
    );
    await rest(side);
    expect(side.elsewhere.titles()).toEqual(['here']);
    expect(await orThrow(side.client.GET('/events/{id}', { params: { path: { id } } }))).toMatchObject({
      summary: 'here',
      deleted_at: null,
    });
  });

  test('what its owner deleted is restored as it was, under the same id here; a series, too', async () => {
    const side = await fleet.connect(provider);
    const id = await create(side, 'Planning', { location: 'Room 1' });
    const daily = await create(side, 'Daily', { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] });
    await rest(side);
    side.elsewhere.rename('Planning', 'Renamed');
    await rest(side);
    side.elsewhere.remove('Renamed');
    side.elsewhere.remove('Daily');
    await rest(side);
    expect(await titlesHere(side)).toEqual([]);
    const renamed = (
      await orThrow(side.client.GET('/events/{id}/history', { params: { path: { id } } }))
    ).items.find(({ fields }) => fields.includes('summary'));
    expect(renamed).toMatchObject({ origin: 'provider', before: { summary: 'Planning' } });
    const restore = (of: string, revision: number) =>
      side.client.POST('/events/{id}/restore', { params: { path: { id: of } }, body: { revision } });
    expect(await restore(id, (renamed?.n ?? 0) - 1)).toMatchObject({
      data: { id, summary: 'Planning', location: 'Room 1', deleted_at: null },
    });
    expect((await restore(daily, 1)).response.status).toBe(202);
    await rest(side);
    expect(new Set(side.elsewhere.titles())).toEqual(new Set(['Daily', 'Planning']));
    expect([side.elsewhere.place('Planning'), await titlesHere(side)]).toEqual([
      'Room 1',
      ['Daily', 'Planning'],
    ]);
  });

  test('twenty edits in a row are few writes, and the last one stands', async () => {
    const side = await fleet.connect(provider);
    const id = await create(side, 'Planning');
    await rest(side);
    const before = side.elsewhere.writes();
    for (let n = 1; n <= 20; n += 1)
      await orThrow(
        side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: `edit ${n}` } }),
      );
    await rest(side);
    expect(side.elsewhere.titles()).toEqual(['edit 20']);
    expect(side.elsewhere.writes() - before).toBeLessThanOrEqual(20);
  });
});

test('a provider that rewrites texts and sorts guests: what is written quickly after each other makes no conflict, and nothing is written again', async () => {
  const { microsoft } = fleet.house.sandbox;
  microsoft.setQuirks({ texts: 'rewritten', attendeeOrder: 'by_address' });
  const side = await fleet.connect('microsoft', 'manual');
  const attendees = ['zoe', 'ada', 'max'].map((name) => ({ email: `${name}@guests.test` }));
  const id = await create(side, 'Planning  ', { description: 'first  \r\nsecond\r\n', attendees });
  for (let n = 1; n <= 5; n += 1) {
    await orThrow(
      side.client.PATCH('/events/{id}', {
        params: { path: { id } },
        body: {
          description: `edit ${n}  \r\nand more  `,
          location: `Room ${n}  `,
        },
      }),
    );
  }
  await rest(side);
  const before = side.elsewhere.writes();
  await fleet.house.producer.enqueue('pull-calendar', {
    calendarId: side.calendarId,
    reason: 'user',
    requestedAt: new Date().toISOString(),
  });
  await rest(side);
  expect([side.elsewhere.writes() - before, (await orThrow(side.client.GET('/conflicts'))).items]).toEqual([
    0,
    [],
  ]);
  expect(
    (await orThrow(side.client.GET('/writes', { params: { query: { state: 'applied' } } }))).items,
  ).toHaveLength(6);
});
