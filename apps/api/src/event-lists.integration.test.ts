import { newId } from '@calfleet/domain';
import { openHouse, type Body, type House } from './testing/house.ts';
import { seedCalendar, seedChange, seedEvent, seedSingle } from './testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const query = (params: Record<string, string>) => `/events?${new URLSearchParams(params).toString()}`;
const summaries = (body: Body) => body.items.map((item) => item['summary']);
/** A user of its own for each test. */
const newUser = () => ({ userId: `user-${newId()}` });

describe('a list', () => {
  test('filters, hides deletions unless asked, and says how far to trust it', async () => {
    const at = await seedCalendar(house, newUser());
    const poll = await seedCalendar(house, { ...at, coverage: 'poll' });
    const idle = await seedCalendar(house, { ...at, active: false });
    const when = (hour: string): [string, string, string] => [
      `2026-12-01T${hour}:00:00Z`,
      `2026-12-01T${hour}:30:00Z`,
      'UTC',
    ];
    await seedSingle(house, at, { summary: '100% ready', zoned: when('01'), managed: true, icalUid: 'u1' });
    await seedSingle(house, poll, { summary: 'Kick_off', zoned: when('02') });
    await seedEvent(house, at, { summary: 'was ready', zoned: when('03'), deleted: true });
    await seedSingle(house, idle, { summary: 'idle', zoned: when('04') });
    const user = at.userId;
    for (const expand of ['true', 'false']) {
      const ask = async (params: Record<string, string>) =>
        summaries((await house.get(query({ ...params, expand }), { user })).body);
      expect(await ask({})).toEqual(['100% ready', 'Kick_off']);
      expect(await ask({ managed: 'true' })).toEqual(['100% ready']);
      expect(await ask({ managed: 'false' })).toEqual(['Kick_off']);
      expect(await ask({ ical_uid: 'u1' })).toEqual(['100% ready']);
      expect(await ask({ q: '% READY' })).toEqual(['100% ready']);
      expect(await ask({ q: 'k_o' })).toEqual(['Kick_off']);
      expect(await ask({ include_deleted: 'true' })).toEqual(['100% ready', 'Kick_off', 'was ready']);
      expect(await ask({ calendar_id: poll.calendarId })).toEqual(['Kick_off']);
      expect(await ask({ calendar_id: idle.calendarId })).toEqual(['idle']);
      expect(
        await ask({ include_deleted: 'true', start: '2026-12-01T03:00:00Z', end: '2026-12-01T04:00:00Z' }),
      ).toEqual(['was ready']);
    }
    const { body } = await house.get('/events', { user });
    expect(body).toMatchObject({ coverage: 'poll', synced_at: '2026-11-20T11:00:00.000Z' });
  });

  test.each(['true', 'false'])(
    'expand=%s pages without gap or repetition while rows come',
    async (expand) => {
      const at = await seedCalendar(house, newUser());
      const user = at.userId;
      const seed = (minute: number) => {
        const from = new Date(Date.UTC(2026, 11, 1, 0, Math.floor(minute / 3)));
        return seedSingle(house, at, {
          summary: String(minute),
          zoned: [from.toISOString(), new Date(from.getTime() + 60_000).toISOString(), 'UTC'],
        });
      };
      for (let minute = 0; minute < 23; minute += 1) await seed(minute);
      const before = (await house.get(query({ expand, limit: '500' }), { user })).body;
      const seen: unknown[] = [];
      const feeds = new Set<string>();
      let cursor: string | null = null;
      do {
        const params: Record<string, string> = { expand, limit: '5', ...(cursor === null ? {} : { cursor }) };
        const { body, status } = await house.get(query(params), { user });
        expect(status).toBe(200);
        seen.push(...body.items.map(({ id }) => id));
        feeds.add(body.feed_cursor);
        // Something new before the page that comes next.
        if (expand === 'true') await seed(0);
        cursor = body.next_cursor;
      } while (cursor !== null);
      expect(seen).toEqual(before.items.map(({ id }) => id));
      // What came behind the reader is told by the feed: every page names the first one's place.
      expect(feeds.size).toBe(1);
    },
  );

  test('continuing the feed from feed_cursor misses nothing', async () => {
    const at = await seedCalendar(house, newUser());
    const user = at.userId;
    await seedChange(house, at);
    await house.feedSettles();
    const slow = await house.workerClient();
    await slow.query('begin');
    const running = await seedChange(house, at, { by: slow });
    const { body } = await house.get('/events', { user });
    const later = await seedChange(house, at);
    await slow.query('commit');
    await slow.end();
    await house.feedSettles();
    const feed = await house.get(`/changes?after=${body.feed_cursor}`, { user });
    expect(feed.body.items.map(({ event_id }) => event_id)).toEqual([running, later]);
  });

  test('a made-up cursor is refused, whatever it holds', async () => {
    const forge = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
    const feed = 'XXXXXXXX.1.0.1';
    for (const cursor of [
      forge('occurrences', '2026-13-01T00:00:00.000000Z', newId(), '', feed),
      forge('occurrences', "'; drop table calendars", newId(), '', feed),
      forge('occurrences', '2026-12-01T00:00:00.000000Z', 'x', '', feed),
      forge('occurrences', '2026-12-01T00:00:00.000000Z', newId(), '\u0000', feed),
      forge('occurrences', '2026-12-01T00:00:00.000000Z', newId(), '', 'x'),
      forge('events', newId(), feed),
      forge('occurrences'),
      '%FF',
    ]) {
      const reply = await house.get(`/events?cursor=${cursor}`);
      expect(reply).toMatchObject({ status: 422, body: { errors: [{ path: 'cursor' }] } });
    }
  });
});
