import { dayOfStart, Graph, IMMUTABLE, meeting, weekly } from './graph.fixture.ts';

let graph: Graph;

beforeEach(async () => {
  graph = await Graph.open();
});

afterEach(() => graph.close());

const zoned = (dateTime: string, timeZone: string): { dateTime: string; timeZone: string } => ({
  dateTime,
  timeZone,
});

describe('an event', () => {
  it('is created, read, patched and deleted', async () => {
    const made = await graph.create({
      ...meeting(0),
      body: { contentType: 'text', content: 'a < b' },
      location: { displayName: 'Room 1' },
      attendees: [{ type: 'Required', emailAddress: { name: 'Ada', address: 'ada@example.test' } }],
    });
    const { id = '' } = made.body;
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      '@odata.context': expect.stringContaining('$metadata#me/events/$entity') as unknown,
      type: 'singleInstance',
      subject: 'Meeting 0',
      bodyPreview: 'a < b',
      body: { contentType: 'html', content: expect.stringContaining('a &lt; b') as unknown },
      start: zoned('2026-11-02T08:00:00.0000000', 'UTC'),
      end: zoned('2026-11-02T08:30:00.0000000', 'UTC'),
      isAllDay: false,
      isOrganizer: true,
      organizer: { emailAddress: { name: 'Noor Haddad', address: 'noor@example.test' } },
      responseStatus: { response: 'organizer', time: '0001-01-01T00:00:00Z' },
      location: { displayName: 'Room 1' },
      locations: [{ displayName: 'Room 1' }],
      attendees: [{ type: 'required', status: { response: 'none' } }],
      recurrence: null,
      seriesMasterId: null,
      originalStartTimeZone: 'UTC',
      showAs: 'busy',
      sensitivity: 'normal',
      importance: 'normal',
    });
    const patched = await graph.event('PATCH', id, { body: { subject: 'two', showAs: 'Free' } });
    expect([patched.status, patched.body.subject, patched.body.showAs]).toEqual([200, 'two', 'free']);
    expect(patched.body['@odata.etag']).not.toBe(made.body['@odata.etag']);
    expect((await graph.event('GET', id)).body).toEqual({
      ...patched.body,
      '@odata.context': expect.any(String) as unknown,
    });
    expect((await graph.event('DELETE', id)).status).toBe(204);
    const gone = await graph.event('GET', id);
    expect([gone.status, gone.body.error]).toEqual([
      404,
      {
        code: 'ErrorItemNotFound',
        message: 'The specified object was not found in the store.',
        innerError: {
          date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/) as unknown,
          'request-id': gone.headers.get('request-id'),
          'client-request-id': gone.headers.get('client-request-id'),
        },
      },
    ]);
  });

  it('is found in its own calendar alone, but anywhere without one', async () => {
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    const made = await graph.call('POST', `me/calendars/${encodeURIComponent(other.id)}/events`, {
      body: meeting(0),
    });
    const id = encodeURIComponent(made.body.id ?? '');
    const at = (path: string): Promise<number> => graph.get(path).then(({ status }) => status);
    expect(await at(`me/events/${id}`)).toBe(200);
    expect(await at(`me/calendars/${encodeURIComponent(other.id)}/events/${id}`)).toBe(200);
    expect(await at(`me/calendars/${encodeURIComponent(graph.calendar.id)}/events/${id}`)).toBe(404);
    expect(await at(`me/calendar/events/${id}`)).toBe(404);
    expect(await at(`users/noor%40example.test/events/${id}`)).toBe(200);
    expect(await at(`users/${graph.mailbox.oid}/events/${id}`)).toBe(200);
  });

  it('shows what was selected, with id and etag', async () => {
    const { body } = await graph.create(meeting(0));
    const answer = await graph.event('GET', `${body.id}`);
    expect(answer.status).toBe(200);
    const some = await graph.get(`me/events/${encodeURIComponent(`${body.id}`)}?$select=subject,start`);
    expect(Object.keys(some.body).sort()).toEqual([
      '@odata.context',
      '@odata.etag',
      'id',
      'start',
      'subject',
    ]);
    const where = await graph.get(
      `me/events/${encodeURIComponent(`${body.id}`)}?$select=id&$expand=calendar`,
    );
    expect(where.body.calendar).toMatchObject({ id: graph.calendar.id, isDefaultCalendar: true });
  });

  it.each([
    ['no end', { start: zoned('2026-11-02T08:00:00', 'UTC') }, 'ErrorPropertyValidationFailure'],
    ['a property that events do not have', meeting(0, { colour: 'red' }), 'RequestBodyRead'],
    ['a wrong kind', meeting(0, { isAllDay: 'yes' }), 'RequestBodyRead'],
    ['an unknown kind of time', meeting(0, { showAs: 'asleep' }), 'RequestBodyRead'],
    [
      'a zone nobody knows',
      meeting(0, { start: zoned('2026-11-02T08:00:00', 'Mars/Olympus') }),
      'TimeZoneNotSupportedException',
    ],
    [
      'a date that does not exist',
      meeting(0, { start: zoned('2026-02-30T08:00:00', 'UTC') }),
      'ErrorPropertyValidationFailure',
    ],
    [
      'an end before the start',
      meeting(0, { end: zoned('2026-11-02T07:00:00', 'UTC') }),
      'ErrorCalendarEndDateIsEarlierThanStartDate',
    ],
    ['six years', meeting(0, { end: zoned('2032-11-02T07:00:00', 'UTC') }), 'ErrorCalendarDurationIsTooLong'],
  ])('is refused with %s', async (_name, body, code) => {
    const answer = await graph.create(body);
    expect([answer.status, answer.body.error?.code]).toEqual([400, code]);
  });

  it('takes no id for another', async () => {
    const { body } = await graph.create(meeting(0));
    const wrong = `${body.id}`.replace(/[a-z]/, (letter) => letter.toUpperCase());
    expect((await graph.event('GET', wrong)).status).toBeGreaterThanOrEqual(400);
    const malformed = await graph.event('GET', 'nonsense');
    expect([malformed.status, malformed.body.error?.code]).toEqual([400, 'ErrorInvalidIdMalformed']);
  });
});

