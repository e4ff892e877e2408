import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { CalendarOwner } from '../control/calendar-owner.ts';
import { meeting, reasonOf, Visitor } from './visitor.ts';

const CALENDAR = 'team#one@group.calendar.google.com';
let sandbox: Sandbox;
let owner: CalendarOwner;
let visitor: Visitor;

beforeEach(async () => {
  sandbox = await startSandbox();
  const account = sandbox.google.createAccount({ email: 'ada@example.test' });
  owner = account.createCalendar({ id: CALENDAR });
  visitor = new Visitor(sandbox, account.accessToken());
});

afterEach(() => sandbox.close());

const plant = (count: number): string[] =>
  owner.insertMany(Array.from({ length: count }, (_, hour) => meeting(hour)));

const ids = (items: { id: string }[]): string[] => items.map(({ id }) => id);

describe('rounds and tokens', () => {
  it('gives a sync token on the last page only, and every event once', async () => {
    const planted = plant(25);
    const { items, pages, syncToken } = await visitor.round(CALENDAR, { maxResults: 10 });
    expect(ids(items)).toEqual(planted);
    expect(pages.map((page) => [page.nextPageToken !== undefined, page.nextSyncToken !== undefined])).toEqual(
      [
        [true, false],
        [true, false],
        [false, true],
      ],
    );
    expect(syncToken).toBeDefined();
  });

  it('answers an empty delta with a new token', async () => {
    plant(2);
    const { syncToken = '' } = await visitor.round(CALENDAR);
    const delta = await visitor.round(CALENDAR, { syncToken });
    expect(delta.items).toEqual([]);
    expect(delta.syncToken).toBeDefined();
  });

  it('tells each changed event once, in its latest state, deletions included', async () => {
    const [first = '', second = '', third = ''] = plant(4);
    const { syncToken = '' } = await visitor.round(CALENDAR);
    owner.patch(first, { summary: 'A' });
    owner.patch(second, { summary: 'B' });
    owner.patch(first, { summary: 'C' });
    owner.delete(third);
    const { items } = await visitor.round(CALENDAR, { syncToken });
    expect(items.map(({ id, summary, status }) => [id, summary, status])).toEqual([
      [second, 'B', 'confirmed'],
      [first, 'C', 'confirmed'],
      [third, undefined, 'cancelled'],
    ]);
  });

  it('lets a token be replayed, and never loses what happens while somebody pages', async () => {
    const planted = plant(9);
    let done = false;
    const { items, syncToken = '' } = await visitor.round(CALENDAR, { maxResults: 4 }, () => {
      if (done) return;
      done = true;
      owner.patch(planted[0] ?? '', { summary: 'changed behind the reader' });
      owner.patch(planted[8] ?? '', { summary: 'changed before the reader' });
      owner.delete(planted[1] ?? '');
    });
    expect(new Set(ids(items))).toEqual(new Set(planted));
    const delta = await visitor.round(CALENDAR, { syncToken });
    expect(new Set(ids(delta.items))).toEqual(new Set([planted[0], planted[8], planted[1]]));
    expect(await visitor.round(CALENDAR, { syncToken })).toMatchObject({ items: delta.items });
  });

  it('pages a delta under the same old token', async () => {
    const planted = plant(7);
    const { syncToken = '' } = await visitor.round(CALENDAR);
    for (const id of planted) owner.patch(id, { summary: 'again' });
    const { items, pages } = await visitor.round(CALENDAR, { syncToken, maxResults: 3 });
    expect(pages).toHaveLength(3);
    expect(ids(items)).toEqual(planted);
  });

  it.each([
    'iCalUID',
    'orderBy',
    'privateExtendedProperty',
    'q',
    'sharedExtendedProperty',
    'timeMin',
    'timeMax',
    'updatedMin',
  ])('refuses %s beside a sync token', async (name) => {
    const { syncToken = '' } = await visitor.round(CALENDAR);
    const values: Record<string, string> = { orderBy: 'updated', privateExtendedProperty: 'a=b' };
    const answer = await visitor.list(CALENDAR, {
      syncToken,
      [name]: values[name] ?? '2026-01-01T00:00:00Z',
    });
    expect(answer.status).toBe(400);
  });

  it('tells a malformed token from a dead one', async () => {
    const { syncToken = '' } = await visitor.round(CALENDAR);
    const malformed = await visitor.list(CALENDAR, { syncToken: `${syncToken}x` });
    expect([malformed.status, reasonOf(malformed), malformed.body.error?.message]).toEqual([
      400,
      'invalid',
      'Invalid sync token value.',
    ]);
    owner.expireSyncTokens();
    const dead = await visitor.list(CALENDAR, { syncToken });
    expect([dead.status, reasonOf(dead), dead.body.error?.errors?.[0]?.location]).toEqual([
      410,
      'fullSyncRequired',
      'syncToken',
    ]);
  });

  it('kills tokens by age, by a change of rights, and in the middle of a round', async () => {
    const planted = plant(5);
    const { syncToken = '' } = await visitor.round(CALENDAR);
    for (const id of planted) owner.patch(id, {});
    const page = await visitor.list(CALENDAR, { syncToken, maxResults: 2 });
    owner.change({ accessRole: 'reader' });
    const pageToken = page.body.nextPageToken ?? '';
    expect((await visitor.list(CALENDAR, { syncToken, maxResults: 2, pageToken })).status).toBe(410);
    const fresh = await visitor.round(CALENDAR);
    sandbox.setQuirks({ syncTokenTtlMs: 1000 });
    sandbox.clock.advance(1001);
    expect((await visitor.list(CALENDAR, { syncToken: fresh.syncToken ?? '' })).status).toBe(410);
  });

  it('binds page tokens to their query', async () => {
    plant(5);
    const { body } = await visitor.list(CALENDAR, { maxResults: 2 });
    const pageToken = body.nextPageToken ?? '';
    expect((await visitor.list(CALENDAR, { maxResults: 2, pageToken })).status).toBe(200);
    const other = await visitor.list(CALENDAR, { maxResults: 3, pageToken });
    expect([other.status, other.body.error?.errors?.[0]?.location]).toEqual([400, 'pageToken']);
    owner.expirePageTokens();
    expect((await visitor.list(CALENDAR, { maxResults: 2, pageToken })).status).toBe(400);
  });

  it('gives no sync token to ordered or searched lists', async () => {
    plant(3);
    for (const query of [{ singleEvents: true, orderBy: 'startTime' }, { q: 'Meeting 1' }] as const) {
      const { syncToken, items } = await visitor.round(CALENDAR, query);
      expect(syncToken).toBeUndefined();
      expect(items.length).toBeGreaterThan(0);
    }
  });

  it('answers 404 for a calendar that is not shared any more', async () => {
    const { syncToken = '' } = await visitor.round(CALENDAR);
    owner.unshare();
    expect(reasonOf(await visitor.list(CALENDAR, { syncToken }))).toBe('notFound');
  });
});

