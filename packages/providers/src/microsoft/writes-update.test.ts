/** Changes against the sandbox: what the patch names and nothing else, upon the version that is known and no other. */
import type { EventPatch, RemoteEvent, WritableFields } from '@calfleet/domain';
import { at, day, Desk, fieldsOf, guest } from './desk.fixture.ts';
import { errorFrom } from './graph.fixture.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await Desk.open();
});

afterEach(() => desk.close());

const weekly = (count: number) => ({ recurrence: [`RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=MO;COUNT=${count}`] });
const secondMonday = at('2026-11-30T09:00:00Z');
const outlookTime = (dateTime: string) => ({ dateTime, timeZone: 'W. Europe Standard Time' });
const inOutlook = {
  subject: 'standup',
  body: { contentType: 'html', content: '<p>bring <b>biscuits</b></p>' },
  location: { displayName: 'Aquarium', locationType: 'conferenceRoom' },
  start: outlookTime('2026-11-23T10:00:00'),
  end: outlookTime('2026-11-23T11:00:00'),
  attendees: [
    {
      type: 'required',
      status: { response: 'accepted' },
      emailAddress: { address: 'eve@example.com', name: 'Eve' },
    },
  ],
  categories: ['red'],
  reminderMinutesBeforeStart: 5,
};

/** What a write changes by itself. */
const versions = ['@odata.etag', 'changeKey', 'lastModifiedDateTime'];