describe('times', () => {
  it('are shown in the zone that is asked for, by its Windows or IANA name', async () => {
    const body = {
      subject: 'Zoned',
      start: zoned('2026-11-20T09:00:00.0000000', 'W. Europe Standard Time'),
      end: zoned('2026-11-20T10:00', 'Europe/Berlin'),
    };
    const made = await graph.create(body);
    expect(made.body.start).toEqual(zoned('2026-11-20T08:00:00.0000000', 'UTC'));
    expect(made.body.originalStartTimeZone).toBe('W. Europe Standard Time');
    for (const zone of ['Tokyo Standard Time', 'Asia/Tokyo']) {
      const prefer = `outlook.timezone="${zone}", IdType="ImmutableId"`;
      const answer = await graph.event('GET', made.body.id ?? '', { prefer });
      expect(answer.body.start).toEqual(zoned('2026-11-20T17:00:00.0000000', zone));
      expect(answer.headers.get('preference-applied')).toBe(prefer);
      expect(answer.body.id).not.toBe(made.body.id);
    }
    const unknown = await graph.event('GET', made.body.id ?? '', { prefer: 'outlook.timezone="Mars"' });
    expect(unknown.status).toBe(400);
  });

  it('are UTC without a zone', async () => {
    const { body } = await graph.create({
      start: { dateTime: '2026-11-20T09:00:00' },
      end: { dateTime: '2026-11-20T10:00:00' },
    });
    expect(body.start).toEqual(zoned('2026-11-20T09:00:00.0000000', 'UTC'));
  });

  it('keep the zone of their creation', async () => {
    const { body } = await graph.create(meeting(0));
    const tokyo = zoned('2026-11-20T09:00:00', 'Tokyo Standard Time');
    const patched = await graph.event('PATCH', body.id ?? '', {
      body: { start: tokyo, end: { ...tokyo, dateTime: '2026-11-20T10:00:00' } },
    });
    expect(patched.body.start).toEqual(zoned('2026-11-20T00:00:00.0000000', 'UTC'));
    expect(patched.body.originalStartTimeZone).toBe('UTC');
  });
});

