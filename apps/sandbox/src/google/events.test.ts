import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { AccountOwner } from '../control/owner.ts';
import type { CalendarOwner } from '../control/calendar-owner.ts';
import { eventually, meeting, reasonOf, Visitor } from './visitor.ts';

const CALENDAR = 'ada@example.test';
let sandbox: Sandbox;
let account: AccountOwner;
let owner: CalendarOwner;
let visitor: Visitor;

beforeEach(async () => {
  sandbox = await startSandbox();
  account = sandbox.google.createAccount({ email: CALENDAR });
  owner = account.createCalendar({ primary: true });
  visitor = new Visitor(sandbox, account.accessToken());
});

afterEach(() => sandbox.close());

describe('versions', () => {
  it('gives each version its own etag and refuses writes against an old one', async () => {
    const { body: first } = await visitor.insert(CALENDAR, meeting(0));
    const id = first.id ?? '';
    const body = { summary: 'two' };
    const second = await visitor.event('PATCH', CALENDAR, id, { body, ifMatch: first.etag ?? '' });
    expect(second.status).toBe(200);
    expect(second.body.etag).not.toBe(first.etag);
    for (const method of ['PATCH', 'PUT', 'DELETE']) {
      const payload = method === 'DELETE' ? {} : { body: meeting(0) };
      const stale = await visitor.event(method, CALENDAR, id, { ...payload, ifMatch: first.etag ?? '' });
      expect([stale.status, reasonOf(stale)]).toEqual([412, 'conditionNotMet']);
    }
    expect((await visitor.event('DELETE', CALENDAR, id, { ifMatch: second.body.etag ?? '' })).status).toBe(
      204,
    );
  });

  it('answers 412 out of nowhere when told to', async () => {
    sandbox.setQuirks({ spurious412Rate: 1 });
    expect((await visitor.insert(CALENDAR, meeting(0))).status).toBe(412);
    sandbox.setQuirks({ spurious412Rate: 0 });
    expect((await visitor.insert(CALENDAR, meeting(0))).status).toBe(200);
  });
});

describe('ids', () => {
  it('burns the ids of deleted events', async () => {
    const event = meeting(0, { id: 'abcde12345' });
    expect((await visitor.insert(CALENDAR, event)).status).toBe(200);
    expect(reasonOf(await visitor.insert(CALENDAR, event))).toBe('duplicate');
    expect((await visitor.event('DELETE', CALENDAR, 'abcde12345')).status).toBe(204);
    const again = await visitor.insert(CALENDAR, event);
    const gone = await visitor.event('DELETE', CALENDAR, 'abcde12345');
    const patched = await visitor.event('PATCH', CALENDAR, 'abcde12345', { body: { summary: 'x' } });
    expect([again.status, gone.status, patched.status]).toEqual([409, 410, 403]);
    expect(reasonOf(gone)).toBe('deleted');
    expect((await visitor.event('GET', CALENDAR, 'abcde12345')).body).toMatchObject({ status: 'cancelled' });
  });

  it.each(['abcd', 'xyzzy', 'UPPER', 'with_underscore', 'a'.repeat(1025)])(
    'refuses the id %s',
    async (id) => {
      expect((await visitor.insert(CALENDAR, meeting(0, { id }))).status).toBe(400);
    },
  );
});

