/** Creations and deletions against the sandbox, which loses answers, forgets, and does things late. */
import type { MicrosoftQuirkChanges } from '@calfleet/sandbox';
import fc from 'fast-check';
import { expandSeries, type EventTime, type WritableFields } from '@calfleet/domain';
import { at, day, Desk, eventOf, fieldsOf, guest, slotIn } from './desk.fixture.ts';
import { errorFrom, window } from './graph.fixture.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await Desk.open();
});

afterEach(() => desk.close());

const weekly = (count: number) => ({ recurrence: [`RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=MO;COUNT=${count}`] });
const secondMonday = at('2026-11-30T09:00:00Z');

describe('a new event', () => {
  it('is told whole, comes back as the mirror will see it, and names the creation that it came of', async () => {
    const fields = fieldsOf({
      summary: '☕ standup',
      description: 'bring\nbiscuits',
      location: 'Aquarium',
      attendees: [
        guest('eve@example.com'),
        guest('room@example.com', { resource: true }),
        guest('sam@example.com', { optional: true }),
      ],
      visibility: 'confidential',
      transparency: 'transparent',
    });
    const event = eventOf(await desk.createItem(fields));
    expect(event).toMatchObject({ kind: 'single', writeId: 'write-1', fields });
    await desk.expectEcho(event);
    expect(desk.shown(event.providerEventId)).toMatchObject({
      transactionId: 'calfleet-write-1',
      originalStartTimeZone: 'W. Europe Standard Time',
      organizer: { emailAddress: { address: 'ada@example.com' } },
    });
  });

  it.each<[string, Partial<WritableFields>, Partial<WritableFields>]>([
    ['all-day', { start: day('2026-12-24'), end: day('2026-12-27') }, {}],
    [
      'floating',
      {
        start: { kind: 'floating', local: '2027-07-01T10:00:00' },
        end: { kind: 'floating', local: '2027-07-01T11:00:00' },
      },
      { start: at('2027-07-01T08:00:00Z'), end: at('2027-07-01T09:00:00Z') },
    ],
    [
      'in a zone by its Windows name',
      {
        start: at('2027-07-01T08:00:00Z', 'Europe/Amsterdam'),
        end: at('2027-07-01T09:00:00Z', 'Europe/London'),
      },
      {
        start: at('2027-07-01T08:00:00Z', 'Europe/Berlin'),
        end: at('2027-07-01T09:00:00Z', 'Europe/London'),
      },
    ],
    [
      'in a zone that Outlook does not have',
      {
        start: at('2026-12-01T08:00:00Z', 'Antarctica/Troll'),
        end: at('2026-12-01T09:00:00Z', 'Antarctica/Troll'),
      },
      { start: at('2026-12-01T08:00:00Z', 'UTC'), end: at('2026-12-01T09:00:00Z', 'UTC') },
    ],
    [
      'in the second of two hours that look alike',
      { start: at('2026-10-25T01:15:00Z'), end: at('2026-10-25T01:45:00Z') },
      { start: at('2026-10-25T01:15:00Z', 'UTC'), end: at('2026-10-25T01:45:00Z', 'UTC') },
    ],
    [
      'as visible as its calendar, since Outlook knows nothing beyond that',
      { visibility: 'public' },
      { visibility: 'default' },
    ],
    ['with nothing in it', { summary: null, description: null, location: null }, {}],
    ['a series', weekly(4), {}],
    ['an all-day series', { ...weekly(4), start: day('2026-11-23'), end: day('2026-11-24') }, {}],
  ])('is %s', async (_, said, stored) => {
    const event = await desk.create(said);
    expect(event.fields).toMatchObject({ ...said, ...stored });
    await desk.expectEcho(event);
  });

  it('is what Graph makes of it, and stays that when it is written once more', async () => {
    desk.sandbox.microsoft.setQuirks({ texts: 'rewritten', attendeeOrder: 'by_address' });
    const attendees = [guest('sam@example.com'), guest('eve@example.com')];
    const event = await desk.create({ description: 'bring  \nbiscuits', attendees });
    await desk.expectEcho(event);
    const { description } = event.fields;
    expect(description).toBe('bring\r\nbiscuits\r\n');
    const again = await desk.update(event, { description, attendees: event.fields.attendees });
    expect(again.fields).toEqual(event.fields);
  });

  it.each<[string, Partial<WritableFields>]>([
    ['every hour', { recurrence: ['RRULE:FREQ=HOURLY'] }],
    ['with days left out', { recurrence: ['RRULE:FREQ=DAILY', 'EXDATE:20261124T090000Z'] }],
    ['from a day to a time', { start: day('2026-11-23') }],
    ['cancelled', { status: 'cancelled' }],
    ['tentative', { status: 'tentative' }],
  ])('is refused without a request when it is %s', async (_, said) => {
    expect((await errorFrom(desk.create(said))).code).toBe('request_rejected');
    expect(desk.requests).toBe(0);
  });

  it('that ends before it begins is refused by Graph', async () => {
    const error = await errorFrom(desk.create({ end: at('2026-11-23T08:00:00Z') }));
    expect(error).toMatchObject({
      code: 'request_rejected',
      context: { reason: 'ErrorCalendarEndDateIsEarlierThanStartDate' },
    });
  });

  it('says permission_denied where the user may only read, remote_missing where the calendar is gone', async () => {
    const bob = desk.sandbox.microsoft.createMailbox({ email: 'bob@example.com' });
    const shared = bob.share(bob.createCalendar(), desk.ada);
    const into = (providerCalendarId: string) =>
      desk.provider().createEvent(desk.session(), {
        ...desk.where(),
        providerCalendarId,
        writeId: 'write-1',
        fields: fieldsOf(),
      });
    expect((await errorFrom(into(shared.id))).code).toBe('permission_denied');
    desk.ada.removeCalendar(shared);
    expect((await errorFrom(into(shared.id))).code).toBe('remote_missing');
  });
});

