/** An operator stops what is written, and the brake stops a loop: over HTTP, at both providers, and nothing is lost by it. */
import { orThrow } from '@calfleet/client';
import { eventually } from '@calfleet/testkit';
import { openTwoWayHouse, tomorrow, type ProviderUnderTest, type TwoWay } from './two-way-house.ts';

const perEvent = 5;

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
beforeAll(async () => {
  fleet = await openTwoWayHouse();
  await fleet.house.startWorker({ WRITES_PER_EVENT_HOUR: String(perEvent) });
});
afterAll(() => fleet.close());

async function create({ client, calendarId }: TwoWay, summary: string): Promise<string> {
  const time = (hour: number) => ({ date_time: `${tomorrow()}T${hour}:00:00`, time_zone: 'UTC' });
  const event = { calendar_id: calendarId, summary, start: time(14), end: time(15) };
  return (await orThrow(client.POST('/events', { body: event }))).id;
}

const writes = async ({ client }: TwoWay) =>
  (await orThrow(client.GET('/writes', { params: { query: { limit: 500 } } }))).items;

/** No write waits for the queue or the provider. */
const quiet = (side: TwoWay): Promise<void> =>
  eventually(async () => {
    const waiting = (await writes(side)).filter(({ state }) => state === 'pending' || state === 'pushing');
    expect(waiting).toEqual([]);
  });

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  test('an account is stopped: what is written is taken, and leaves once the account is resumed', async () => {
    const [side, other] = [await fleet.connect(provider), await fleet.connect(provider)];
    const scope = { account_id: side.accountId };
    expect(await orThrow(side.client.POST('/admin/writes/stop', { body: scope }))).toMatchObject({
      stopped: true,
    });
    await create(side, 'Waits');
    await create(other, 'Leaves');
    await quiet(other);
    expect([side.elsewhere.titles(), other.elsewhere.titles()]).toEqual([[], ['Leaves']]);
    expect(await writes(side)).toMatchObject([{ state: 'pending', attempts: 0, error: null }]);
    expect(
      (await orThrow(side.client.GET('/accounts/{id}', { params: { path: { id: side.accountId } } })))[
        'status_reason'
      ],
    ).toMatch(/^writes are stopped/);
    expect(await orThrow(side.client.POST('/admin/writes/resume', { body: scope }))).toMatchObject({
      stopped: false,
    });
    await quiet(side);
    expect(side.elsewhere.titles()).toEqual(['Waits']);
  });

  test('a program that wants its own title against another one: it comes to rest, and the last word leaves once by a person', async () => {
    const side = await fleet.connect(provider, 'local_wins');
    const id = await create(side, 'mine 0');
    await quiet(side);
    for (let turn = 1; turn < perEvent; turn += 1) {
      side.elsewhere.rename(`mine ${turn - 1}`, 'theirs');
      await orThrow(
        side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: `mine ${turn}` } }),
      );
      await eventually(() => expect(side.elsewhere.titles()).toEqual([`mine ${turn}`]));
      await quiet(side);
    }
    const sent = side.elsewhere.writes();
    for (let turn = perEvent; turn < 2 * perEvent; turn += 1) {
      await orThrow(
        side.client.PATCH('/events/{id}', { params: { path: { id } }, body: { summary: `mine ${turn}` } }),
      );
      await quiet(side);
    }
    expect([side.elsewhere.writes() - sent, side.elsewhere.titles()]).toEqual([0, [`mine ${perEvent - 1}`]]);
    const held = (await writes(side)).filter(({ state }) => state === 'parked');
    expect(held).toHaveLength(perEvent);
    const [root] = held.filter(({ folded_into: into }) => into === null);
    expect(root).toMatchObject({ error: { code: 'rate_limited' } });
    const params = { path: { id: root?.id ?? '' } };
    await orThrow(side.client.POST('/writes/{id}/retry', { params, body: {} }));
    await quiet(side);
    expect([side.elsewhere.writes() - sent, side.elsewhere.titles()]).toEqual([
      1,
      [`mine ${2 * perEvent - 1}`],
    ]);
    await eventually(() => side.elsewhere.expectMirrored());
  });
});