describe('bodies', () => {
  it.each([
    ['no start', { end: { date: '2026-11-02' } }],
    ['mixed kinds', { start: { date: '2026-11-02' }, end: { dateTime: '2026-11-02T10:00:00Z' } }],
    ['end before start', { start: { date: '2026-11-03' }, end: { date: '2026-11-02' } }],
    ['a day that is none', { start: { date: '2026-02-30' }, end: { date: '2026-03-02' } }],
    ['an unknown zone', meeting(0, { start: { dateTime: '2026-11-02T08:00:00', timeZone: 'Mars/Olympus' } })],
    [
      'a series without a zone',
      {
        start: { dateTime: '2026-11-02T08:00:00Z' },
        end: { dateTime: '2026-11-02T09:00:00Z' },
        recurrence: ['RRULE:FREQ=DAILY'],
      },
    ],
    ['a rule by the second', meeting(0, { recurrence: ['RRULE:FREQ=SECONDLY'] })],
    ['a rule that is none', meeting(0, { recurrence: ['RRULE:FREQ=SOMETIMES'] })],
    ['a wrong type', meeting(0, { summary: 7 })],
    ['no object', 'text'],
  ])('refuses %s', async (_name, body) => {
    const answer = await visitor.insert(CALENDAR, body);
    expect([answer.status, answer.body.error?.code]).toEqual([400, 400]);
  });

  it('replaces on PUT, merges on PATCH', async () => {
    const { id } = owner.insert(
      meeting(0, { location: 'here', extendedProperties: { private: { a: '1', b: '2' } } }),
    );
    const patch = { location: null, extendedProperties: { private: { b: null, c: '3' } } };
    const { body: patched } = await visitor.event('PATCH', CALENDAR, id, { body: patch });
    expect(patched).toMatchObject({
      summary: 'Meeting 0',
      extendedProperties: { private: { a: '1', c: '3' } },
    });
    expect(patched).not.toHaveProperty('location');
    const { body: put } = await visitor.event('PUT', CALENDAR, id, {
      body: meeting(1, { summary: 'whole' }),
    });
    expect(put).toMatchObject({ summary: 'whole', sequence: 1, iCalUID: `${id}@google.com` });
    expect(put).not.toHaveProperty('extendedProperties');
  });

  it('writes local times in their zone and keeps all-day dates', async () => {
    const local = {
      start: { dateTime: '2026-07-01T09:00:00', timeZone: 'America/New_York' },
      end: { dateTime: '2026-07-01T10:00:00', timeZone: 'America/New_York' },
    };
    const { body } = await visitor.insert(CALENDAR, local);
    expect(body.start).toEqual({ dateTime: '2026-07-01T09:00:00-04:00', timeZone: 'America/New_York' });
    const day = await visitor.insert(CALENDAR, {
      start: { date: '2026-07-01' },
      end: { date: '2026-07-01' },
    });
    expect(day.body.end).toEqual({ date: '2026-07-02' });
  });
});

