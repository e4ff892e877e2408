/** Habits of Graph that no other provider has, against the sandbox that has them all. */
import {
  startSandbox,
  type MicrosoftCalendarOwner,
  type MicrosoftQuirkChanges,
  type Sandbox,
} from '@calfleet/sandbox';
import type { ChangesRequest, ProviderSession, RemoteItem } from '@calfleet/domain';
import { clock, errorFrom, typesOf } from './graph.fixture.ts';
import { Outlook } from './outlook.fixture.ts';
import { createMicrosoftProvider } from './provider.ts';
import { openReceiver, type Receiver } from './receiver.fixture.ts';

const window = { start: '2026-10-01T00:00:00Z', end: '2027-11-01T00:00:00Z' };

let sandbox: Sandbox;
let outlook: Outlook;
let calendar: MicrosoftCalendarOwner;

beforeEach(async () => {
  sandbox = await startSandbox({ time: { realNow: () => clock.now().getTime() } });
  outlook = new Outlook(sandbox.microsoft);
  calendar = outlook.calendar(outlook.createCalendar({}));
});

afterEach(() => sandbox.close());

const provider = () =>
  createMicrosoftProvider({ rootUrl: sandbox.microsoftRootUrl, timeoutMs: 5_000, clock });

const session = (): ProviderSession => {
  const token = outlook.ada.accessToken();
  return { accountId: 'account', accessToken: async () => token };
};

const behave = (quirks: MicrosoftQuirkChanges) => sandbox.microsoft.setQuirks(quirks);

async function round(
  changes: Partial<ChangesRequest> = {},
): Promise<{ items: RemoteItem[]; cursor: string }> {
  const items: RemoteItem[] = [];
  let pageCursor: string | null = null;
  for (let pages = 0; pages < 50; pages += 1) {
    const request = {
      providerCalendarId: calendar.id,
      cursor: null,
      window,
      pageSize: 100,
      calendarTimeZone: null,
    };
    const page = await provider().listChanges(session(), { ...request, ...changes, pageCursor });
    items.push(...page.items);
    if (page.nextCursor !== null) return { items, cursor: page.nextCursor };
    pageCursor = page.nextPageCursor;
  }
  throw new Error('the round does not end');
}

const read = (events: string[], series: string[] = []) =>
  provider().readEvents(session(), {
    providerCalendarId: calendar.id,
    events,
    series,
    window,
    calendarTimeZone: null,
  });

const at = (dateTime: string) => ({ dateTime, timeZone: 'W. Europe Standard Time' });

const meeting = (subject = 'meeting') => ({
  subject,
  start: at('2026-11-23T10:00:00'),
  end: at('2026-11-23T11:00:00'),
});

const daily = (numberOfOccurrences: number) => ({
  ...meeting('daily'),
  recurrence: {
    pattern: { type: 'daily', interval: 1 },
    range: { type: 'numbered', startDate: '2026-11-23', numberOfOccurrences },
  },
});

const idsOf = (items: readonly RemoteItem[]) =>
  items.map((item) => (item.type === 'event' ? item.event.providerEventId : item.providerEventId));

it('takes a move to another calendar for gone here and new there, under the same id', async () => {
  const other = outlook.calendar(outlook.createCalendar({}));
  const { id } = calendar.create(meeting());
  const { cursor } = await round();
  calendar.moveTo(id, other);
  expect((await round({ cursor })).items).toEqual([{ type: 'absent', providerEventId: id }]);
  expect(await read([id])).toMatchObject([{ type: 'deleted', providerEventId: id }]);
  calendar = other;
  expect(idsOf((await round()).items)).toEqual([id]);
});

it('says deleted of what still lies in Deleted Items', async () => {
  behave({ deletedItemsResolve: true });
  const { id } = calendar.create(meeting());
  calendar.delete(id);
  expect(await read([id])).toMatchObject([{ type: 'deleted' }]);
});

it('keeps a meeting that its organiser called off, as cancelled', async () => {
  const { id } = calendar.create({
    ...meeting(),
    organizer: { emailAddress: { address: 'eve@example.com' } },
  });
  calendar.cancelByOrganiser(id);
  expect((await round()).items).toMatchObject([
    { event: { fields: { status: 'cancelled', organizer: { email: 'eve@example.com', self: false } } } },
  ]);
});

it('brings the series along on each of the pages over which its instances are spread', async () => {
  behave({ seriesEmission: 'split', deltaMasters: 'absent' });
  const { id } = calendar.create(daily(30));
  const { items } = await round({ pageSize: 10 });
  expect(new Set(idsOf(items)).size).toBe(31);
  expect(items.filter((item) => item.type === 'event').map((item) => item.event.providerEventId)).toContain(
    id,
  );
});

it('shows the change of one occurrence with its series', async () => {
  behave({ seriesEmission: 'changed', deltaExceptions: 'partial', deltaMasters: 'absent' });
  const { id } = calendar.create(daily(10));
  const { cursor } = await round();
  calendar.patchOccurrence(id, '2026-11-25', { subject: 'changed' });
  const events = (await round({ cursor })).items.flatMap((item) =>
    item.type === 'event' ? [item.event] : [],
  );
  expect(events.map(({ kind, fields }) => [kind, fields.summary]).sort()).toEqual([
    ['exception', 'changed'],
    ['series', 'daily'],
  ]);
});