describe('an all-day event', () => {
  const allDay = (
    start: string,
    end: string,
    timeZone = 'W. Europe Standard Time',
  ): Record<string, unknown> => ({
    subject: 'Day',
    isAllDay: true,
    start: zoned(start, timeZone),
    end: zoned(end, timeZone),
  });

  it('is midnight to midnight for every reader, wherever it was made', async () => {
    const { body } = await graph.create(allDay('2026-11-20T00:00:00', '2026-11-21T00:00:00'));
    for (const zone of ['UTC', 'Pacific Standard Time', 'Asia/Tokyo']) {
      const answer = await graph.event('GET', body.id ?? '', { prefer: `outlook.timezone="${zone}"` });
      expect(answer.body).toMatchObject({
        start: zoned('2026-11-20T00:00:00.0000000', zone),
        end: zoned('2026-11-21T00:00:00.0000000', zone),
      });
    }
  });

  it('has to begin and end at midnight', async () => {
    const start = await graph.create(allDay('2026-11-20T09:00:00', '2026-11-21T00:00:00'));
    expect(start.body.error).toMatchObject({
      code: 'ErrorInvalidRequest',
      message: 'The Event.Start property for an all-day event needs to be set to midnight.',
    });
    const end = await graph.create(allDay('2026-11-20T00:00:00', '2026-11-21T09:00:00'));
    expect(end.body.error?.message).toBe(
      'The Event.End property for an all-day event needs to be set to midnight.',
    );
    expect((await graph.create(allDay('2026-11-20T00:00:00', '2026-11-20T00:00:00'))).status).toBe(400);
  });

  it('becomes a timed one with its new times and not without', async () => {
    const { body } = await graph.create(allDay('2026-11-20T00:00:00', '2026-11-21T00:00:00'));
    const times = { start: zoned('2026-11-20T09:00:00', 'UTC'), end: zoned('2026-11-20T10:00:00', 'UTC') };
    expect((await graph.event('PATCH', body.id ?? '', { body: times })).status).toBe(400);
    const timed = await graph.event('PATCH', body.id ?? '', { body: { ...times, isAllDay: false } });
    expect([timed.status, timed.body.isAllDay]).toEqual([200, false]);
  });

  it('stands in views by the instant of its midnight', async () => {
    // In Berlin November 20 begins at 23:00 UTC of the day before.
    await graph.create(allDay('2026-11-20T00:00:00', '2026-11-21T00:00:00'));
    const seen = async (start: string, end: string): Promise<number> => {
      const view = await graph.get(`me/calendarView?startDateTime=${start}&endDateTime=${end}`);
      return view.body.value?.length ?? -1;
    };
    expect(await seen('2026-11-19T00:00:00Z', '2026-11-20T00:00:00Z')).toBe(1);
    expect(await seen('2026-11-20T23:00:00Z', '2026-11-22T00:00:00Z')).toBe(0);
  });
});

