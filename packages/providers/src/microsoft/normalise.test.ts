import fc from 'fast-check';
import type { RemoteEvent, RemoteItem } from '@calfleet/domain';
import { normalise } from './normalise.ts';

const time = (dateTime: string, timeZone = 'UTC') => ({ dateTime, timeZone });

const base = {
  '@odata.etag': 'W/"+59cKgAAAAAAAAAAAAAAAAAAAAAAAA=="',
  id: 'AAMkAD=',
  type: 'singleInstance',
  subject: 'standup',
  body: { contentType: 'text', content: 'notes' },
  location: { displayName: 'Room 1' },
  isAllDay: false,
  isCancelled: false,
  isOrganizer: true,
  start: time('2026-11-23T09:00:00.0000000'),
  end: time('2026-11-23T10:00:00.0000000'),
  originalStartTimeZone: 'W. Europe Standard Time',
  originalEndTimeZone: 'Tokyo Standard Time',
  showAs: 'busy',
  sensitivity: 'normal',
  attendees: [],
  organizer: { emailAddress: { name: 'Ada', address: 'ada@example.com' } },
  iCalUId: '040000008200E00074C5B7101A82E008',
  webLink: 'https://outlook.office365.com/owa/?itemid=1',
  lastModifiedDateTime: '2026-11-20T08:30:15.1234567Z',
};

const allDay = {
  isAllDay: true,
  start: time('2026-12-24T00:00:00.0000000'),
  end: time('2026-12-27T00:00:00.0000000'),
};

const read = (changes: object = {}, series: object | null = null): RemoteItem =>
  normalise({ ...base, ...changes }, series as Record<string, unknown> | null);

function eventOf(changes: object = {}, series: object | null = null): RemoteEvent {
  const item = read(changes, series);
  if (item.type !== 'event') throw new Error(JSON.stringify(item));
  return item.event;
}

const fieldsOf = (changes: object = {}) => eventOf(changes).fields;

it("knows the creation that it came of by its transaction, and no other program's", () => {
  const seriesMasterId = 'AAMkAS=';
  expect(eventOf({ transactionId: 'calfleet-0193' }).writeId).toBe('0193');
  expect(eventOf({ transactionId: 'localevent:0193' }).writeId).toBeNull();
  const exception = { type: 'exception', seriesMasterId, originalStart: '2026-11-23T09:00:00Z' };
  expect(eventOf({ ...exception, transactionId: 'calfleet-0193' }).writeId).toBeNull();
});

it('reads a whole event', () => {
  const { raw, ...event } = eventOf();
  expect(event).toEqual({
    providerEventId: 'AAMkAD=',
    providerVersion: expect.any(String) as string,
    kind: 'single',
    exceptionOf: null,
    writeId: null,
    providerUpdatedAt: '2026-11-20T08:30:15Z',
    fields: {
      icalUid: '040000008200E00074C5B7101A82E008',
      status: 'confirmed',
      summary: 'standup',
      description: 'notes',
      location: 'Room 1',
      start: { kind: 'zoned', instant: '2026-11-23T09:00:00Z', zone: 'Europe/Berlin' },
      end: { kind: 'zoned', instant: '2026-11-23T10:00:00Z', zone: 'Asia/Tokyo' },
      recurrence: [],
      attendees: [],
      organizer: { email: 'ada@example.com', name: 'Ada', self: true },
      meetingUrl: null,
      visibility: 'default',
      transparency: 'opaque',
      eventType: 'default',
      htmlLink: 'https://outlook.office365.com/owa/?itemid=1',
    },
  });
  expect(JSON.parse(raw)).toEqual(base);
});