describe('parameters', () => {
  it.each([
    ['maxResults', '0'],
    ['maxResults', 'many'],
    ['showDeleted', 'perhaps'],
    ['timeMin', '2026-01-01'],
    ['timeMin', '2026-01-01T00:00:00'],
    ['orderBy', 'startTime'],
    ['eventTypes', 'party'],
    ['pageToken', 'nonsense'],
    ['fields', 'items('],
  ])('refuses %s=%s', async (name, value) => {
    const answer = await visitor.list(CALENDAR, { [name]: value });
    expect([answer.status, answer.body.error?.code]).toEqual([400, 400]);
  });

  it('refuses an empty time range by name', async () => {
    const query = { timeMin: '2026-11-02T00:00:00Z', timeMax: '2026-11-02T00:00:00Z' };
    expect(reasonOf(await visitor.list(CALENDAR, query))).toBe('timeRangeEmpty');
  });

  it('compares timeMin with ends and timeMax with starts, both exclusive', async () => {
    const planted = plant(4);
    // The meetings run 08:00–08:30, 09:00–09:30, 10:00–10:30, 11:00–11:30.
    const { items } = await visitor.round(CALENDAR, {
      timeMin: '2026-11-02T08:30:00Z',
      timeMax: '2026-11-02T11:00:00Z',
    });
    expect(ids(items)).toEqual(planted.slice(1, 3));
  });

  it('windows deltas only when told to', async () => {
    const query = { timeMin: '2026-11-02T00:00:00Z', timeMax: '2026-11-03T00:00:00Z' };
    const { syncToken = '' } = await visitor.round(CALENDAR, query);
    const far = owner.insert(meeting(1000)).id;
    expect(ids((await visitor.round(CALENDAR, { syncToken })).items)).toEqual([far]);
    sandbox.setQuirks({ delta: 'windowed' });
    expect((await visitor.round(CALENDAR, { syncToken })).items).toEqual([]);
  });

  it('hides what a field mask does not name, tokens included', async () => {
    plant(1);
    const { body } = await visitor.list(CALENDAR, { fields: 'items(id,start/timeZone)' });
    expect(Object.keys(body)).toEqual(['items']);
    expect(body.items?.[0]).toEqual({
      id: expect.any(String) as string,
      start: { timeZone: 'Europe/Berlin' },
    });
  });
});