describe('occurrences', () => {
  const weekly = meeting(0, { recurrence: ['RRULE:FREQ=WEEKLY;UNTIL=20270401T000000Z'] });

  it('keeps the local hour over a clock change and knows which slots exist', async () => {
    const { id } = owner.insert(weekly);
    // 29 March 2027 is the first Monday of summer time in Berlin: 09:00 there is 07:00 UTC.
    const summer = await visitor.event('GET', CALENDAR, `${id}_20270329T070000Z`);
    expect(summer.body.start).toEqual({ dateTime: '2027-03-29T09:00:00+02:00', timeZone: 'Europe/Berlin' });
    for (const slot of ['20270329T080000Z', '20261103T080000Z', '20270405T070000Z', '20261102']) {
      expect((await visitor.event('PATCH', CALENDAR, `${id}_${slot}`, { body: {} })).status).toBe(404);
    }
  });

  it('turns a patched occurrence into an exception and a deleted one into a blocked slot', async () => {
    const { id } = owner.insert(weekly);
    const moved = await visitor.event('PATCH', CALENDAR, `${id}_20261109T080000Z`, {
      body: { start: { dateTime: '2026-11-09T11:00:00Z' }, end: { dateTime: '2026-11-09T12:00:00Z' } },
    });
    expect(moved.body).toMatchObject({
      id: `${id}_20261109T080000Z`,
      recurringEventId: id,
      originalStartTime: { dateTime: '2026-11-09T09:00:00+01:00' },
      start: { dateTime: '2026-11-09T12:00:00+01:00' },
    });
    expect((await visitor.event('DELETE', CALENDAR, `${id}_20261116T080000Z`)).status).toBe(204);
    const gone = await visitor.event('DELETE', CALENDAR, `${id}_20261116T080000Z`);
    expect(gone.status).toBe(410);
    const { body } = await visitor.call('GET', `calendars/${CALENDAR}/events/${id}/instances?maxResults=3`);
    expect(body.items?.map((item) => item.id.split('_')[1])).toEqual([
      '20261102T080000Z',
      '20261109T080000Z',
      '20261123T080000Z',
    ]);
    const restored = await visitor.event('PATCH', CALENDAR, `${id}_20261116T080000Z`, {
      body: { status: 'confirmed' },
    });
    expect([restored.status, restored.body.status]).toEqual([200, 'confirmed']);
  });

  it('names all-day occurrences by their date', async () => {
    const { id } = owner.insert({
      start: { date: '2026-11-02' },
      end: { date: '2026-11-03' },
      recurrence: ['RRULE:FREQ=DAILY;COUNT=3'],
    });
    const { body } = await visitor.event('GET', CALENDAR, `${id}_20261103`);
    expect(body).toMatchObject({ start: { date: '2026-11-03' }, originalStartTime: { date: '2026-11-03' } });
  });

  it.each(['dropped', 'kept'] as const)(
    'with exceptions %s follows a changed rule',
    async (exceptionsOnSeriesChange) => {
      sandbox.setQuirks({ exceptionsOnSeriesChange });
      const { id } = owner.insert(weekly);
      owner.patch(`${id}_20261109T080000Z`, { summary: 'stays' });
      owner.patch(`${id}_20261123T080000Z`, { summary: 'loses its slot' });
      const { syncToken = '' } = await visitor.round(CALENDAR);
      owner.patch(id, { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=2'] });
      const { items } = await visitor.round(CALENDAR, { syncToken });
      const lost = items.find((item) => item.id === `${id}_20261123T080000Z`);
      expect(lost?.status).toBe(exceptionsOnSeriesChange === 'dropped' ? 'cancelled' : undefined);
      expect(owner.get(`${id}_20261109T080000Z`)?.status).toBe('confirmed');
    },
  );
});

describe('rights', () => {
  it('refuses writes of readers, of thin scopes, and of guests', async () => {
    const { id } = owner.insert(meeting(0, { organizer: { email: 'carol@elsewhere.test' } }));
    const put = await visitor.event('PUT', CALENDAR, id, { body: meeting(0) });
    expect(reasonOf(put)).toBe('forbiddenForNonOrganizer');
    expect((await visitor.event('PATCH', CALENDAR, id, { body: { attendees: [] } })).status).toBe(200);
    owner.change({ accessRole: 'reader' });
    expect(reasonOf(await visitor.insert(CALENDAR, meeting(1)))).toBe('requiredAccessLevel');
    account.setScopes(['https://www.googleapis.com/auth/calendar.events.readonly']);
    expect(reasonOf(await visitor.insert(CALENDAR, meeting(1)))).toBe('insufficientPermissions');
    expect(reasonOf(await visitor.call('GET', 'users/me/calendarList'))).toBe('insufficientPermissions');
  });

  it('shows a free-busy reader no details', async () => {
    owner.insert(meeting(0, { location: 'secret place' }));
    const guest = sandbox.google.createAccount({ email: 'noor@example.test' });
    guest.createCalendar({ id: CALENDAR, accessRole: 'freeBusyReader' });
    const { items } = await new Visitor(sandbox, guest.accessToken()).round(CALENDAR);
    expect(items[0]).toMatchObject({ visibility: 'private', start: { timeZone: 'Europe/Berlin' } });
    expect(items[0]).not.toHaveProperty('summary');
    expect(items[0]).not.toHaveProperty('location');
  });

  it('pages the calendar list', async () => {
    for (let i = 0; i < 4; i += 1) account.createCalendar({ id: `c${i}` });
    const first = await visitor.call('GET', 'users/me/calendarList?maxResults=3');
    const token = encodeURIComponent(first.body.nextPageToken ?? '');
    const second = await visitor.call('GET', `users/me/calendarList?maxResults=3&pageToken=${token}`);
    const other = await visitor.call('GET', `users/me/calendarList?maxResults=2&pageToken=${token}`);
    const ids = [first, second].flatMap(({ body }) => body.items ?? []).map(({ id }) => id);
    expect(ids).toEqual([CALENDAR, 'c0', 'c1', 'c2', 'c3']);
    expect(other.status).toBe(400);
  });
});

it('has rooms answer on their own', async () => {
  sandbox.setQuirks({ roomsAnswerAfterMs: 1 });
  const { id, etag } = owner.insert(
    meeting(0, { attendees: [{ email: 'room@resource.calendar.google.com', resource: true }] }),
  );
  await eventually(() => owner.get(id)?.etag !== etag);
  const attendees = (await visitor.event('GET', CALENDAR, id)).body.attendees as { responseStatus: string }[];
  expect(attendees[0]?.responseStatus).toBe('accepted');
});
