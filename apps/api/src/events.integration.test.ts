import { newId } from '@calfleet/domain';
import { openHouse, type Body, type House } from './testing/house.ts';
import { seedCalendar, seedEvent, seedOccurrence, seedSingle } from './testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const query = (params: Record<string, string>) => `/events?${new URLSearchParams(params).toString()}`;
const summaries = (body: Body) => body.items.map((item) => item['summary']);
/** A user of its own for each test. */
const newUser = () => ({ userId: `user-${newId()}` });

describe('an event', () => {
  test('has the members of the outside surface, its zone’s offset, and no others', async () => {
    const at = await seedCalendar(house, newUser());
    const attendee = {
      email: 'bob@example.com',
      name: null,
      response: 'needs_action',
      optional: false,
      organizer: false,
      self: false,
      resource: false,
    };
    const id = await seedEvent(house, at, {
      summary: 'Review',
      icalUid: 'uid-1',
      providerEventId: 'g1',
      zoned: ['2027-07-01T07:00:00Z', '2027-07-01T08:00:00Z', 'Europe/Berlin'],
      attendees: [{ ...attendee, secret: 'not ours' }],
    });
    const reply = await house.get(`/events/${id}`, { user: at.userId });
    expect(reply).toMatchObject({ status: 200 });
    expect(reply.body).toEqual({
      id,
      calendar_id: at.calendarId,
      account_id: at.accountId,
      provider: 'google',
      provider_event_id: 'g1',
      ical_uid: 'uid-1',
      kind: 'single',
      series_id: null,
      original_start: null,
      status: 'confirmed',
      summary: 'Review',
      description: null,
      location: null,
      start: { date_time: '2027-07-01T09:00:00+02:00', time_zone: 'Europe/Berlin' },
      end: { date_time: '2027-07-01T10:00:00+02:00', time_zone: 'Europe/Berlin' },
      all_day: false,
      recurrence: [],
      attendees: [attendee],
      organizer: null,
      meeting_url: null,
      visibility: 'default',
      transparency: 'opaque',
      event_type: 'default',
      html_link: null,
      managed: false,
      held: false,
      version: 1,
      provider_updated_at: null,
      synced_at: '2026-11-20T11:00:00.000Z',
      deleted_at: null,
    });
  });

  test('writes dates, floating times and unknown zones as what they are', async () => {
    const at = await seedCalendar(house, newUser());
    const ids = [
      await seedEvent(house, at, { date: ['2026-12-24', '2026-12-27'] }),
      await seedEvent(house, at, { local: ['2026-12-24T18:00:00', '2026-12-24T19:30:00'] }),
      await seedEvent(house, at, { zoned: ['2026-12-24T18:00:00Z', '2026-12-24T19:00:00Z', null] }),
      await seedEvent(house, at, {
        zoned: ['2026-12-24T18:00:00Z', '2026-12-24T19:00:00Z', 'W. Europe Standard Time'],
      }),
    ];
    const times = [];
    for (const id of ids) {
      const { body } = await house.get(`/events/${id}`, { user: at.userId });
      times.push([body['start'], body['end']]);
    }
    const utc = [
      { date_time: '2026-12-24T18:00:00Z', time_zone: 'UTC' },
      { date_time: '2026-12-24T19:00:00Z', time_zone: 'UTC' },
    ];
    expect(times).toEqual([
      [{ date: '2026-12-24' }, { date: '2026-12-27' }],
      [
        { date_time: '2026-12-24T18:00:00', time_zone: null },
        { date_time: '2026-12-24T19:30:00', time_zone: null },
      ],
      utc,
      utc,
    ]);
  });
});