describe('versions', () => {
  it('refuse a write against an old one', async () => {
    const { body: first } = await graph.create(meeting(0));
    const id = first.id ?? '';
    const ifMatch = first['@odata.etag'] ?? '';
    expect((await graph.event('PATCH', id, { body: { subject: 'b' }, ifMatch })).status).toBe(200);
    for (const method of ['PATCH', 'DELETE']) {
      const stale = await graph.event(method, id, { ifMatch, ...(method === 'PATCH' ? { body: {} } : {}) });
      expect([stale.status, stale.body.error?.code]).toEqual([412, 'ErrorIrresolvableConflict']);
    }
    expect((await graph.event('DELETE', id, { ifMatch: '*' })).status).toBe(204);
  });

  it('know each other in both forms', async () => {
    const { id } = graph.calendar.create(weekly());
    const { items } = await graph.round(undefined, { prefer: IMMUTABLE });
    const bare = items.find((item) => item.type === 'occurrence' && dayOfStart(item) === '2026-11-09');
    const ifMatch = bare?.['@odata.etag'] as string;
    expect((await graph.event('PATCH', bare?.id ?? '', { body: { subject: 'x' }, ifMatch })).status).toBe(
      200,
    );
    graph.calendar.touch(id);
    expect((await graph.event('PATCH', id, { body: { subject: 'y' }, ifMatch })).status).toBe(412);
  });

  it.each([409, 412] as const)('are refused out of nowhere with %i', async (spuriousConflictStatus) => {
    const { body } = await graph.create(meeting(0));
    graph.setQuirks({ spuriousConflictRate: 1, spuriousConflictStatus });
    const answer = await graph.event('PATCH', body.id ?? '', { body: { subject: 'b' } });
    expect([answer.status, answer.body.error?.code]).toEqual([
      spuriousConflictStatus,
      'ErrorIrresolvableConflict',
    ]);
    expect((await graph.event('GET', body.id ?? '')).body.subject).toBe('Meeting 0');
  });

  it('may be old already when the answer arrives', async () => {
    graph.setQuirks({ serverTouchRate: 1 });
    const { body } = await graph.create(meeting(0));
    const now = await graph.event('GET', body.id ?? '');
    expect(now.body['@odata.etag']).not.toBe(body['@odata.etag']);
    expect(now.body.subject).toBe(body.subject);
  });
});