describe('a change', () => {
  it.each<[EventPatch, Record<string, unknown>]>([
    [{ summary: 'retro' }, { subject: 'retro' }],
    [{ summary: null }, { subject: '' }],
    [{ location: 'Tank' }, { location: { displayName: 'Tank' }, locations: [{ displayName: 'Tank' }] }],
    [{ location: null }, { location: { displayName: '', locationType: 'default' }, locations: [] }],
    [{ visibility: 'private' }, { sensitivity: 'private' }],
    [{ transparency: 'transparent' }, { showAs: 'free' }],
    [
      { start: at('2026-11-24T09:00:00Z'), end: at('2026-11-24T10:30:00Z') },
      {
        start: { dateTime: '2026-11-24T09:00:00.0000000', timeZone: 'UTC' },
        end: { dateTime: '2026-11-24T10:30:00.0000000', timeZone: 'UTC' },
      },
    ],
  ])('%j changes %j', async (patch, shown) => {
    const known = await desk.plant(inOutlook);
    const before = desk.shown(known.providerEventId);
    const event = await desk.update(known, patch);
    expect(event.fields).toMatchObject(patch);
    await desk.expectEcho(event);
    const after = desk.shown(known.providerEventId);
    const changed = Object.keys(after).filter(
      (name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]),
    );
    expect(changed.filter((name) => !versions.includes(name)).sort()).toEqual(Object.keys(shown).sort());
    expect(after).toMatchObject(shown);
  });

  it('of the text replaces it, and none clears it', async () => {
    const known = await desk.plant(inOutlook);
    const written = await desk.update(known, { description: 'no biscuits\n<today>' });
    expect(written.fields.description).toBe('no biscuits\n<today>');
    await desk.expectEcho(written);
    expect((await desk.update(written, { description: null })).fields.description).toBeNull();
  });

  it('of the guests keeps the answers of those who stay', async () => {
    const known = await desk.plant(inOutlook);
    const [eve] = known.fields.attendees;
    const attendees = [guest('sam@example.com', { response: 'accepted' }), ...(eve ? [eve] : [])];
    const event = await desk.update(known, { attendees });
    expect(event.fields.attendees.map(({ email, response }) => [email, response])).toEqual([
      ['sam@example.com', 'needs_action'],
      ['eve@example.com', 'accepted'],
    ]);
    expect((await desk.update(event, { attendees: [] })).fields.attendees).toEqual([]);
  });

  it.each(['oof', 'tentative'])('keeps "%s", which is busy already, and makes it free', async (showAs) => {
    const known = await desk.plant({ ...inOutlook, showAs });
    const busy = await desk.update(known, { transparency: 'opaque', summary: 'retro' });
    expect(desk.shown(known.providerEventId)).toMatchObject({ showAs, subject: 'retro' });
    await desk.update(busy, { transparency: 'transparent' });
    expect(desk.shown(known.providerEventId)).toMatchObject({ showAs: 'free' });
  });

  it('keeps "workingElsewhere" and "personal", which read as what is wanted', async () => {
    const known = await desk.plant({ ...inOutlook, showAs: 'workingElsewhere', sensitivity: 'personal' });
    const { visibility, transparency } = known.fields;
    expect([visibility, transparency]).toEqual(['private', 'transparent']);
    await desk.update(known, { visibility, transparency });
    expect(desk.shown(known.providerEventId)).toMatchObject({
      showAs: 'workingElsewhere',
      sensitivity: 'personal',
    });
  });

  it('turns whole days into times and back', async () => {
    const known = await desk.create();
    const days = await desk.update(known, { start: day('2026-11-23'), end: day('2026-11-25') });
    expect(days.fields).toMatchObject({ start: day('2026-11-23'), end: day('2026-11-25') });
    const { start, end } = known.fields;
    const timed = await desk.update(days, { start, end });
    expect(timed.fields).toMatchObject({ start, end });
    await desk.expectEcho(timed);
  });

  it('that says what is there already costs no write', async () => {
    const known = await desk.plant({ ...inOutlook, isOnlineMeeting: true });
    const { description, status } = known.fields;
    const event = await desk.update(known, { description, status });
    expect({ ...event, raw: null }).toEqual({ ...known, raw: null });
    expect(desk.sandbox.usage.report().byOperation['graph.event.update']).toBeUndefined();
  });

  it('of an online meeting leaves its link alone, and refuses to touch the text that holds it', async () => {
    const known = await desk.plant({ ...inOutlook, isOnlineMeeting: true });
    const { meetingUrl } = known.fields;
    const event = await desk.update(known, { summary: 'retro', location: null });
    expect(event.fields).toMatchObject({ summary: 'retro', meetingUrl });
    const refused = await errorFrom(desk.update(event, { description: 'new', summary: 'new' }));
    expect(refused.code).toBe('request_rejected');
    expect((await desk.read(known.providerEventId)).fields).toEqual(event.fields);
  });

  it.each<[string, Partial<WritableFields>]>([
    ['tentative', { status: 'tentative' }],
    ['cancelled', { status: 'cancelled' }],
    ['hourly', { recurrence: ['RRULE:FREQ=HOURLY'] }],
  ])('to %s is refused without a request', async (_, patch) => {
    const known = await desk.create();
    const before = desk.requests;
    expect((await errorFrom(desk.update(known, patch))).code).toBe('request_rejected');
    expect(desk.requests).toBe(before);
  });

  it('of a meeting that was called off does not call it on again', async () => {
    const known = await desk.plant({
      ...inOutlook,
      organizer: { emailAddress: { address: 'eve@example.com' } },
    });
    desk.calendar.cancelByOrganiser(known.providerEventId);
    const cancelled = await desk.read(known.providerEventId);
    const error = await errorFrom(desk.update(cancelled, { status: 'confirmed' }));
    expect(error.code).toBe('request_rejected');
  });
});

describe('the version', () => {
  const patches: EventPatch[] = [{ summary: 'retro' }, { transparency: 'transparent' }];

  it.each(patches)('must be the known one: %j', async (patch) => {
    const known = await desk.create();
    desk.calendar.patch(known.providerEventId, { subject: 'changed' });
    expect((await errorFrom(desk.update(known, patch))).code).toBe('version_conflict');
    expect((await desk.read(known.providerEventId)).fields).toMatchObject({
      summary: 'changed',
      transparency: 'opaque',
    });
    expect((await desk.update(await desk.read(known.providerEventId), patch)).fields).toMatchObject(patch);
  });

  it.each([409, 412] as const)(
    'is in doubt when Graph says %i out of nowhere',
    async (spuriousConflictStatus) => {
      const known = await desk.create();
      desk.sandbox.microsoft.setQuirks({ spuriousConflictRate: 1, spuriousConflictStatus });
      const { providerEventId, providerVersion } = known;
      expect((await errorFrom(desk.update(known, { summary: 'retro' }))).code).toBe('version_conflict');
      expect((await errorFrom(desk.delete({ providerEventId }, providerVersion))).code).toBe(
        'version_conflict',
      );
      expect({ ...(await desk.read(providerEventId)), raw: null }).toEqual({ ...known, raw: null });
    },
  );

  it('has moved on when a change was made and its answer lost', async () => {
    const known = await desk.create();
    desk.sandbox.faults.add({ operation: 'graph.event.update', effect: { kind: 'torn_body' } });
    const lost = await errorFrom(desk.update(known, { summary: 'retro' }));
    const again = await errorFrom(desk.update(known, { summary: 'retro' }));
    expect([lost.code, again.code]).toEqual(['provider_unavailable', 'version_conflict']);
  });

  it('is nothing where the event is gone, or in another calendar', async () => {
    const [one, two] = [await desk.create({}, 'write-1'), await desk.create({}, 'write-2')];
    desk.calendar.delete(one.providerEventId);
    desk.calendar.moveTo(two.providerEventId, desk.ada.createCalendar());
    for (const known of [one, two])
      for (const patch of patches)
        expect((await errorFrom(desk.update(known, patch))).code).toBe('remote_missing');
  });
});

