/** What a client that writes back must be able to rely on, and where it must not. */
import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { CalendarOwner } from '../control/calendar-owner.ts';
import { meeting, reasonOf, Visitor, type Answer } from './visitor.ts';

const CALENDAR = 'ada@example.test';
let sandbox: Sandbox;
let owner: CalendarOwner;
let visitor: Visitor;

beforeEach(async () => {
  sandbox = await startSandbox();
  const account = sandbox.google.createAccount({ email: CALENDAR });
  owner = account.createCalendar({ primary: true });
  visitor = new Visitor(sandbox, account.accessToken());
});

afterEach(() => sandbox.close());

const patch = (id: string, body: unknown, ifMatch?: string): Promise<Answer> =>
  visitor.event('PATCH', CALENDAR, id, { body, ...(ifMatch !== undefined && { ifMatch }) });

const weekly = meeting(0, { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=4'] });

describe('patches', () => {
  it('leave what they do not name, and give each version its own etag', async () => {
    const said = {
      description: '<p>one &amp; two</p>\r\n  three  ',
      location: ' here ',
      extendedProperties: { private: { mine: '1' }, shared: { ours: '2' } },
      colorId: '7',
      reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 5 }] },
    };
    const { body: first } = await visitor.insert(CALENDAR, meeting(0, said));
    expect(first).toMatchObject({ ...said, sequence: 0 });
    const { body: second } = await patch(first.id ?? '', { summary: 'changed' }, first.etag);
    expect(second).toMatchObject({ ...said, summary: 'changed', sequence: 0 });
    const times = { start: { dateTime: '2026-11-03T08:00:00Z' }, end: { dateTime: '2026-11-03T09:00:00Z' } };
    const { body: third } = await patch(first.id ?? '', times, second.etag);
    expect(third).toMatchObject({ ...said, sequence: 1 });
    expect(new Set([first.etag, second.etag, third.etag]).size).toBe(3);
  });

  it('change the form of a time only when the other form is taken away', async () => {
    const { id } = owner.insert(meeting(0));
    const mixed = await patch(id, { start: { date: '2026-11-02' }, end: { date: '2026-11-03' } });
    expect([mixed.status, reasonOf(mixed)]).toEqual([400, 'invalid']);
    const none = { dateTime: null, timeZone: null };
    const allDay = await patch(id, {
      start: { ...none, date: '2026-11-02' },
      end: { ...none, date: '2026-11-03' },
    });
    expect(allDay.body).toMatchObject({ start: { date: '2026-11-02' }, end: { date: '2026-11-03' } });
    const dateTime = '2026-11-02T08:00:00Z';
    const timed = await patch(id, {
      start: { date: null, dateTime, timeZone: 'Europe/Berlin' },
      end: { date: null, dateTime, timeZone: 'Europe/Berlin' },
    });
    expect(timed.body.start).toEqual({ dateTime: '2026-11-02T09:00:00+01:00', timeZone: 'Europe/Berlin' });
  });

  it('end an event with status cancelled, and never bring it back', async () => {
    const { id } = owner.insert(meeting(0));
    const { body } = await patch(id, { status: 'cancelled' });
    expect(body.status).toBe('cancelled');
    for (const revived of [{ status: 'confirmed' }, { summary: 'x' }]) {
      const answer = await patch(id, revived);
      expect([answer.status, reasonOf(answer)]).toEqual([403, 'forbidden']);
    }
    expect((await visitor.insert(CALENDAR, meeting(0, { id }))).status).toBe(409);
  });

  it('cannot take away what a client may not write', async () => {
    const { id } = owner.insert(meeting(0));
    const { body } = await patch(id, { hangoutLink: null, htmlLink: null, created: '2020-01-01T00:00:00Z' });
    expect(body.htmlLink).toEqual(expect.any(String));
    expect(body.created).not.toBe('2020-01-01T00:00:00Z');
  });

  it('limit extended properties silently, and take single ones away', async () => {
    const { id } = owner.insert(meeting(0, { extendedProperties: { private: { a: '1', b: '2' } } }));
    const { body } = await patch(id, {
      extendedProperties: { private: { a: null, c: 'x'.repeat(2000), ['k'.repeat(45)]: '1' } },
    });
    expect(body.extendedProperties).toEqual({ private: { b: '2', c: 'x'.repeat(1024) } });
  });
});

it('keeps texts in words of its own where it does so, and those as they are', async () => {
  sandbox.setQuirks({ texts: 'rewritten' });
  const guests = (...names: string[]) => names.map((name) => ({ email: `${name}@example.test` }));
  const { id } = owner.insert(
    meeting(0, { summary: ' one ', description: 'first  \r\nsecond\r\n', attendees: guests('zoe', 'ada') }),
  );
  const { body } = await patch(id, { location: '  Room 1' });
  const { summary, description, location, attendees } = body;
  expect([summary, description, location]).toEqual(['one', 'first\nsecond', 'Room 1']);
  expect(attendees).toMatchObject(guests('ada', 'zoe'));
  expect((await patch(id, { description })).body).toMatchObject({ summary, description, location });
});

