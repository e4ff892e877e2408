/** A database that was lost, or comes from a backup: what we made at the provider is found again, and not made twice. */
import { orThrow } from '@calfleet/client';
import { systemClock } from '@calfleet/domain';
import { eventually } from '@calfleet/testkit';
import { adopt } from '../../local/src/cli/accounts.ts';
import { openTwoWayHouse, tomorrow, type ProviderUnderTest, type TwoWay } from './two-way-house.ts';

let fleet: Awaited<ReturnType<typeof openTwoWayHouse>>;
beforeAll(async () => {
  fleet = await openTwoWayHouse();
  await fleet.house.startWorker();
});
afterAll(() => fleet.close());

const time = (hour: number) => ({ date_time: `${tomorrow()}T${hour}:00:00`, time_zone: 'UTC' });

async function create({ client, calendarId }: TwoWay, summary: string, fields: object = {}): Promise<string> {
  const event = { calendar_id: calendarId, summary, start: time(14), end: time(15), ...fields };
  return (await orThrow(client.POST('/events', { body: event }))).id;
}

/** Every write is done, and both sides are the same. */
const rest = ({ client, elsewhere }: TwoWay): Promise<void> =>
  eventually(async () => {
    const { items } = await orThrow(client.GET('/writes', { params: { query: { limit: 500 } } }));
    expect(items.filter(({ state }) => state !== 'applied')).toEqual([]);
    await elsewhere.expectMirrored();
  });

const stored = async ({ client }: TwoWay) => {
  const { items } = await orThrow(
    client.GET('/events', { params: { query: { expand: false, limit: 500 } } }),
  );
  return items.sort((one, other) => String(one.summary).localeCompare(String(other.summary)));
};
const managed = async (side: TwoWay): Promise<unknown[]> =>
  (await stored(side)).map(({ summary, managed: isManaged }) => [summary, isManaged]);

async function adoptAccount({ accountId }: TwoWay): Promise<string[]> {
  const lines: string[] = [];
  const { services, db } = fleet.house;
  const print = (text: string) => void lines.push(text);
  await adopt({ config: services, db, clock: systemClock, print }, { account: accountId });
  return lines;
}

describe.each<ProviderUnderTest>(['google', 'microsoft'])('%s', (provider) => {
  test('all rows are lost and the mailbox is connected anew: what bears our mark is managed once a person says so', async () => {
    const before = await fleet.connect(provider);
    await create(before, 'Ours');
    await create(before, 'Ours too', { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] });
    before.elsewhere.add('Theirs');
    await rest(before);
    const titles = before.elsewhere.titles();

    const side = await before.reconnect();
    expect(await managed(side)).toEqual([
      ['Ours', false],
      ['Ours too', false],
      ['Theirs', false],
    ]);
    expect(await adoptAccount(side)).toEqual(['2 events of 1 calendars are managed from now on.']);
    expect(await adoptAccount(side)).toEqual(['0 events of 1 calendars are managed from now on.']);
    expect(await managed(side)).toEqual([
      ['Ours', true],
      ['Ours too', true],
      ['Theirs', false],
    ]);
    await orThrow(
      side.client.POST('/sync/schedule', {
        body: {
          auto_sync_enabled: false,
          sync_frequency_minutes: 60,
          conflict_strategy: 'newest_wins',
          write_permissions: 'managed',
        },
      }),
    );
    const [ours, , theirs] = await stored(side);
    const rename = async (event: { id: string } | undefined) => {
      const params = { path: { id: String(event?.id) } };
      return (await side.client.PATCH('/events/{id}', { params, body: { summary: 'Renamed' } })).response;
    };
    expect([(await rename(ours)).status, (await rename(theirs)).status]).toEqual([202, 403]);
    await rest(side);
    expect(side.elsewhere.titles()).toEqual(
      titles.map((title) => (title === 'Ours' ? 'Renamed' : title)).sort(),
    );
  });

  test('rows from before a creation left: it leaves once more, and there is one event on both sides', async () => {
    const side = await fleet.connect(provider);
    const id = await create(side, 'Planning');
    await rest(side);
    const made = side.elsewhere.writes();
    await fleet.house.db.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`
        update calendar_writes set state = 'pending', applied_at = null, attempts = 0, sent_at = null
         where event_id = ${id}::uuid`;
      await tx.$executeRaw`
        update calendar_events
           set provider_event_id = null, provider_version = null, html_link = null, ical_uid = null, write_id = null, fingerprint = '',
               written_seq = 0
         where id = ${id}::uuid`;
    });
    await rest(side);
    expect(side.elsewhere.titles()).toEqual(['Planning']);
    expect((await stored(side)).map((event) => event['id'])).toEqual([id]);
    // It asked again, at most: nobody was written to twice.
    expect(side.elsewhere.writes() - made).toBeLessThanOrEqual(1);
  });
});
