import { api, type Transaction } from '@calfleet/db';
import { openHouse, type House } from './testing/house.ts';
import { seedCalendar, seedChange, seedSingle, type SeededCalendar } from './testing/rows.ts';

let house: House;
let at: SeededCalendar;
let eventId: string;
beforeAll(async () => {
  house = await openHouse();
  at = await seedCalendar(house);
  eventId = await seedSingle(house, at, {
    zoned: ['2026-11-23T09:00:00Z', '2026-11-23T10:00:00Z', 'Europe/Berlin'],
  });
  await seedChange(house, at);
  await house.worker(
    `insert into calendar_preferences (user_id, auto_sync_enabled, sync_frequency_minutes, conflict_strategy,
       write_permissions, created_at, updated_at) values ('ada', true, 20, 'manual', 'none', now(), now())`,
  );
  await house.feedSettles();
});
afterAll(() => house.close());

const range = { from: '2026-11-01T00:00:00Z', to: '2026-12-01T00:00:00Z' };
const filter = { managed: null, icalUid: null, q: null, includeDeleted: true };
const page = { after: null, limit: 10 };

/** Each asks for Ada's rows by name, as a forgotten or wrong WHERE would. */
const questions: [string, (tx: Transaction) => Promise<number>][] = [
  ['accounts', async (tx) => (await api.listAccounts(tx, { userId: 'ada', ...page })).length],
  [
    'calendars',
    async (tx) => (await api.listCalendars(tx, { userId: 'ada', accountId: null, ...page })).length,
  ],
  ['events', async (tx) => ((await api.findEvent(tx, { userId: 'ada', id: eventId })) ? 1 : 0)],
  [
    'occurrences',
    async (tx) => {
      const calendars = [{ id: at.calendarId, zone: 'UTC' }];
      return (await api.listOccurrences(tx, { userId: 'ada', calendars, range, filter, ...page })).occurrences
        .length;
    },
  ],
  ['preferences', async (tx) => ((await api.findPreferences(tx, { userId: 'ada' })) ? 1 : 0)],
  ['status', async (tx) => (await api.listStatus(tx, { userId: 'ada', ...page })).length],
  [
    'changes',
    async (tx) => {
      const after = { xid: 0n, seq: 0n };
      return (await api.readChanges(tx, { userId: 'ada', after, calendarId: null, limit: 10 })).changes
        .length;
    },
  ],
];

test.each(questions)(
  'row-level security hides %s although the statement names their owner',
  async (_name, ask) => {
    expect(await house.db.transaction({ role: 'api', userId: 'ada' }, ask)).toBe(1);
    expect(await house.db.transaction({ role: 'api', userId: 'eve' }, ask)).toBe(0);
  },
);

test('the API’s role cannot read what is sealed', async () => {
  const read = house.db.transaction({ role: 'api', userId: 'ada' }, (tx) =>
    tx.$queryRawUnsafe('select refresh_token from calendar_accounts'),
  );
  await expect(read).rejects.toThrow('permission denied');
});