describe('times', () => {
  it.each(['Pacific Standard Time', 'tzone://Microsoft/Custom', 'UTC'])(
    'keeps an all-day event of somebody in %s a date with an exclusive end',
    (originalStartTimeZone) => {
      const { start, end } = fieldsOf({ ...allDay, originalStartTimeZone });
      expect([start, end]).toEqual([
        { kind: 'date', date: '2026-12-24' },
        { kind: 'date', date: '2026-12-27' },
      ]);
    },
  );

  it.each([
    ['tzone://Microsoft/Custom', null],
    ['Customized Time Zone', null],
    ['Zone of Atlantis', null],
    ['tzone://Microsoft/Utc', 'UTC'],
    ['America/New_York', 'America/New_York'],
    ['', null],
  ])('reads the zone %j as %j', (originalStartTimeZone, zone) => {
    expect(fieldsOf({ originalStartTimeZone }).start).toMatchObject({
      instant: '2026-11-23T09:00:00Z',
      zone,
    });
  });

  it('reads a time in another zone than it asked for', () => {
    const start = time('2026-07-01T09:00:00.0000000', 'Pacific Standard Time');
    expect(fieldsOf({ start }).start).toMatchObject({ instant: '2026-07-01T16:00:00Z' });
  });

  it.each([
    ['no start', { start: null }],
    ['no end', { end: {} }],
    ['no start', { start: { date: '2026-11-23' } }],
    ['not a date-time', { start: time('tomorrow') }],
    ['no such day', { start: time('2026-02-30T09:00:00.0000000') }],
    ['year outside 1-9999', { start: time('0000-01-01T09:00:00.0000000') }],
    ['a time in an unknown zone', { start: time('2026-11-23T09:00:00', 'Customized Time Zone') }],
    ['an all-day start that is not midnight', { ...allDay, start: time('2026-12-23T23:00:00.0000000') }],
  ])('says %s instead of inventing a time', (reason, changes) => {
    expect(read(changes)).toMatchObject({ type: 'unreadable', providerEventId: 'AAMkAD=', reason });
  });
});

describe('occurrences', () => {
  const series = {
    ...base,
    id: 'series',
    type: 'seriesMaster',
    originalEndTimeZone: 'W. Europe Standard Time',
  };
  const bare = {
    '@odata.type': '#microsoft.graph.event',
    id: 'occurrence',
    type: 'occurrence',
    seriesMasterId: 'series',
    start: time('2026-11-30T09:00:00.0000000'),
    end: time('2026-11-30T10:00:00.0000000'),
  };

  it('reads a bare one with what its series says', () => {
    expect(normalise(bare, series)).toEqual({
      type: 'instance',
      providerEventId: 'occurrence',
      providerSeriesId: 'series',
      slot: '20261130T090000Z',
      start: { kind: 'zoned', instant: '2026-11-30T09:00:00Z', zone: 'Europe/Berlin' },
      end: { kind: 'zoned', instant: '2026-11-30T10:00:00Z', zone: 'Europe/Berlin' },
    });
  });

  it('reads one of an all-day series as a day', () => {
    const item = normalise({ ...bare, start: allDay.start, end: allDay.end }, { ...series, ...allDay });
    expect(item).toMatchObject({
      type: 'instance',
      slot: '20261224',
      start: { kind: 'date', date: '2026-12-24' },
    });
  });

  it('gives an exception the slot it had before it was moved', () => {
    const originalStart = '2026-11-30T09:00:00Z';
    const event = eventOf({ type: 'exception', seriesMasterId: 'series', originalStart }, series);
    expect(event).toMatchObject({
      kind: 'exception',
      exceptionOf: { providerSeriesId: 'series', slot: '20261130T090000Z' },
      fields: { recurrence: [], start: { instant: '2026-11-23T09:00:00Z' } },
    });
  });

  it('takes an original start for an instant, whatever zone it is written in', () => {
    const originalStart = '2026-11-30T10:00:00+01:00';
    const event = eventOf({ type: 'exception', seriesMasterId: 'series', originalStart }, series);
    expect(event.exceptionOf?.slot).toBe('20261130T090000Z');
  });

  it.each([
    ['in UTC', '2026-12-24T00:00:00Z', 'Pacific Standard Time'],
    ['in the east', '2026-12-23T23:00:00Z', 'W. Europe Standard Time'],
    ['in the far east', '2026-12-23T11:00:00Z', 'New Zealand Standard Time'],
    ['at the date line', '2026-12-23T10:00:00Z', 'Line Islands Standard Time'],
    ['in the west', '2026-12-24T08:00:00Z', 'Pacific Standard Time'],
    ['in the far west', '2026-12-24T11:00:00Z', 'UTC-11'],
    ['in half an hour of the west', '2026-12-24T03:30:00Z', 'Newfoundland Standard Time'],
    [
      'an hour late, where clocks jump at midnight',
      '2026-04-23T22:00:00Z',
      'Egypt Standard Time',
      '20260424',
    ],
    ['in a zone of its own, east', '2026-12-23T11:00:00Z', 'tzone://Microsoft/Custom'],
    ['in a zone of its own, west', '2026-12-24T10:00:00Z', 'tzone://Microsoft/Custom'],
    ['elsewhere than where the series was made', '2026-12-23T15:00:00Z', 'UTC'],
  ])(
    'tells the day of an all-day series whose midnight is %s',
    (_, originalStart, originalStartTimeZone, slot = '20261224') => {
      const exception = { ...allDay, type: 'exception', seriesMasterId: 'series', originalStart };
      const master = { ...series, ...allDay, originalStartTimeZone };
      expect(eventOf(exception, master).exceptionOf).toMatchObject({
        providerSeriesId: 'series',
        slot,
        originalStart: { kind: 'date' },
      });
    },
  );

  it('believes the id of an occurrence about its day', () => {
    const occurrenceId = 'OID.AAMkAD=.2026-12-25';
    const exception = {
      type: 'exception',
      seriesMasterId: 'series',
      originalStart: '2026-12-24T10:30:00Z',
      occurrenceId,
    };
    expect(eventOf(exception, { ...series, ...allDay }).exceptionOf?.slot).toBe('20261225');
  });

  it('keeps the day of an all-day series for an exception with a clock', () => {
    const exception = { type: 'exception', seriesMasterId: 'series', originalStart: '2026-12-24T00:00:00Z' };
    const event = eventOf(exception, { ...series, ...allDay });
    expect(event.exceptionOf?.slot).toBe('20261224');
    expect(event.fields.start.kind).toBe('zoned');
  });

  it.each([
    ['an exception without its slot', { type: 'exception', seriesMasterId: 'series' }],
    ['an occurrence without its series', { type: 'exception', originalStart: '2026-11-30T09:00:00Z' }],
    ['an occurrence without its series', { type: 'occurrence', seriesMasterId: null }],
  ])('says %s', (reason, changes) => {
    expect(read(changes, series)).toMatchObject({ type: 'unreadable', reason });
  });

  it('gives a series its line', () => {
    const recurrence = {
      pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday'], firstDayOfWeek: 'sunday' },
      range: { type: 'numbered', numberOfOccurrences: 10 },
    };
    const event = eventOf({ type: 'seriesMaster', recurrence });
    expect(event).toMatchObject({
      kind: 'series',
      fields: { recurrence: ['RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=SU;COUNT=10'] },
    });
    expect(
      eventOf({ type: 'seriesMaster', recurrence: { pattern: { type: 'lunar' }, range: {} } }),
    ).toMatchObject({
      kind: 'series',
      fields: { recurrence: [] },
    });
  });
});