it.each(['master', 'instances', 'both'] as const)(
  'asks about a series whose removal names %s',
  async (removedSeries) => {
    behave({ removedSeries });
    const { id } = calendar.create(daily(3));
    const { cursor } = await round();
    calendar.delete(id);
    const { items } = await round({ cursor });
    expect(new Set(typesOf(items))).toEqual(new Set(['absent']));
    expect(await read([], [id])).toMatchObject([{ type: 'deleted' }]);
  },
);

it('reads a page that is larger than what it asked for', async () => {
  calendar.create(daily(400));
  const { items } = await round({ pageSize: 10 });
  expect(items.filter(({ type }) => type === 'instance').length).toBeGreaterThan(300);
});

it.each([false, true])('follows links in both forms (long: %p)', async (longLinks) => {
  behave({ longLinks });
  calendar.createMany(Array.from({ length: 7 }, (_, n) => meeting(`meeting ${n}`)));
  const { items, cursor } = await round({ pageSize: 3 });
  expect(items).toHaveLength(7);
  expect((await round({ cursor })).items).toEqual([]);
});

it.each(['instant', 'midnight'] as const)(
  'reads the day of an all-day exception (original start: %s)',
  async (allDayOriginalStart) => {
    behave({ allDayOriginalStart, deltaExceptions: 'partial' });
    const zone = (dateTime: string) => ({ dateTime, timeZone: 'New Zealand Standard Time' });
    const { id } = calendar.create({
      ...daily(5),
      isAllDay: true,
      start: zone('2026-11-23T00:00:00'),
      end: zone('2026-11-24T00:00:00'),
    });
    calendar.patchOccurrence(id, '2026-11-25', { subject: 'changed' });
    const exceptions = (await round()).items.flatMap((item) =>
      item.type === 'event' && item.event.exceptionOf ? [item.event.exceptionOf.slot] : [],
    );
    expect(exceptions).toEqual(['20261125']);
  },
);

it('hides what a private event of somebody else says, and nothing more', async () => {
  const bob = sandbox.microsoft.mailbox('bob@example.com');
  const shared = bob.createCalendar();
  shared.create({ ...meeting('secret'), sensitivity: 'private' });
  calendar = bob.share(shared, outlook.ada);
  expect((await round()).items).toMatchObject([
    { event: { fields: { summary: 'Private Appointment', visibility: 'private' } } },
  ]);
  const { calendars } = await provider().listCalendars(session(), { pageCursor: null });
  expect(calendars.find(({ providerCalendarId }) => providerCalendarId === calendar.id)?.accessRole).toBe(
    'reader',
  );
});

it('lists calendars over several pages, with one mailbox and its zone', async () => {
  behave({ calendarPageSize: 2 });
  outlook.ada.setTimeZone('India Standard Time');
  const page = await provider().listCalendars(session(), { pageCursor: null });
  expect(page.mailbox).toEqual({ id: outlook.ada.oid, email: 'ada@example.com' });
  expect(page.calendars.map(({ primary, timeZone }) => [primary, timeZone])).toEqual([
    [true, 'Asia/Calcutta'],
    [false, 'Asia/Calcutta'],
  ]);
});

it('says permission_denied of a mailbox that Graph cannot reach', async () => {
  outlook.ada.setRestEnabled(false);
  expect((await errorFrom(round())).code).toBe('permission_denied');
  expect((await errorFrom(provider().listCalendars(session(), { pageCursor: null }))).code).toBe(
    'permission_denied',
  );
});

describe('subscriptions', () => {
  let receiver: Receiver;

  beforeEach(async () => {
    receiver = await openReceiver();
  });

  afterEach(() => receiver.close());

  const watch = (token: string, address = `${receiver.url}?calendar=1`) =>
    provider().watch(session(), {
      providerCalendarId: calendar.id,
      watchId: 'watch',
      address,
      token,
      expiresAt: '2027-01-01T00:00:00Z',
    });

  const living = () => sandbox.microsoft.subscriptions.report().filter(({ state }) => state === 'active');

  it('live for as long as Graph lets them, with ids that survive a move', async () => {
    const { expiresAt } = await watch('first');
    expect(expiresAt).toBe('2026-11-27T10:40:00Z');
    expect(living()).toMatchObject([{ immutableIds: true, changeType: 'created,updated,deleted' }]);
  });

  it('replace one whose answer was lost, at the same address', async () => {
    sandbox.faults.add({ operation: 'graph.subscription.create', effect: { kind: 'drop_after' } });
    expect((await errorFrom(watch('first'))).code).toBe('provider_unavailable');
    const { resourceId } = await watch('second');
    expect(living().map(({ id }) => id)).toEqual([resourceId]);
    calendar.create(meeting());
    await sandbox.microsoft.notifications.settled();
    expect(new Set(receiver.arrived.map(({ token }) => token))).toEqual(new Set(['second']));
  });

  it('leave one of another house alone', async () => {
    await watch('theirs', `${receiver.url}?calendar=2`);
    expect((await errorFrom(watch('ours'))).code).toBe('push_not_supported');
    expect(living()).toHaveLength(1);
  });

  it('come again after a mailbox that was being moved', async () => {
    behave({ subscriptionUnavailableRate: 1 });
    expect((await errorFrom(watch('first'))).code).toBe('provider_unavailable');
  });
});