describe('a series', () => {
  test('is one item per occurrence, each with its id, and the id leads back to it', async () => {
    const at = await seedCalendar(house, newUser());
    const series = await seedEvent(house, at, {
      summary: 'Daily',
      kind: 'series',
      providerEventId: 'daily',
      zoned: ['2026-11-23T08:00:00Z', '2026-11-23T09:00:00Z', 'Europe/Berlin'],
    });
    const moved = await seedEvent(house, at, {
      summary: 'Daily, moved',
      kind: 'exception',
      providerSeriesId: 'daily',
      slot: '20261124T080000Z',
      originalStart: { kind: 'zoned', instant: '2026-11-24T08:00:00Z', zone: 'Europe/Berlin' },
      zoned: ['2026-11-24T12:00:00Z', '2026-11-24T13:00:00Z', 'Europe/Berlin'],
    });
    await seedOccurrence(house, at, {
      eventId: series,
      slot: '20261123T080000Z',
      bounds: ['2026-11-23T08:00:00Z', '2026-11-23T09:00:00Z'],
    });
    await seedOccurrence(house, at, {
      eventId: moved,
      ownerId: series,
      slot: '20261124T080000Z',
      bounds: ['2026-11-24T12:00:00Z', '2026-11-24T13:00:00Z'],
    });
    const range = { start: '2026-11-23T00:00:00Z', end: '2026-11-25T00:00:00Z' };
    const { body } = await house.get(query(range), { user: at.userId });
    expect(body.items).toMatchObject([
      {
        id: series,
        series_id: null,
        start: { date_time: '2026-11-23T09:00:00+01:00' },
        occurrence_id: `${series}_20261123T080000Z`,
        occurrence: {
          start: { date_time: '2026-11-23T09:00:00+01:00', time_zone: 'Europe/Berlin' },
          end: { date_time: '2026-11-23T10:00:00+01:00', time_zone: 'Europe/Berlin' },
          original_start: { date_time: '2026-11-23T09:00:00+01:00', time_zone: 'Europe/Berlin' },
        },
      },
      {
        id: moved,
        series_id: series,
        original_start: { date_time: '2026-11-24T09:00:00+01:00' },
        occurrence_id: `${series}_20261124T080000Z`,
        occurrence: {
          start: { date_time: '2026-11-24T13:00:00+01:00' },
          original_start: { date_time: '2026-11-24T09:00:00+01:00' },
        },
      },
    ]);
    const back = await house.get(`/events/${series}_20261124T080000Z`, { user: at.userId });
    expect(back.body).toEqual(body.items[1]);
    expect((await house.get(`/events/${series}_20261125T080000Z`, { user: at.userId })).status).toBe(404);
    const stored = await house.get(query({ ...range, expand: 'false' }), { user: at.userId });
    expect(stored.body.items.map(({ id }) => id)).toEqual([series, moved]);
    expect(stored.body.items[0]).not.toHaveProperty('occurrence');
  });
});

