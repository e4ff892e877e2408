import { newId } from '@calfleet/domain';
import { openHouse, type House } from './testing/house.ts';
import { seedCalendar, seedEvent, type SeededCalendar } from './testing/rows.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const newUser = () => ({ userId: `user-${newId()}` });
const changesOf = ({ userId }: SeededCalendar) =>
  house.worker(
    `select kind, event_id, calendar_id, account_id, version::int, fields, origin from calendar_changes
     where user_id = $1 order by seq`,
    [userId],
  );
const rowOf = async ({ calendarId }: SeededCalendar) =>
  (await house.worker('select * from calendars where id = $1', [calendarId]))[0];

describe('accounts', () => {
  test('one is added with its token sealed, found again, and listed page by page', async () => {
    const user = newUser().userId;
    const token = 'the-refresh-token';
    const body = { provider: 'google', refresh_token: token, scopes: ['calendar'] };
    const added = await house.send('POST', '/accounts', body, { user });
    expect(added.status).toBe(201);
    expect(added.body).toEqual({
      id: added.body.id,
      provider: 'google',
      email: null,
      status: 'active',
      status_reason: null,
      scopes: ['calendar'],
      created_at: '2026-11-20T12:00:00.000Z',
    });
    const [row] = await house.worker<{ data_key: Buffer; refresh_token: Buffer }>(
      'select data_key, refresh_token from calendar_accounts where id = $1',
      [added.body.id],
    );
    expect(row?.refresh_token.toString('latin1')).not.toContain(token);
    const opened = house.vault.open({
      accountId: added.body.id,
      dataKey: row?.data_key ?? Buffer.alloc(0),
      field: 'refresh_token',
      sealed: row?.refresh_token ?? Buffer.alloc(0),
    });
    expect(opened).toBe(token);
    const second = await house.send(
      'POST',
      '/accounts',
      { provider: 'google', refresh_token: token },
      { user },
    );
    expect((await house.get(`/accounts/${added.body.id}`, { user })).body).toEqual(added.body);
    const page = await house.get('/accounts?limit=1', { user });
    const rest = await house.get(`/accounts?limit=1&cursor=${page.body.next_cursor}`, { user });
    expect([page.body.items, rest.body.items, rest.body.next_cursor]).toEqual([
      [added.body],
      [second.body],
      null,
    ]);
  });
});

describe('calendars', () => {
  test('have the members of the outside surface', async () => {
    const at = await seedCalendar(house, newUser());
    const other = await seedCalendar(house, { userId: at.userId });
    const { body } = await house.get(`/calendars/${at.calendarId}`, { user: at.userId });
    expect(body).toEqual({
      id: at.calendarId,
      account_id: at.accountId,
      provider: 'google',
      provider_calendar_id: at.calendarId,
      name: 'Work',
      time_zone: 'Europe/Berlin',
      access_role: 'owner',
      primary: false,
      active: true,
      write_enabled: false,
      incremental_enabled: true,
      conflict_strategy: null,
      state: 'active',
      coverage: 'push',
      last_synced_at: '2026-11-20T11:00:00.000Z',
      freshness_seconds: 3600,
      last_error: null,
      window: { start: '2026-10-21T00:00:00.000Z', end: '2027-11-20T00:00:00.000Z' },
    });
    const all = await house.get('/calendars', { user: at.userId });
    const one = await house.get(`/calendars?account_id=${other.accountId}`, { user: at.userId });
    expect(all.body.items.map(({ id }) => id)).toEqual([at.calendarId, other.calendarId]);
    expect(one.body.items.map(({ id }) => id)).toEqual([other.calendarId]);
  });

  test('switches are turned once, told to the feed, and a woken calendar is pulled', async () => {
    const at = await seedCalendar(house, { ...newUser(), active: false });
    const turn = (body: unknown) =>
      house.send('PATCH', `/calendars/${at.calendarId}`, body, { user: at.userId });
    const reply = await turn({ active: true, incremental_enabled: false });
    expect(reply).toMatchObject({ status: 200, body: { active: true, incremental_enabled: false } });
    expect(await rowOf(at)).toMatchObject({ dirty_seq: '1', next_pull_at: house.clock.now() });
    await turn({ active: true });
    expect(await rowOf(at)).toMatchObject({ dirty_seq: '1' });
    await turn({ active: false });
    const told = {
      kind: 'calendar_changed',
      calendar_id: at.calendarId,
      account_id: at.accountId,
      origin: 'local',
    };
    expect(await changesOf(at)).toMatchObject([
      { ...told, fields: ['active', 'incremental_enabled'] },
      { ...told, fields: ['active'] },
    ]);
  });
});