describe('the same creation, asked for again', () => {
  const again: MicrosoftQuirkChanges[] = [
    { duplicateTransaction: 400 },
    { duplicateTransaction: 409, duplicateTransactionNamesEvent: true },
    { duplicateTransaction: 'existing' },
    { transactionIdTtlMs: 1 },
  ];

  it.each(again)('is the same event (%j)', async (quirks) => {
    desk.sandbox.microsoft.setQuirks(quirks);
    const first = await desk.create();
    desk.sandbox.clock.advance(60_000);
    const second = await desk.create();
    expect({ ...second, raw: null }).toEqual({ ...first, raw: null });
    expect(desk.calendar.size).toBe(1);
  });

  it.each(['drop_before', 'drop_after', 'torn_body'] as const)('is one event after %s', async (kind) => {
    desk.sandbox.faults.add({ operation: 'graph.event.create', effect: { kind } });
    expect((await errorFrom(desk.create())).code).toBe('provider_unavailable');
    const event = await desk.create();
    expect([event.writeId, desk.calendar.size]).toEqual(['write-1', 1]);
  });

  it('is one event when the first try is carried out after we gave up on it', async () => {
    desk.sandbox.faults.add({ operation: 'graph.event.create', effect: { kind: 'latency', ms: 1_000 } });
    expect((await errorFrom(desk.createItem(fieldsOf(), 'write-1', 100))).code).toBe('provider_unavailable');
    const event = await desk.create();
    const ended = (): number => {
      const { byStatus } = desk.sandbox.usage.report();
      return (byStatus['201'] ?? 0) + (byStatus['400'] ?? 0);
    };
    // Until the late one has been answered, to nobody.
    for (let looks = 0; ended() < 2 && looks < 2_000; looks += 1) await desk.read(event.providerEventId);
    expect(desk.calendar.size).toBe(1);
  });

  it.each(again.slice(0, 3))('is the same event for two that ask at once (%j)', async (quirks) => {
    desk.sandbox.microsoft.setQuirks(quirks);
    const [one, two] = await Promise.all([desk.create(), desk.create()]);
    expect({ ...two, raw: null }).toEqual({ ...one, raw: null });
    expect(desk.calendar.size).toBe(1);
  });

  it('is one event after any row of failures', async () => {
    const status = (status: number) => fc.constant({ kind: 'status', status } as const);
    const cut = fc.constantFrom('drop_before', 'drop_after', 'torn_body').map((kind) => ({ kind }));
    const operation = fc.constantFrom('graph.event.create', 'graph.event.list');
    const fault = fc.record({ operation, effect: fc.oneof(cut, status(503), status(429), status(409)) });
    const rows = fc.array(fault, { minLength: 1, maxLength: 5 });
    let creations = 0;
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom(...again), async (faults, quirks) => {
        const before = desk.calendar.size;
        creations += 1;
        desk.sandbox.microsoft.setQuirks({ transactionIdTtlMs: null, ...quirks });
        for (const each of faults) desk.sandbox.faults.add(each);
        const name = `write ${creations}`;
        const attempt = () => desk.createItem(fieldsOf(), name).catch(() => null);
        let made = await attempt();
        // Each fault strikes once.
        for (let tries = 0; made === null && tries < faults.length; tries += 1) made = await attempt();
        desk.sandbox.faults.clear();
        expect(eventOf(made ?? undefined).writeId).toBe(name);
        expect(desk.calendar.size).toBe(before + 1);
      }),
      { numRuns: 60 },
    );
  });

  it('is what became of the first, whoever changed it since', async () => {
    const first = await desk.create();
    desk.calendar.patch(first.providerEventId, { subject: 'moved up' });
    expect((await desk.create()).fields.summary).toBe('moved up');
  });

  it('is deleted when the first was, under the id that Graph names', async () => {
    const { providerEventId } = await desk.create();
    desk.calendar.delete(providerEventId);
    desk.sandbox.microsoft.setQuirks({ duplicateTransactionNamesEvent: true });
    expect(await desk.createItem(fieldsOf())).toMatchObject({ type: 'deleted', exceptionOf: null });
    expect(desk.calendar.size).toBe(0);
  });

  it.each([400, 409] as const)(
    'is deleted under a made-up id when the first was and %i does not name it',
    async (status) => {
      const { providerEventId, writeId } = await desk.create();
      desk.calendar.delete(providerEventId);
      desk.sandbox.microsoft.setQuirks({ duplicateTransaction: status });
      expect(await desk.createItem(fieldsOf())).toMatchObject({
        type: 'deleted',
        providerEventId: `calfleet-${writeId}`,
        exceptionOf: null,
      });
      expect(desk.calendar.size).toBe(0);
    },
  );

  it('is another event under another name', async () => {
    const [one, two] = [await desk.create({}, 'write-1'), await desk.create({}, 'write-2')];
    expect(one.providerEventId).not.toBe(two.providerEventId);
    expect([one.writeId, two.writeId]).toEqual(['write-1', 'write-2']);
  });
});