describe('fields', () => {
  it.each([
    ['summary', { subject: '' }],
    ['summary', { subject: null }],
    ['description', { body: { contentType: 'text', content: '' } }],
    ['description', { body: { contentType: 'text', content: '\r\n' } }],
    ['description', { body: null }],
    ['location', { location: { displayName: '' } }],
    ['location', { location: null }],
    ['organizer', { organizer: null }],
    ['icalUid', { iCalUId: 7 }],
  ] as const)('says null for a %s that is not there (%j)', (name, changes) => {
    expect(fieldsOf(changes)[name]).toBeNull();
  });

  it('keeps a meeting that its organiser called off', () => {
    expect(fieldsOf({ isCancelled: true, subject: 'Canceled: standup' })).toMatchObject({
      status: 'cancelled',
      summary: 'Canceled: standup',
    });
  });

  it.each([
    ['free', 'transparent', 'default'],
    ['workingElsewhere', 'transparent', 'workingElsewhere'],
    ['tentative', 'opaque', 'default'],
    ['busy', 'opaque', 'default'],
    ['oof', 'opaque', 'outOfOffice'],
    ['unknown', 'opaque', 'default'],
    ['somethingNew', 'opaque', 'default'],
  ])('shows %s as %s, %s, and confirmed', (showAs, transparency, eventType) => {
    expect(fieldsOf({ showAs })).toMatchObject({ transparency, eventType, status: 'confirmed' });
  });

  it.each([
    ['normal', 'default'],
    ['personal', 'private'],
    ['private', 'private'],
    ['confidential', 'confidential'],
    ['somethingNew', 'default'],
  ])('reads the sensitivity %s as %s', (sensitivity, visibility) => {
    expect(fieldsOf({ sensitivity }).visibility).toBe(visibility);
  });

  it.each([
    [
      { onlineMeeting: { joinUrl: 'https://teams.example/1' }, onlineMeetingUrl: 'https://old.example' },
      'https://teams.example/1',
    ],
    [{ onlineMeeting: null, onlineMeetingUrl: 'https://old.example' }, 'https://old.example'],
    [{ onlineMeeting: {} }, null],
  ])('joins %j at %j', (changes, url) => {
    expect(fieldsOf(changes).meetingUrl).toBe(url);
  });

  it('maps attendees', () => {
    const attendee = (address: string, response: string, type = 'required') => ({
      type,
      status: { response, time: '0001-01-01T00:00:00Z' },
      emailAddress: { address, name: address.split('@')[0] },
    });
    const { attendees } = fieldsOf({
      attendees: [
        attendee('Ada@example.com', 'organizer'),
        attendee('bob@example.com', 'tentativelyAccepted', 'Optional'),
        attendee('room@example.com', 'accepted', 'resource'),
        attendee('eve@example.com', 'notResponded'),
        attendee('kim@example.com', 'declined'),
        attendee('lee@example.com', 'none'),
        { type: 'required' },
        7,
      ],
    });
    expect(attendees[0]).toEqual({
      email: 'Ada@example.com',
      name: 'Ada',
      response: 'accepted',
      optional: false,
      organizer: true,
      self: true,
      resource: false,
    });
    expect(
      attendees
        .slice(1)
        .map(({ response, optional, resource, self }) => ({ response, optional, resource, self })),
    ).toEqual([
      { response: 'tentative', optional: true, resource: false, self: false },
      { response: 'accepted', optional: false, resource: true, self: false },
      { response: 'needs_action', optional: false, resource: false, self: false },
      { response: 'declined', optional: false, resource: false, self: false },
      { response: 'needs_action', optional: false, resource: false, self: false },
      { response: 'needs_action', optional: false, resource: false, self: false },
    ]);
  });

  it('replaces characters that Postgres cannot hold', () => {
    const event = eventOf({ subject: 'a\0b', body: { contentType: 'text', content: 'c\uD800d' } });
    expect(event.fields).toMatchObject({ summary: 'a\uFFFDb', description: 'c\uFFFDd' });
    expect(event.raw).not.toMatch(/\\u0000|\\ud800|[\p{Surrogate}\0]/iu);
  });
});

