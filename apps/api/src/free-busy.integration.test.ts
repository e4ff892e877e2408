import { newId } from '@calfleet/domain';
import { openHouse, type House } from './testing/house.ts';
import { seedCalendar, seedSingle } from './testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const newUser = () => ({ userId: `user-${newId()}` });

describe('free/busy', () => {
  test('merges what is opaque and takes place, in the asked zone', async () => {
    const at = await seedCalendar(house, newUser());
    const at2 = await seedCalendar(house, { ...at, coverage: 'poll' });
    const seed = (from: string, to: string, more = {}) =>
      seedSingle(house, at, { ...more, zoned: [`2026-12-01T${from}:00Z`, `2026-12-01T${to}:00Z`, 'UTC'] });
    await seed('08:00', '09:00');
    await seed('08:30', '10:00');
    await seed('10:00', '11:00');
    await seed('12:00', '13:00', { transparency: 'transparent' });
    await seed('13:00', '14:00', { status: 'cancelled' });
    await seed('14:00', '15:00', { status: 'tentative' });
    await seed('16:00', '16:00');
    await seed('17:00', '20:00');
    const path = '/freebusy?start=2026-12-01T08:15:00Z&end=2026-12-01T18:00:00Z&time_zone=America/New_York';
    const { status, body } = await house.get(path, { user: at.userId });
    const span = (from: string, to: string) => ({
      start: { date_time: `2026-12-01T${from}:00-05:00`, time_zone: 'America/New_York' },
      end: { date_time: `2026-12-01T${to}:00-05:00`, time_zone: 'America/New_York' },
    });
    expect(status).toBe(200);
    expect(body.calendars).toEqual([
      {
        calendar_id: at.calendarId,
        busy: [span('03:15', '06:00'), span('09:00', '10:00'), span('12:00', '13:00')],
        synced_at: '2026-11-20T11:00:00.000Z',
        coverage: 'push',
      },
      { calendar_id: at2.calendarId, busy: [], synced_at: '2026-11-20T11:00:00.000Z', coverage: 'poll' },
    ]);
  });

  test('an all-day event is busy from midnight to midnight of the zone', async () => {
    const at = await seedCalendar(house, { ...newUser(), timeZone: 'Pacific/Kiritimati' });
    await seedSingle(house, at, { date: ['2026-12-10', '2026-12-11'] });
    const path = '/freebusy?start=2026-12-01T00:00:00Z&end=2026-12-20T00:00:00Z';
    const { body } = await house.get(path, { user: at.userId });
    expect(body.calendars[0]?.busy).toEqual([
      {
        start: { date_time: '2026-12-10T00:00:00+14:00', time_zone: 'Pacific/Kiritimati' },
        end: { date_time: '2026-12-11T00:00:00+14:00', time_zone: 'Pacific/Kiritimati' },
      },
    ]);
  });
});