describe('a transactionId', () => {
  const first = meeting(0, { transactionId: 'write-1' });

  it('is taken once', async () => {
    const made = await graph.create(first);
    expect(made.body.transactionId).toBe('write-1');
    const again = await graph.create(first);
    expect([again.status, again.body.error?.code]).toEqual([400, 'ErrorDuplicateTransactionId']);
    graph.setQuirks({ duplicateTransaction: 409, duplicateTransactionNamesEvent: true });
    const conflict = await graph.create(first);
    expect(conflict.status).toBe(409);
    expect(conflict.body.error).toMatchObject({ '@event.existingEventId': made.body.id });
    graph.setQuirks({ duplicateTransaction: 'existing' });
    const repeated = await graph.create(first);
    expect([repeated.status, repeated.body.id]).toEqual([201, made.body.id]);
    expect(graph.calendar.truth({ start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' })).toHaveLength(
      1,
    );
  });

  it('is remembered over calendars and deletions, as long as the knob says', async () => {
    const made = await graph.create(first);
    await graph.event('DELETE', made.body.id ?? '');
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    const path = `me/calendars/${encodeURIComponent(other.id)}/events`;
    expect((await graph.call('POST', path, { body: first })).status).toBe(400);
    graph.setQuirks({ transactionIdTtlMs: 60_000 });
    graph.sandbox.clock.advance(60_000);
    expect((await graph.call('POST', path, { body: first })).status).toBe(201);
  });

  it('cannot be changed later', async () => {
    const made = await graph.create(first);
    const patched = await graph.event('PATCH', made.body.id ?? '', { body: { transactionId: 'write-2' } });
    expect(patched.body.transactionId).toBe('write-1');
  });
});

it('finds an event by an extended property, which it does not echo', async () => {
  const id = 'String {00020329-0000-0000-c000-000000000046} Name Calfleet';
  const made = await graph.create(meeting(0, { singleValueExtendedProperties: [{ id, value: 'Write-1' }] }));
  await graph.create(meeting(1));
  expect(made.body.singleValueExtendedProperties).toBeUndefined();
  const filter = `singleValueExtendedProperties/Any(ep: ep/id eq '${id}' and ep/value eq 'write-1')`;
  const found = await graph.get(`me/events?$filter=${encodeURIComponent(filter)}`);
  expect(found.body.value?.map((item) => item.id)).toEqual([made.body.id]);
  const expand = `singleValueExtendedProperties($filter=id eq '${id}')`;
  const path = `me/events/${encodeURIComponent(made.body.id ?? '')}?$expand=${encodeURIComponent(expand)}`;
  expect((await graph.get(path)).body.singleValueExtendedProperties).toEqual([{ id, value: 'Write-1' }]);
});

it('reads bodies as text', async () => {
  const { body } = await graph.create(
    meeting(0, { body: { contentType: 'html', content: '<p>Hello<br>there &amp; here</p>' } }),
  );
  const text = await graph.event('GET', body.id ?? '', { prefer: 'outlook.body-content-type="text"' });
  expect(text.body.body).toEqual({ contentType: 'text', content: 'Hello\r\nthere & here\r\n' });
});

it('keeps a meeting online, with its provider', async () => {
  const { body } = await graph.create(meeting(0, { isOnlineMeeting: true }));
  expect(body).toMatchObject({
    onlineMeetingProvider: 'teamsForBusiness',
    onlineMeeting: { joinUrl: expect.stringMatching(/^https:/) as unknown },
  });
  const patched = await graph.event('PATCH', body.id ?? '', {
    body: { isOnlineMeeting: false, onlineMeetingProvider: 'skypeForConsumer' },
  });
  expect(patched.body).toMatchObject({ isOnlineMeeting: true, onlineMeetingProvider: 'teamsForBusiness' });
});

describe('the owner', () => {
  it('is invited, and the meeting is called off', async () => {
    const { id } = graph.calendar.create({
      ...meeting(0),
      organizer: { emailAddress: { name: 'Carol', address: 'carol@elsewhere.test' } },
    });
    const invited = await graph.event('GET', id);
    expect(invited.body).toMatchObject({ isOrganizer: false, responseStatus: { response: 'notResponded' } });
    graph.calendar.cancelByOrganiser(id);
    const cancelled = await graph.event('GET', id);
    expect(cancelled.body).toMatchObject({ isCancelled: true, subject: 'Canceled: Meeting 0' });
  });

  it('moves an event: the normal id changes, the immutable one stays', async () => {
    const made = await graph.create(meeting(0));
    const immutable = (await graph.event('GET', made.body.id ?? '', { prefer: IMMUTABLE })).body.id ?? '';
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    graph.calendar.moveTo(immutable, other);
    expect((await graph.event('GET', made.body.id ?? '')).status).toBe(404);
    const moved = await graph.event('GET', immutable);
    expect(moved.body.id).not.toBe(made.body.id);
    other.moveTo(immutable, graph.calendar);
    const back = await graph.event('GET', immutable);
    expect(new Set([made.body.id, moved.body.id, back.body.id]).size).toBe(3);
    const translated = await graph.call('POST', 'me/translateExchangeIds', {
      body: {
        inputIds: [back.body.id, made.body.id],
        sourceIdType: 'restId',
        targetIdType: 'restImmutableEntryId',
      },
    });
    expect(translated.body.value).toMatchObject([{ targetId: immutable }, { targetId: null }]);
  });

  it('may still read a deleted event by its immutable id, when the knob says so', async () => {
    const { id } = graph.calendar.create(meeting(0));
    graph.calendar.delete(id);
    expect((await graph.event('GET', id)).status).toBe(404);
    graph.setQuirks({ deletedItemsResolve: true });
    expect((await graph.event('GET', id)).status).toBe(200);
    expect((await graph.get(`me/calendar/events/${encodeURIComponent(id)}`)).status).toBe(404);
  });
});