describe('held deletions', () => {
  const seedHeld = async () => {
    const at = await seedCalendar(house, newUser());
    await seedEvent(house, at, { kind: 'series', providerEventId: 'weekly', summary: 'kept' });
    const held = await seedEvent(house, at, { held: true });
    await house.worker(`update calendars set state = 'deletes_held', state_reason = 'brake' where id = $1`, [
      at.calendarId,
    ]);
    const decide = (action: string) =>
      house.send('POST', `/calendars/${at.calendarId}/held-deletes`, { action }, { user: at.userId });
    return { at, held, decide };
  };

  test('apply asks for a full round and deletes nothing itself', async () => {
    const { at, held, decide } = await seedHeld();
    expect(await decide('apply')).toMatchObject({
      status: 202,
      body: { status: 'queued', calendar_id: at.calendarId, events: 1, request_seq: 1 },
    });
    expect(await rowOf(at)).toMatchObject({
      state: 'deletes_held',
      full_requested: true,
      dirty_seq: '1',
      held_apply_seq: '1',
      held_apply_until: expect.any(Date) as Date,
    });
    const event = await house.get(`/events/${held}`, { user: at.userId });
    expect(event.body).toMatchObject({ held: true, deleted_at: null });
  });

  test('discard keeps the events for good and says so in the feed', async () => {
    const { at, held, decide } = await seedHeld();
    expect(await decide('discard')).toMatchObject({ status: 202, body: { status: 'completed', events: 1 } });
    const event = await house.get(`/events/${held}`, { user: at.userId });
    expect(event.body).toMatchObject({ held: false, version: 2 });
    expect(await house.worker('select local_only from calendar_events where id = $1', [held])).toEqual([
      { local_only: true },
    ]);
    expect(await changesOf(at)).toEqual([
      {
        kind: 'updated',
        event_id: held,
        calendar_id: at.calendarId,
        account_id: at.accountId,
        version: 2,
        fields: ['held'],
        origin: 'local',
      },
    ]);
    expect(await rowOf(at)).toMatchObject({ state: 'active', state_reason: null, dirty_seq: '0' });
    const again = await decide('discard');
    expect(again).toMatchObject({ status: 422, body: { errors: [{ path: 'action' }] } });
  });
});

describe('quarantine', () => {
  test('shows what could not be read, and a retry is a column', async () => {
    const at = await seedCalendar(house, newUser());
    const id = newId();
    await house.worker(
      `insert into calendar_quarantine (id, user_id, calendar_id, provider_event_id, code, reason, raw, first_seen_at,
         last_seen_at)
       values ($1, $2, $3, 'g9', 'unreadable', 'it has no start', $4, $5, $5)`,
      [id, at.userId, at.calendarId, Buffer.from('{"id":"g9"}'), '2026-11-20T11:00:00Z'],
    );
    const item = {
      id,
      calendar_id: at.calendarId,
      provider_event_id: 'g9',
      code: 'unreadable',
      reason: 'it has no start',
      raw: '{"id":"g9"}',
      times_seen: 1,
      retry_requested_at: null,
      first_seen_at: '2026-11-20T11:00:00.000Z',
      last_seen_at: '2026-11-20T11:00:00.000Z',
    };
    expect((await house.get('/quarantine', { user: at.userId })).body.items).toEqual([item]);
    const retried = await house.send('POST', `/quarantine/${id}/retry`, undefined, { user: at.userId });
    expect(retried).toMatchObject({
      status: 202,
      body: { ...item, retry_requested_at: '2026-11-20T12:00:00.000Z' },
    });
  });
});