describe('guests', () => {
  const bob = { email: 'bob@example.test', responseStatus: 'accepted', additionalGuests: 2, comment: 'late' };

  it('are replaced as a list, whatever was known of them', async () => {
    const { id } = owner.insert(meeting(0, { attendees: [bob, { email: 'eve@example.test' }] }));
    const { body } = await patch(id, { attendees: [{ email: 'bob@example.test' }] });
    expect(body.attendees).toEqual([{ email: 'bob@example.test', responseStatus: 'needsAction' }]);
  });

  it('are self, organizer and room by what they are, not by what a client says', async () => {
    const room = { email: 'room@example.test', resource: true };
    const { body } = await visitor.insert(
      CALENDAR,
      meeting(0, { attendees: [{ email: CALENDAR }, { email: 'bob@example.test', self: true }, room] }),
    );
    const needsAction = { responseStatus: 'needsAction' };
    expect(body.attendees).toEqual([
      { email: CALENDAR, ...needsAction, self: true, organizer: true },
      { email: 'bob@example.test', ...needsAction },
      { ...room, ...needsAction },
    ]);
    const answer = await patch(body.id ?? '', {
      attendees: [{ email: 'bob@example.test', resource: true }, { email: 'room@example.test' }],
    });
    expect(answer.body.attendees).toEqual([
      { email: 'bob@example.test', ...needsAction },
      { ...room, ...needsAction },
    ]);
  });

  it('need an address', async () => {
    const answer = await visitor.insert(CALENDAR, meeting(0, { attendees: [{ email: 'nobody' }] }));
    expect(answer.status).toBe(400);
  });

  it('change nothing of the organizer’s, by PATCH either', async () => {
    const { id } = owner.insert(
      meeting(0, { organizer: { email: 'carol@elsewhere.test' }, attendees: [{ email: CALENDAR }] }),
    );
    const refused = await patch(id, { summary: 'mine now' });
    expect([refused.status, reasonOf(refused)]).toEqual([403, 'forbiddenForNonOrganizer']);
    const own = await patch(id, { attendees: [{ email: CALENDAR, responseStatus: 'accepted' }] });
    expect(own.body.attendees).toEqual([{ email: CALENDAR, responseStatus: 'accepted', self: true }]);
  });
});

describe('occurrences', () => {
  it('are written upon the version of their series until they are exceptions', async () => {
    const { id, etag } = owner.insert(weekly);
    const slot = `${id}_20261109T080000Z`;
    expect((await visitor.event('GET', CALENDAR, slot)).body.etag).toBe(etag);
    const changed = await patch(slot, { summary: 'changed' }, etag);
    expect(changed.status).toBe(200);
    expect((await patch(slot, { summary: 'late' }, etag)).status).toBe(412);
    expect((await visitor.event('DELETE', CALENDAR, slot, { ifMatch: etag })).status).toBe(412);
    expect(owner.get(id)?.etag).toBe(etag);
    owner.patch(id, { location: 'elsewhere' });
    expect((await patch(`${id}_20261116T080000Z`, { summary: 'late' }, etag)).status).toBe(412);
  });

  it('are not there any more when their series is deleted', async () => {
    const { id } = owner.insert(weekly);
    owner.patch(`${id}_20261109T080000Z`, { summary: 'changed' });
    expect((await visitor.event('DELETE', CALENDAR, id)).status).toBe(204);
    expect((await patch(`${id}_20261116T080000Z`, { summary: 'x' })).status).toBe(404);
    expect((await patch(`${id}_20261109T080000Z`, { summary: 'x' })).status).toBe(403);
  });
});

it.each([
  ['POST', '', 'insert'],
  ['PATCH', '/abcde12345', 'patch'],
  ['DELETE', '/abcde12345', 'delete'],
])('refuses an unknown sendUpdates (%s)', async (method, path) => {
  owner.insert(meeting(0, { id: 'abcde12345' }));
  const at = `calendars/${CALENDAR}/events${path}?sendUpdates=some`;
  const answer = await visitor.call(method, at, method === 'DELETE' ? {} : { body: meeting(0) });
  expect([answer.status, reasonOf(answer)]).toEqual([400, 'invalidParameter']);
});

it('says timeRangeEmpty of an event that ends before it begins', async () => {
  const { id } = owner.insert(meeting(0));
  const answer = await patch(id, { end: { dateTime: '2026-11-01T08:00:00Z' } });
  expect([answer.status, reasonOf(answer)]).toEqual([400, 'timeRangeEmpty']);
});