const slotsOf = async (series: RemoteEvent): Promise<string[]> =>
  (await desk.readItems([], [series.providerEventId]))
    .flatMap((item) => (item.type === 'instance' ? [item.slot] : []))
    .sort();

describe('a series', () => {
  it('ends earlier, with its occurrences and exceptions as they are', async () => {
    const series = await desk.create(weekly(5));
    await desk.updateSlot(series, secondMonday, { summary: 'moved' });
    const known = await desk.read(series.providerEventId);
    const recurrence = ['RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=MO;UNTIL=20261207T225959Z'];
    const event = await desk.update(known, { recurrence });
    expect(event.fields.recurrence).toEqual(recurrence);
    await desk.expectEcho(event);
    expect(await slotsOf(series)).toEqual(['20261123T090000Z', '20261207T090000Z']);
    const exceptions = (await desk.list()).filter((item) => item.type === 'event' && item.event.exceptionOf);
    expect(exceptions).toMatchObject([{ event: { fields: { summary: 'moved' } } }]);
  });

  it('moves with its start, in the zone that it has', async () => {
    const series = await desk.create(weekly(20));
    const [start, end] = [at('2026-11-30T10:00:00Z'), at('2026-11-30T11:00:00Z')];
    const event = await desk.update(series, { start, end });
    expect(event.fields).toMatchObject({ start, end, recurrence: series.fields.recurrence });
    await desk.expectEcho(event);
    const slots = await slotsOf(series);
    // From April on, Berlin's clocks are another hour ahead.
    expect([slots[0], slots.at(-1), slots.length]).toEqual(['20261130T100000Z', '20270412T090000Z', 20]);
  });

  it('follows the clocks of another zone, and goes on to when only its hour changes', async () => {
    const series = await desk.create(weekly(20));
    const NEW_YORK = 'America/New_York';
    const there = (from: string, to: string) => ({ start: at(from, NEW_YORK), end: at(to, NEW_YORK) });
    const moved = await desk.update(series, there('2026-11-23T14:00:00Z', '2026-11-23T15:00:00Z'));
    expect(moved.fields).toMatchObject(there('2026-11-23T14:00:00Z', '2026-11-23T15:00:00Z'));
    await desk.expectEcho(moved);
    const later = await desk.update(moved, there('2026-11-23T15:00:00Z', '2026-11-23T16:00:00Z'));
    expect(later.fields.recurrence).toEqual(series.fields.recurrence);
    // New York's clocks change on 14 March 2027, Berlin's two weeks later.
    expect(await slotsOf(series)).toEqual(expect.arrayContaining(['20270308T150000Z', '20270315T140000Z']));
  });

  it('does not move to a day that its rule does not have', async () => {
    const series = await desk.create(weekly(4));
    const [start, end] = [at('2026-11-24T09:00:00Z'), at('2026-11-24T10:00:00Z')];
    expect((await errorFrom(desk.update(series, { start, end }))).code).toBe('request_rejected');
    const recurrence = ['RRULE:FREQ=WEEKLY;BYDAY=TU;WKST=MO;COUNT=4'];
    await desk.update(series, { start, end, recurrence });
    expect((await slotsOf(series))[0]).toBe('20261124T090000Z');
  });

  it('becomes a single event, and a single event a series', async () => {
    const series = await desk.create(weekly(4));
    const single = await desk.update(series, { recurrence: [] });
    expect([single.kind, single.fields.recurrence]).toEqual(['single', []]);
    expect(await desk.update(single, weekly(3))).toMatchObject({ kind: 'series', fields: weekly(3) });
  });
});