describe('a new series takes place when its rule says, in Outlook too', () => {
  it.each<[string, EventTime?]>([
    ['FREQ=DAILY;COUNT=200'],
    ['FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20270401T080000Z'],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=MO;COUNT=40'],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU;COUNT=40'],
    ['FREQ=MONTHLY;BYMONTHDAY=-1', at('2026-11-30T09:00:00Z')],
    ['FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1', at('2026-11-30T09:00:00Z')],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', at('2026-11-30T09:00:00Z')],
    ['FREQ=MONTHLY;INTERVAL=2;BYDAY=4MO;UNTIL=20270923'],
    ['FREQ=YEARLY'],
    // 23:30 on the day before in New York.
    ['FREQ=WEEKLY;COUNT=30', at('2026-11-24T04:30:00Z', 'America/New_York')],
    ['FREQ=WEEKLY;BYDAY=MO,WE;COUNT=30', day('2026-11-23')],
  ])('%s from %j', async (...[rule, start = at('2026-11-23T09:00:00Z')]) => {
    const recurrence = [`RRULE:${rule}`];
    const end = start.kind === 'date' ? day('2026-11-24') : start;
    const { providerEventId } = await desk.create({ start, end, recurrence });
    const series = (await desk.readItems([], [providerEventId])).flatMap((item) =>
      item.type === 'instance' ? [item.slot] : [],
    );
    const span = { from: new Date(window.start), to: new Date(window.end) };
    const { occurrences } = expandSeries({ start, end, recurrence, window: span, replaced: new Set() });
    expect(series.sort()).toEqual(occurrences.map(({ slot }) => slot).sort());
  });
});

describe('a deletion', () => {
  it('takes an event, once', async () => {
    const { providerEventId, providerVersion } = await desk.create();
    await desk.delete({ providerEventId }, providerVersion);
    expect(desk.calendar.size).toBe(0);
    const again = await errorFrom(desk.delete({ providerEventId }, providerVersion));
    expect(again.code).toBe('remote_missing');
  });

  it('takes nothing that somebody changed since', async () => {
    const { providerEventId, providerVersion } = await desk.create();
    desk.calendar.patch(providerEventId, { subject: 'changed' });
    expect((await errorFrom(desk.delete({ providerEventId }, providerVersion))).code).toBe(
      'version_conflict',
    );
    expect(desk.calendar.size).toBe(1);
  });

  it('takes a series with its exceptions', async () => {
    const { providerEventId } = await desk.create(weekly(4));
    desk.calendar.patchOccurrence(providerEventId, '2026-11-30', { subject: 'changed' });
    const { providerVersion } = await desk.read(providerEventId);
    await desk.delete({ providerEventId }, providerVersion);
    expect(desk.calendar.truth(window)).toEqual([]);
  });

  it('takes one occurrence by its slot, and finds nothing there afterwards', async () => {
    const series = await desk.create(weekly(4));
    const occurrence = slotIn(series, secondMonday);
    await desk.delete({ occurrence }, null);
    expect(desk.calendar.truth(window)).toHaveLength(3);
    expect((await errorFrom(desk.delete({ occurrence }, null))).code).toBe('remote_missing');
  });

  it('takes an exception by its id', async () => {
    const series = await desk.create(weekly(4));
    const { providerEventId, providerVersion } = await desk.updateSlot(series, secondMonday, {
      summary: 'x',
    });
    await desk.delete({ providerEventId }, providerVersion);
    expect(desk.calendar.truth(window)).toHaveLength(3);
  });

  it('takes no occurrence that is an exception by now', async () => {
    const series = await desk.create(weekly(4));
    desk.calendar.patchOccurrence(series.providerEventId, '2026-11-30', { subject: 'changed' });
    const error = await errorFrom(desk.delete({ occurrence: slotIn(series, secondMonday) }, null));
    expect(error.code).toBe('version_conflict');
    expect(desk.calendar.truth(window)).toHaveLength(4);
  });

  it('that got no answer is found done', async () => {
    const { providerEventId, providerVersion } = await desk.create();
    desk.sandbox.faults.add({ operation: 'graph.event.delete', effect: { kind: 'drop_after' } });
    const lost = await errorFrom(desk.delete({ providerEventId }, providerVersion));
    const again = await errorFrom(desk.delete({ providerEventId }, providerVersion));
    expect([lost.code, again.code]).toEqual(['provider_unavailable', 'remote_missing']);
  });
});