describe('a range', () => {
  test('takes what starts before its end and ends after its start, and zero length at its start', async () => {
    const at = await seedCalendar(house, newUser());
    const zone = 'Europe/Berlin';
    const seed = (summary: string, from: string, to: string) =>
      seedSingle(house, at, { summary, zoned: [`2026-12-01T${from}:00Z`, `2026-12-01T${to}:00Z`, zone] });
    await seed('ends at start', '08:00', '10:00');
    await seed('ends after start', '08:00', '10:01');
    await seed('zero at start', '10:00', '10:00');
    await seed('zero before start', '09:59', '09:59');
    await seed('inside', '10:30', '10:45');
    await seed('starts before end', '10:59', '12:00');
    await seed('starts at end', '11:00', '12:00');
    await seed('zero at end', '11:00', '11:00');
    await seedSingle(house, at, {
      summary: 'three weeks around',
      zoned: ['2026-11-22T00:00:00Z', '2026-12-13T00:00:00Z', zone],
    });
    const { body } = await house.get(
      query({ start: '2026-12-01T10:00:00Z', end: '2026-12-01T12:00:00+01:00' }),
      {
        user: at.userId,
      },
    );
    expect(summaries(body)).toEqual([
      'three weeks around',
      'ends after start',
      'zero at start',
      'inside',
      'starts before end',
    ]);
  });

  test.each([
    ['Pacific/Kiritimati', '2026-12-09T10:00:00.000Z'],
    ['America/Los_Angeles', '2026-12-10T08:00:00.000Z'],
    ['Asia/Kolkata', '2026-12-09T18:30:00.000Z'],
  ])('places an all-day event and a floating one in %s', async (zone, midnight) => {
    const at = await seedCalendar(house, { ...newUser(), timeZone: 'UTC' });
    await seedSingle(house, at, { summary: 'all day', date: ['2026-12-10', '2026-12-11'] });
    await seedSingle(house, at, {
      summary: 'floating',
      local: ['2026-12-10T00:00:00', '2026-12-10T00:30:00'],
    });
    const second = 1000;
    const around = (start: number, end: number) =>
      query({
        start: new Date(Date.parse(midnight) + start).toISOString(),
        end: new Date(Date.parse(midnight) + end).toISOString(),
        time_zone: zone,
      });
    const hour = 3600 * second;
    const user = at.userId;
    expect(summaries((await house.get(around(-hour, 0), { user })).body)).toEqual([]);
    const atMidnight = await house.get(around(-hour, second), { user });
    expect(summaries(atMidnight.body).sort()).toEqual(['all day', 'floating']);
    expect(atMidnight.body.items.map((item) => (item['occurrence'] as Body)['start'])).toEqual(
      expect.arrayContaining([{ date: '2026-12-10' }, { date_time: '2026-12-10T00:00:00', time_zone: null }]),
    );
    expect(summaries((await house.get(around(24 * hour - second, 25 * hour), { user })).body)).toEqual([
      'all day',
    ]);
    expect(summaries((await house.get(around(24 * hour, 25 * hour), { user })).body)).toEqual([]);
  });

  test('without time_zone each calendar places its own days, and the order follows', async () => {
    const east = await seedCalendar(house, { ...newUser(), timeZone: 'Pacific/Kiritimati' });
    const west = await seedCalendar(house, { ...east, timeZone: 'America/Los_Angeles' });
    await seedSingle(house, west, { summary: 'west', date: ['2026-12-10', '2026-12-11'] });
    await seedSingle(house, east, { summary: 'east', date: ['2026-12-10', '2026-12-11'] });
    await seedSingle(house, east, {
      summary: 'noon',
      zoned: ['2026-12-10T00:00:00Z', '2026-12-10T01:00:00Z', 'UTC'],
    });
    const user = east.userId;
    const { body } = await house.get(query({ start: '2026-12-09T00:00:00Z', end: '2026-12-12T00:00:00Z' }), {
      user,
    });
    expect(summaries(body)).toEqual(['east', 'noon', 'west']);
  });

  test('a day of 25 hours, one of 23, and a midnight that comes twice', async () => {
    const at = await seedCalendar(house, { ...newUser(), timeZone: 'Europe/Berlin' });
    const user = at.userId;
    await seedSingle(house, at, { summary: 'long day', date: ['2027-10-31', '2027-11-01'] });
    await seedSingle(house, at, { summary: 'short day', date: ['2027-03-28', '2027-03-29'] });
    const ask = async (start: string, end: string, zone = 'Europe/Berlin') =>
      summaries((await house.get(query({ start, end, time_zone: zone }), { user })).body);
    expect(await ask('2027-10-31T22:59:00Z', '2027-10-31T23:00:00Z')).toEqual(['long day']);
    expect(await ask('2027-10-30T21:59:00Z', '2027-10-30T22:00:00Z')).toEqual([]);
    expect(await ask('2027-03-28T21:59:00Z', '2027-03-28T22:00:00Z')).toEqual(['short day']);
    expect(await ask('2027-03-28T22:00:00Z', '2027-03-28T22:01:00Z')).toEqual([]);
    // In the Azores the clocks go from 01:00 back to 00:00: the day begins at the first of the two.
    expect(await ask('2027-10-31T00:00:00Z', '2027-10-31T00:01:00Z', 'Atlantic/Azores')).toEqual([
      'long day',
    ]);
    expect(await ask('2027-10-30T23:59:00Z', '2027-10-31T00:00:00Z', 'Atlantic/Azores')).toEqual([]);
  });

  test('a date or a local time is read in time_zone', async () => {
    const at = await seedCalendar(house, newUser());
    await seedSingle(house, at, {
      summary: 'x',
      zoned: ['2026-12-01T07:30:00Z', '2026-12-01T08:00:00Z', 'UTC'],
    });
    const ask = async (start: string, end: string) =>
      summaries((await house.get(query({ start, end, time_zone: 'Asia/Tokyo' }), { user: at.userId })).body);
    expect(await ask('2026-12-01', '2026-12-02')).toEqual(['x']);
    expect(await ask('2026-12-01T16:30', '2026-12-01T16:31:00')).toEqual(['x']);
    expect(await ask('2026-12-01T17:00:00', '2026-12-02')).toEqual([]);
  });

  test('outside the window it is refused with the bounds; without one the window is the range', async () => {
    const at = await seedCalendar(house, newUser());
    await seedSingle(house, at, {
      summary: 'x',
      zoned: ['2026-12-01T07:30:00Z', '2026-12-01T08:00:00Z', 'UTC'],
    });
    const user = at.userId;
    const reply = await house.get(query({ start: '2026-10-20T00:00:00Z', end: '2026-12-20T00:00:00Z' }), {
      user,
    });
    expect(reply).toMatchObject({
      status: 422,
      body: {
        code: 'outside_window',
        errors: [{ path: 'start' }],
        window: { start: '2026-10-21T00:00:00.000Z', end: '2027-11-20T00:00:00.000Z' },
      },
    });
    expect((await house.get(query({ end: '2027-11-20T00:00:01Z' }), { user })).body.code).toBe(
      'outside_window',
    );
    expect((await house.get(query({ start: '2028-01-01T00:00:00Z' }), { user })).body.code).toBe(
      'outside_window',
    );
    expect(summaries((await house.get('/events', { user })).body)).toEqual(['x']);
  });

  test('a calendar that was never pulled limits nothing and covers nothing', async () => {
    const at = await seedCalendar(house, { ...newUser(), synced: false, coverage: 'none' });
    const reply = await house.get(query({ start: '2001-01-01T00:00:00Z' }), { user: at.userId });
    expect(reply).toMatchObject({ status: 200, body: { items: [], coverage: 'none', synced_at: null } });
  });
});