describe('an occurrence', () => {
  it('becomes an exception of its own, in its slot', async () => {
    const series = await desk.create(weekly(4));
    const patch = { summary: 'moved', start: at('2026-12-01T15:00:00Z'), end: at('2026-12-01T16:00:00Z') };
    const event = await desk.updateSlot(series, secondMonday, patch);
    expect(event).toMatchObject({
      kind: 'exception',
      exceptionOf: { providerSeriesId: series.providerEventId, slot: '20261130T090000Z' },
      fields: { ...patch, recurrence: [] },
    });
    await desk.expectEcho(event);
    const later = await desk.update(event, { location: 'Tank' });
    expect(later.fields).toMatchObject({ ...patch, location: 'Tank' });
    await desk.expectEcho(later);
  });

  it('of an all-day series is found by its day, wherever midnight is', async () => {
    for (const timeZone of ['Pacific/Auckland', 'America/Los_Angeles']) {
      const days = {
        recurrence: ['RRULE:FREQ=DAILY;COUNT=5'],
        start: day('2026-11-23'),
        end: day('2026-11-24'),
      };
      const where = { ...desk.where(), calendarTimeZone: timeZone };
      const item = await desk.provider().createEvent(desk.session(), {
        ...where,
        writeId: timeZone,
        fields: fieldsOf(days),
      });
      if (item.type !== 'event') throw new Error(item.type);
      const event = await desk.updateSlot(item.event, day('2026-11-25'), { summary: 'changed' });
      expect(event).toMatchObject({
        exceptionOf: { slot: '20261125' },
        fields: { summary: 'changed', start: day('2026-11-25'), end: day('2026-11-26') },
      });
    }
  });

  it('is made an event of its own even when nothing in it changes', async () => {
    const series = await desk.create(weekly(4));
    const event = await desk.updateSlot(series, secondMonday, { status: 'confirmed' });
    expect(event).toMatchObject({ kind: 'exception', fields: { summary: 'standup', start: secondMonday } });
  });

  it('that somebody changed meanwhile is in conflict, however far they moved it', async () => {
    const series = await desk.create({ recurrence: ['RRULE:FREQ=MONTHLY;COUNT=6'] });
    const december = at('2026-12-23T09:00:00Z');
    for (const change of [
      { subject: 'changed' },
      { start: outlookTime('2027-01-20T10:00:00'), end: outlookTime('2027-01-20T11:00:00') },
    ]) {
      desk.calendar.patchOccurrence(series.providerEventId, '2026-12-23', change);
      const error = await errorFrom(desk.updateSlot(series, december, { summary: 'mine' }));
      expect(error.code).toBe('version_conflict');
    }
  });

  it('that was deleted, or is none, or whose series is gone, is missing', async () => {
    const series = await desk.create(weekly(4));
    desk.calendar.deleteOccurrence(series.providerEventId, '2026-11-30');
    const write = (slot = secondMonday) => errorFrom(desk.updateSlot(series, slot, { summary: 'mine' }));
    expect((await write()).code).toBe('remote_missing');
    expect((await write(at('2026-12-07T10:00:00Z'))).code).toBe('remote_missing');
    const single = await desk.update(await desk.read(series.providerEventId), { recurrence: [] });
    expect((await write()).code).toBe('remote_missing');
    desk.calendar.delete(single.providerEventId);
    expect((await write()).code).toBe('remote_missing');
  });

  it('does not pass its neighbours, and recurs no further', async () => {
    const series = await desk.create(weekly(4));
    const move = { start: at('2026-12-08T09:00:00Z'), end: at('2026-12-08T10:00:00Z') };
    expect(await errorFrom(desk.updateSlot(series, secondMonday, move))).toMatchObject({
      code: 'request_rejected',
      context: { reason: 'ErrorOccurrenceCrossingBoundary' },
    });
    const recurs = await errorFrom(desk.updateSlot(series, secondMonday, weekly(2)));
    expect(recurs.code).toBe('request_rejected');
  });
});
