/** Rounds: every page is followed, cursors lose nothing, dead ones are loud (I2 in docs/ARCHITECTURE.md). */
import { exception, fill, secondMonday, series, single } from './events.ts';
import type { Suite } from './cases.ts';
import { errorFrom, eventOf, expectGone, nameOf, question, readRound } from './round.ts';

export function describeRounds(suite: Suite): void {
  const { harness, test } = suite;

  describe('rounds', () => {
    let calendarId: string;

    beforeEach(async () => {
      calendarId = await harness().cloud.createCalendar();
    });

    test('follows every page, the empty one in the middle too', async () => {
      const ids = await fill(harness(), calendarId, 7);
      await harness().cloud.behave({ emptyPagesAt: [2] });
      const round = await readRound(harness(), calendarId, { pageSize: 3 });
      expect([...round.items.keys()].sort()).toEqual(ids);
      expect(round.pages[1]).toMatchObject({ items: [], nextCursor: null });
      expect(round.pages.length).toBeGreaterThanOrEqual(4);
    });

    test('gives exactly one of page cursor and cursor on every page', async () => {
      await fill(harness(), calendarId, 5);
      const { pages } = await readRound(harness(), calendarId, { pageSize: 2 });
      for (const page of pages)
        expect((page.nextCursor === null) !== (page.nextPageCursor === null)).toBe(true);
    });

    test('gives a cursor for an empty calendar and for a round without changes', async () => {
      const first = await readRound(harness(), calendarId);
      const second = await readRound(harness(), calendarId, { cursor: first.cursor });
      expect([first.items.size, second.items.size]).toEqual([0, 0]);
      await harness().cloud.put(calendarId, single('later1'));
      const third = await readRound(harness(), calendarId, { cursor: second.cursor });
      expect([...third.items.keys()]).toEqual(['later1']);
    });

    test('never sends more than the asked page size', async () => {
      await fill(harness(), calendarId, 6);
      const { pages } = await readRound(harness(), calendarId, { pageSize: 4 });
      for (const page of pages) expect(page.items.length).toBeLessThanOrEqual(4);
    });

    test('shows what changed since the cursor and nothing else, over several pages', async () => {
      await fill(harness(), calendarId, 10);
      const { cursor } = await readRound(harness(), calendarId);
      for (const id of ['evt0001', 'evt0003', 'evt0005', 'evt0007', 'evt0009']) {
        await harness().cloud.put(calendarId, single(id, { summary: 'changed' }));
      }
      await harness().cloud.remove(calendarId, 'evt0008');
      const delta = await readRound(harness(), calendarId, { cursor, pageSize: 2 });
      expect([...delta.items.keys()].sort()).toEqual([
        'evt0001',
        'evt0003',
        'evt0005',
        'evt0007',
        'evt0008',
        'evt0009',
      ]);
      expect(delta.pages.length).toBeGreaterThanOrEqual(3);
      expect(eventOf(delta.items, 'evt0001').fields.summary).toBe('changed');
      await expectGone(suite, calendarId, { items: delta.items, name: 'evt0008' });
    });

    test('answers a page that is asked again with the same items', async () => {
      await fill(harness(), calendarId, 5);
      const first = await harness().provider.listChanges(
        harness().session(),
        question(calendarId, { pageSize: 2 }, null),
      );
      const ask = () =>
        harness().provider.listChanges(
          harness().session(),
          question(calendarId, { pageSize: 2 }, first.nextPageCursor),
        );
      const [once, again] = [await ask(), await ask()];
      expect(once.items.length).toBe(2);
      expect(again.items).toEqual(once.items);
    });

    test('misses no change that is made while the round is paging', async () => {
      const ids = await fill(harness(), calendarId, 9);
      const seen = new Map<string, string | null>();
      const first = await readRound(harness(), calendarId, {
        pageSize: 3,
        between: async (page) => {
          if (page === 1)
            await harness().cloud.put(calendarId, single('evt0000', { summary: 'changed behind' }));
          if (page === 1)
            await harness().cloud.put(calendarId, single('evt0008', { summary: 'changed ahead' }));
          if (page === 2) await harness().cloud.put(calendarId, single('born1'));
        },
      });
      const second = await readRound(harness(), calendarId, { cursor: first.cursor });
      for (const items of [first.items, second.items]) {
        for (const id of items.keys()) seen.set(id, eventOf(items, id).fields.summary);
      }
      expect([...seen.keys()].sort()).toEqual(['born1', ...ids]);
      expect(seen.get('evt0000')).toBe('changed behind');
      expect(seen.get('evt0008')).toBe('changed ahead');
    });

    test('keeps the round whole when the provider repeats items', async () => {
      const ids = await fill(harness(), calendarId, 6);
      await harness().cloud.behave({ repeats: true });
      const { pages, items } = await readRound(harness(), calendarId, { pageSize: 3 });
      expect([...items.keys()].sort()).toEqual(ids);
      expect(pages.flatMap((page) => page.items).length).toBeGreaterThan(items.size);
    });

    test('keeps the round whole when the provider shows exceptions first', async () => {
      const ids = await fill(harness(), calendarId, 6);
      await harness().cloud.put(calendarId, series('series1'));
      await harness().cloud.put(calendarId, exception('series1', secondMonday, 'moved'));
      await harness().cloud.behave({ newestFirst: true });
      const { pages, items } = await readRound(harness(), calendarId, { pageSize: 3 });
      const order = pages.flatMap((page) => page.items.map((item) => nameOf(harness(), calendarId, item)));
      expect([...items.keys()].sort()).toEqual([...ids, 'series1', 'series1_20261130T090000Z']);
      expect(order.indexOf('series1_20261130T090000Z')).toBeLessThan(order.indexOf('series1'));
    });

    for (const page of [1, 3])
      test(`says cursor_expired when the cursor dies before page ${page}`, async () => {
        await fill(harness(), calendarId, 2);
        const { cursor } = await readRound(harness(), calendarId);
        await fill(harness(), calendarId, 8);
        if (page === 1) await harness().cloud.expireCursors(calendarId);
        const round = readRound(harness(), calendarId, {
          cursor,
          pageSize: 2,
          between: async (done) => {
            if (done === page - 1) await harness().cloud.expireCursors(calendarId);
            if (done === page - 1) await harness().cloud.expirePageCursors(calendarId);
          },
        });
        expect((await errorFrom(round)).code).toBe('cursor_expired');
        expect((await readRound(harness(), calendarId)).items.size).toBe(8);
      });

    test('says cursor_expired for a cursor it never gave', async () => {
      for (const cursor of ['nonsense', ''.padEnd(300, 'x')])
        expect((await errorFrom(readRound(harness(), calendarId, { cursor }))).code).toBe('cursor_expired');
    });

    test('says cursor_expired for a cursor of another calendar', async () => {
      const other = await harness().cloud.createCalendar();
      const { cursor } = await readRound(harness(), other);
      expect((await errorFrom(readRound(harness(), calendarId, { cursor }))).code).toBe('cursor_expired');
    });

    test('says cursor_expired for a dead page cursor of a full round', async () => {
      await fill(harness(), calendarId, 4);
      const between = () => harness().cloud.expirePageCursors(calendarId);
      const round = readRound(harness(), calendarId, { pageSize: 2, between });
      expect((await errorFrom(round)).code).toBe('cursor_expired');
    });

    test('says remote_missing for a calendar that is not shared any more', async () => {
      const { cursor } = await readRound(harness(), calendarId);
      await harness().cloud.unshareCalendar(calendarId);
      expect((await errorFrom(readRound(harness(), calendarId, { cursor }))).code).toBe('remote_missing');
      expect((await errorFrom(readRound(harness(), calendarId))).code).toBe('remote_missing');
    });

    test('lists the calendar with its zone and role', async () => {
      const zoned = await harness().cloud.createCalendar({ timeZone: 'Asia/Tokyo' });
      const { calendars } = await harness().provider.listCalendars(harness().session(), { pageCursor: null });
      const found = calendars.find((calendar) => calendar.providerCalendarId === zoned);
      expect(found).toMatchObject({ timeZone: 'Asia/Tokyo', accessRole: 'owner', removed: false });
    });

    test('tells the session of every request', async () => {
      await fill(harness(), calendarId, 4);
      const session = harness().session();
      const { pages } = await readRound(harness(), calendarId, { pageSize: 2, session });
      expect(session.requests).toBe(pages.length);
    });
  });
}
