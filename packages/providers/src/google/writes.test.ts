/** What goes over the wire for a write, and answers that the sandbox never gives, seen through the real client. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Attendee, EventPatch, SyncError, WritableFields } from '@calfleet/domain';
import { createGoogleProvider } from './provider.ts';
import { eventIdOf } from './writes.ts';

interface Seen {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: unknown;
}

let server: Server;
let rootUrl: string;
let seen: Seen[];
/** Answers by method, the last one again and again. */
let answers: Record<string, [status: number, body: unknown][]>;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', headers } = request;
      const text = Buffer.concat(chunks).toString();
      const url = new URL(request.url ?? '', rootUrl);
      seen.push({ method, url, headers, body: text === '' ? null : JSON.parse(text) });
      const waiting = answers[method] ?? [];
      const [status, body] = (waiting.length > 1 ? waiting.shift() : waiting[0]) ?? [500, {}];
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(status === 204 ? undefined : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  rootUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/google/`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  [seen, answers] = [[], {}];
});

const clock = { now: () => new Date('2026-11-20T12:00:00Z') };
const session = { accountId: 'account', accessToken: async () => 'secret-token' };
const provider = () => createGoogleProvider({ rootUrl, timeoutMs: 5_000, clock });

const where = { providerCalendarId: 'en.canadian#holiday', calendarTimeZone: 'Europe/Berlin' };
const writeId = '0193a000-0000-7000-8000-000000000001';
const at = (instant: string, zone: string | null = 'Europe/Berlin') =>
  ({ kind: 'zoned', instant, zone }) as const;

const fields: WritableFields = {
  status: 'confirmed',
  summary: 'planning',
  description: null,
  location: null,
  start: at('2026-11-23T09:00:00Z'),
  end: at('2026-11-23T10:00:00Z'),
  recurrence: [],
  attendees: [],
  visibility: 'default',
  transparency: 'opaque',
};

const guest = (email: string | null, more: Partial<Attendee> = {}): Attendee => ({
  email,
  name: null,
  response: 'needs_action',
  optional: false,
  organizer: false,
  self: false,
  resource: false,
  ...more,
});

/** As Google holds it. */
const stored = {
  id: 'event1',
  etag: '"1"',
  status: 'confirmed',
  start: { dateTime: '2026-11-23T09:00:00Z', timeZone: 'Europe/Berlin' },
  end: { dateTime: '2026-11-23T10:00:00Z', timeZone: 'Europe/Berlin' },
};

const refusal = (status: number, reason: string): [number, unknown] => [
  status,
  { error: { errors: [{ domain: 'global', reason, message: 'private party' }], code: status } },
];

const create = (changes: Partial<WritableFields> = {}) =>
  provider().createEvent(session, { ...where, writeId, fields: { ...fields, ...changes } });

const update = (
  patch: EventPatch,
  changes: Partial<{ providerVersion: string | null; slot: string }> = {},
) => {
  const { providerVersion = '"1"', slot } = changes;
  const originalStart = at('2026-11-30T09:00:00Z');
  return provider().updateEvent(session, {
    ...where,
    event:
      slot === undefined
        ? { providerEventId: 'event1' }
        : { occurrence: { providerSeriesId: 'event1', slot, originalStart } },
    providerVersion,
    patch,
    whole: { ...fields, ...patch },
  });
};

const errorFrom = async (promise: Promise<unknown>): Promise<SyncError> =>
  (await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as SyncError;

const codeFrom = async (promise: Promise<unknown>) => (await errorFrom(promise)).code;

const methods = () => seen.map(({ method }) => method);

describe('creations', () => {
  it('name themselves in base32hex, always the same', () => {
    expect(eventIdOf(writeId)).toBe('smsot42uoparro4t0otp39g2u9b8as35kibphgqhlb61v40lmq7g');
    expect(eventIdOf('another')).toMatch(/^[a-v0-9]{52}$/);
    expect(eventIdOf('another')).not.toBe(eventIdOf(writeId));
  });

  it('say what there is, and mark it', async () => {
    answers = { POST: [[200, stored]] };
    await create({ recurrence: ['RRULE:FREQ=DAILY'], start: at('2026-11-23T09:00:00Z', null) });
    expect(seen[0]?.url.pathname).toBe('/google/calendar/v3/calendars/en.canadian%23holiday/events');
    expect(seen[0]?.url.searchParams.get('sendUpdates')).toBe('none');
    expect(seen[0]?.body).toEqual({
      id: eventIdOf(writeId),
      status: 'confirmed',
      summary: 'planning',
      start: { dateTime: '2026-11-23T09:00:00Z', timeZone: 'Europe/Berlin' },
      end: { dateTime: '2026-11-23T10:00:00Z', timeZone: 'Europe/Berlin' },
      recurrence: ['RRULE:FREQ=DAILY'],
      visibility: 'default',
      transparency: 'opaque',
      extendedProperties: { private: { calfleetWriteId: writeId } },
    });
  });

  it.each([
    ['a guest', 'all', guest('bob@example.com')],
    ['the owner', 'none', guest('ada@example.com', { self: true })],
    ['a room', 'none', guest('room@example.com', { resource: true })],
    ['nobody with an address', 'none', guest(null)],
  ])('with %s tell %s', async (_, sendUpdates, attendee) => {
    answers = { POST: [[200, stored]] };
    await create({ attendees: [attendee] });
    expect(seen[0]?.url.searchParams.get('sendUpdates')).toBe(sendUpdates);
  });

  it('whose id is taken are the event of that id, or its deletion', async () => {
    answers = {
      POST: [refusal(409, 'duplicate')],
      GET: [
        [200, stored],
        [200, { ...stored, status: 'cancelled' }],
      ],
    };
    expect(await create()).toMatchObject({ type: 'event', event: { providerEventId: 'event1' } });
    expect(await create()).toMatchObject({ type: 'deleted', providerEventId: 'event1' });
    expect(seen[1]?.url.pathname.endsWith(`/events/${eventIdOf(writeId)}`)).toBe(true);
  });

  it.each([
    [
      'a taken id that cannot be read',
      { POST: [refusal(409, 'duplicate')], GET: [refusal(404, 'notFound')] },
    ],
    ['a 412 that comes of nothing', { POST: [refusal(412, 'conditionNotMet')] }],
    ['something else than an event', { POST: [[200, 'hello']] }],
  ] as [string, typeof answers][])('are asked for again after %s', async (_, said) => {
    answers = said;
    expect(await codeFrom(create())).toBe('provider_unavailable');
  });
});

describe('updates', () => {
  it('say what changes over which version, and nothing else', async () => {
    answers = { PATCH: [[200, stored]] };
    await update({ summary: 'changed', location: null, recurrence: [] });
    expect(methods()).toEqual(['PATCH']);
    expect(seen[0]?.headers['if-match']).toBe('"1"');
    expect(seen[0]?.headers.authorization).toBe('Bearer secret-token');
    expect(seen[0]?.body).toEqual({ summary: 'changed', location: null, recurrence: null });
  });

  it('take the other form of a time away', async () => {
    answers = { PATCH: [[200, stored]] };
    await update({ start: { kind: 'date', date: '2026-11-23' }, end: { kind: 'date', date: '2026-11-24' } });
    await update({ start: at('2026-11-23T09:00:00Z'), end: at('2026-11-23T10:00:00Z') });
    expect(seen.map(({ body }) => (body as { start: unknown }).start)).toEqual([
      { date: '2026-11-23', dateTime: null, timeZone: null },
      { date: null, dateTime: '2026-11-23T09:00:00Z', timeZone: 'Europe/Berlin' },
    ]);
  });

  const bob = { email: 'Bob@example.com', displayName: 'Bob', additionalGuests: 2, comment: 'late', id: '7' };

  it('keep of each attendee what Google knows, and those without an address', async () => {
    const attendees = [bob, { email: 'eve@example.com' }, { displayName: 'a group' }];
    answers = { GET: [[200, { ...stored, attendees }]], PATCH: [[200, stored]] };
    await update({
      attendees: [
        guest('bob@example.com', { response: 'accepted' }),
        guest('carol@example.com', { name: 'C' }),
      ],
    });
    expect(seen[1]?.body).toEqual({
      attendees: [
        { ...bob, email: 'bob@example.com', optional: false, responseStatus: 'accepted' },
        { email: 'carol@example.com', displayName: 'C', optional: false, responseStatus: 'needsAction' },
        { displayName: 'a group' },
      ],
    });
  });

  it('tell the last guest of being left out', async () => {
    answers = { GET: [[200, { ...stored, attendees: [bob] }]], PATCH: [[200, stored]] };
    await update({ attendees: [] });
    expect(seen[1]?.url.searchParams.get('sendUpdates')).toBe('all');
    expect(seen[1]?.body).toEqual({ attendees: [] });
  });

  it.each([
    ['was changed since', { etag: '"2"' }, 'version_conflict'],
    ['was deleted since', { status: 'cancelled' }, 'remote_missing'],
    ['is not shown whole', { attendeesOmitted: true }, 'request_rejected'],
  ])('write no list of attendees to an event that %s', async (_, change, code) => {
    answers = { GET: [[200, { ...stored, ...change }]] };
    expect(await codeFrom(update({ attendees: [guest('bob@example.com')] }))).toBe(code);
    expect(methods()).toEqual(['GET']);
  });

  it('that are forbidden are so because the event is gone, or for good', async () => {
    answers = {
      PATCH: [refusal(403, 'forbidden')],
      GET: [
        [200, { ...stored, status: 'cancelled' }],
        [200, stored],
      ],
    };
    expect(await codeFrom(update({ summary: 'x' }))).toBe('remote_missing');
    expect(await codeFrom(update({ summary: 'x' }))).toBe('permission_denied');
  });

  it.each([
    ['something else', 'provider_unavailable', 'hello'],
    ['a cancelled event', 'remote_missing', { ...stored, status: 'cancelled' }],
  ])('that are answered with %s are %s', async (_, code, body) => {
    answers = { PATCH: [[200, body]] };
    expect(await codeFrom(update({ summary: 'x' }))).toBe(code);
  });

  it('never cancel', async () => {
    expect(await codeFrom(update({ status: 'cancelled' }))).toBe('request_rejected');
    expect(seen).toEqual([]);
  });

  it('that are refused keep tokens, contents and Google’s message out of the error', async () => {
    answers = { PATCH: [refusal(400, 'invalid')] };
    const error = await errorFrom(update({ summary: 'secret plan' }));
    expect(error.code).toBe('request_rejected');
    expect(JSON.stringify([error.message, error.stack, error.context])).not.toMatch(/secret|party|holiday/);
  });
});

describe('an occurrence that nobody has changed', () => {
  const series = { ...stored, summary: 'weekly', recurrence: ['RRULE:FREQ=WEEKLY'] };
  const shown = {
    ...stored,
    id: 'event1_20261130T090000Z',
    summary: 'weekly',
    etag: '"9"',
    recurringEventId: 'event1',
    start: { dateTime: '2026-11-30T09:00:00Z', timeZone: 'Europe/Berlin' },
    end: { dateTime: '2026-11-30T10:00:00Z', timeZone: 'Europe/Berlin' },
    originalStartTime: { dateTime: '2026-11-30T10:00:00+01:00', timeZone: 'Europe/Berlin' },
  };
  const slot = '20261130T090000Z';

  it('is written over the version that it is shown with', async () => {
    answers = {
      GET: [
        [200, shown],
        [200, series],
      ],
      PATCH: [[200, shown]],
    };
    await update({ summary: 'changed' }, { providerVersion: null, slot });
    expect(seen.map(({ method, url }) => [method, url.pathname.split('/').at(-1)])).toEqual([
      ['GET', shown.id],
      ['GET', 'event1'],
      ['PATCH', shown.id],
    ]);
    expect(seen[2]?.headers['if-match']).toBe('"9"');
  });

  it.each<[string, object, string]>([
    ['says something else', { summary: 'theirs' }, 'version_conflict'],
    ['stands elsewhere', { start: { dateTime: '2026-11-30T08:00:00Z' } }, 'version_conflict'],
    ['lasts longer', { end: { dateTime: '2026-11-30T12:00:00Z' } }, 'version_conflict'],
    ['has an answer of its own', { attendees: [{ email: 'bob@example.com' }] }, 'version_conflict'],
    ['was cancelled', { status: 'cancelled' }, 'remote_missing'],
  ])('is left alone when it %s', async (_, change, code) => {
    answers = {
      GET: [
        [200, { ...shown, ...change }],
        [200, series],
      ],
    };
    expect(await codeFrom(update({ summary: 'ours' }, { providerVersion: null, slot }))).toBe(code);
    expect(methods()).not.toContain('PATCH');
  });

  it.each([
    ['ends at the same hour', '2027-03-28T05:00:00Z'],
    ['lasts as long', '2027-03-28T06:00:00Z'],
  ])('is written when it %s in the night of a clock change', async (_, end) => {
    const berlin = (dateTime: string) => ({ dateTime, timeZone: 'Europe/Berlin' });
    const night = { start: berlin('2026-11-29T22:00:00Z'), end: berlin('2026-11-30T06:00:00Z') };
    const start = berlin('2027-03-27T22:00:00Z');
    const changed = {
      ...shown,
      id: 'event1_20270327T220000Z',
      start,
      end: berlin(end),
      originalStartTime: start,
    };
    answers = {
      GET: [
        [200, changed],
        [200, { ...series, ...night }],
      ],
      PATCH: [[200, changed]],
    };
    await update({ summary: 'changed' }, { providerVersion: null, slot: '20270327T220000Z' });
    expect(methods()).toEqual(['GET', 'GET', 'PATCH']);
  });

  it('is the only thing that may be written without a version', async () => {
    answers = { GET: [[200, stored]] };
    expect(await codeFrom(update({ summary: 'ours' }, { providerVersion: null }))).toBe('version_conflict');
  });
});

describe('deletions', () => {
  const remove = () =>
    provider().deleteEvent(session, {
      ...where,
      event: { providerEventId: 'event1' },
      providerVersion: '"1"',
    });

  it('are of one version, and told to all guests', async () => {
    answers = { DELETE: [[204, null]] };
    await remove();
    expect(methods()).toEqual(['DELETE']);
    expect(seen[0]?.headers['if-match']).toBe('"1"');
    expect(seen[0]?.url.searchParams.get('sendUpdates')).toBe('all');
  });

  it.each([
    [410, 'deleted', 'remote_missing'],
    [404, 'notFound', 'remote_missing'],
    [412, 'conditionNotMet', 'version_conflict'],
    [403, 'requiredAccessLevel', 'permission_denied'],
  ])('read %i %s as %s', async (status, reason, code) => {
    answers = { DELETE: [refusal(status, reason)] };
    expect(await codeFrom(remove())).toBe(code);
  });
});