describe('tombstones', () => {
  const series = { recurrence: ['RRULE:FREQ=DAILY;COUNT=5'] };

  it('keeps cancelled occurrences of living series in full lists, and hides deleted events', async () => {
    const { id } = owner.insert(meeting(0, series));
    const [gone = ''] = plant(1);
    owner.delete(`${id}_20261103T080000Z`);
    owner.delete(gone);
    const { items } = await visitor.round(CALENDAR);
    expect(items.map((item) => [item.id, item.status])).toEqual([
      [id, 'confirmed'],
      [`${id}_20261103T080000Z`, 'cancelled'],
    ]);
    expect(items[1]).toMatchObject({
      recurringEventId: id,
      originalStartTime: { dateTime: '2026-11-03T09:00:00+01:00', timeZone: 'Europe/Berlin' },
    });
    const all = await visitor.round(CALENDAR, { showDeleted: true });
    expect(all.items.find((item) => item.id === gone)?.status).toBe('cancelled');
  });

  it.each(['bare', 'full', 'documented'] as const)('tells deletions %s', async (shape) => {
    const { id } = owner.insert(meeting(0, series));
    const [gone = ''] = plant(1);
    const { syncToken = '' } = await visitor.round(CALENDAR);
    sandbox.setQuirks({ cancelledInstances: shape, deletedEvents: shape });
    owner.delete(`${id}_20261103T080000Z`);
    owner.delete(gone);
    const { items } = await visitor.round(CALENDAR, { syncToken });
    const keys = items.map((item) => Object.keys(item).sort());
    if (shape === 'bare')
      expect(keys).toEqual([
        ['id', 'status'],
        ['id', 'status'],
      ]);
    if (shape === 'documented') {
      expect(keys[0]).toEqual(['etag', 'id', 'kind', 'originalStartTime', 'recurringEventId', 'status']);
      expect(keys[1]).toEqual(['etag', 'id', 'kind', 'status']);
    }
    if (shape === 'full') expect(items.every((item) => item.summary !== undefined)).toBe(true);
    expect(items.every((item) => item.status === 'cancelled')).toBe(true);
  });

  it.each([
    [false, 1],
    [true, 2],
  ])('with fan-out %s tells a deleted series as %i items', async (seriesDeleteFansOut, count) => {
    const { id } = owner.insert(meeting(0, series));
    owner.patch(`${id}_20261103T080000Z`, { summary: 'exception' });
    const { syncToken = '' } = await visitor.round(CALENDAR);
    sandbox.setQuirks({ seriesDeleteFansOut });
    owner.delete(id);
    const { items } = await visitor.round(CALENDAR, { syncToken });
    expect(items).toHaveLength(count);
    expect((await visitor.round(CALENDAR)).items).toEqual([]);
  });
});

describe('single events', () => {
  it('expands series, skips the masters, and puts exceptions in their slots', async () => {
    const { id } = owner.insert(meeting(0, { recurrence: ['RRULE:FREQ=DAILY;COUNT=4'] }));
    owner.patch(`${id}_20261103T080000Z`, { summary: 'moved' });
    owner.delete(`${id}_20261104T080000Z`);
    const { items, syncToken = '' } = await visitor.round(CALENDAR, { singleEvents: true, maxResults: 2 });
    expect(items.map((item) => [item.id.slice(id.length), item.summary]).sort()).toEqual([
      ['_20261102T080000Z', 'Meeting 0'],
      ['_20261103T080000Z', 'moved'],
      ['_20261105T080000Z', 'Meeting 0'],
    ]);
    owner.patch(id, { summary: 'touched' });
    const delta = await visitor.round(CALENDAR, { singleEvents: true, syncToken });
    expect(delta.items).toHaveLength(2);
  });

  it('floods the delta when an endless series is touched', async () => {
    const { id } = owner.insert(meeting(0, { recurrence: ['RRULE:FREQ=WEEKLY'] }));
    const { syncToken = '' } = await visitor.round(CALENDAR, {
      singleEvents: true,
      timeMax: '2026-12-01T00:00:00Z',
    });
    owner.patch(id, { summary: 'touched' });
    expect((await visitor.round(CALENDAR, { singleEvents: true, syncToken })).items).toHaveLength(730);
    const plain = await visitor.list(CALENDAR, { syncToken });
    expect(plain.status).toBe(400);
  });
});