describe('versions', () => {
  const key = Buffer.from('fb9f5c2a00000000000000000000000000000000002a', 'hex');
  const etag = (...parts: Buffer[]) => `W/"${Buffer.concat(parts).toString('base64')}"`;
  const versionOf = (changes: object) => eventOf({ '@odata.etag': undefined, ...changes }).providerVersion;

  it('agree between a list, a single read, a notification and the change key itself', () => {
    const said = [
      { '@odata.etag': etag(key) },
      { '@odata.etag': etag(Buffer.from('0f00000016000000', 'hex'), key) },
      { changeKey: key.toString('base64') },
    ].map(versionOf);
    expect(new Set(said)).toEqual(new Set([key.toString('base64')]));
  });

  it('are what Graph says when it says something else', () => {
    expect(versionOf({ '@odata.etag': '"7"' })).toBe('"7"');
    expect(versionOf({})).toBeNull();
  });
});

describe('anything', () => {
  it.each([null, 7, 'event', [], {}, { id: '' }, { id: 7 }])('%j is unreadable', (value) => {
    expect(normalise(value, null)).toMatchObject({ type: 'unreadable', providerEventId: null });
  });

  it('is read without throwing, into text that Postgres can hold', () => {
    const odd = fc.oneof(fc.anything({ maxDepth: 3 }), fc.string({ unit: 'binary' }));
    const item = fc.dictionary(fc.constantFrom(...Object.keys(base), 'seriesMasterId', 'recurrence'), odd, {
      maxKeys: 8,
    });
    fc.assert(
      fc.property(fc.oneof(odd, item), fc.boolean(), (value, isMixed) => {
        const mixed = isMixed && typeof value === 'object' ? { ...base, ...value } : value;
        const item = normalise(mixed, null);
        const raw = item.type === 'event' ? item.event.raw : 'raw' in item ? item.raw : '""';
        expect(() => void JSON.parse(raw)).not.toThrow();
        expect(raw).not.toMatch(/[\p{Surrogate}\0]/u);
      }),
    );
  });
});
