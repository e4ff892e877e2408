/**
 * Graph's subscriptions and notifications, fact by fact: what is asked for, what each lifecycle event leads to, request
 * by request, and that a mirror owes nothing to any notification.
 */
import { ensureWatch, pullCalendar, receiveNotification, discoverAccount } from '@calfleet/sync';
import type { AccountId, CalendarId, WatchId } from '@calfleet/domain';
import type { NotificationEvent } from '@calfleet/jobs';
import type { MicrosoftQuirkChanges } from '@calfleet/sandbox';
import { dayMs, GraphScene, meeting, minuteMs } from './graph-scene.ts';

let scene: GraphScene;

beforeAll(async () => {
  scene = await GraphScene.open();
});

afterAll(() => scene.close());

beforeEach(() => scene.world.begin());

const quirks = (changes: MicrosoftQuirkChanges) => scene.world.sandbox.microsoft.setQuirks(changes);
const subscriptions = () => scene.world.sandbox.microsoft.subscriptions.report();
const living = () => subscriptions().filter(({ state }) => state === 'active' || state === 'paused');
const minutesFromNow = (instant: string | Date | undefined): number =>
  (new Date(instant ?? 0).getTime() - scene.world.clock.now().getTime()) / minuteMs;

interface Channel {
  id: WatchId;
  state: string;
  resource_id: string;
  expires_at: Date;
}

/** Oldest first. */
const channels = (): Promise<Channel[]> =>
  scene.rows<Channel>(
    `select id, state, resource_id, expires_at from calendar_sync_channels
      where calendar_id = $1::uuid order by created_at, id`,
  );

/** What ingress hands on of a notification. */
async function told(event: NotificationEvent): Promise<void> {
  const [channel] = (await channels()).slice(-1);
  if (!channel) throw new Error('There is no channel.');
  const { id: watchId, resource_id: resourceId, expires_at: expiresAt } = channel;
  const receivedAt = scene.world.clock.now();
  await receiveNotification(scene.world.deps, { watchId, event, resourceId, expiresAt, receivedAt });
}

/** Carries everything that Graph has told up to now, each so many times. */
async function carryAll(copies: number): Promise<void> {
  const waiting = scene.world.sandbox.microsoft.notifications.list().length;
  for (let letter = 0; letter < waiting; letter += 1) await scene.world.deliver({ nth: 0, copies });
}

/** Pulls that wait are dropped. */
function keepWatchWork(): void {
  const { jobs } = scene.world;
  jobs.splice(0, jobs.length, ...jobs.filter(({ name }) => name === 'ensure-watch'));
}

interface CalendarRow {
  id: CalendarId;
  account_id: AccountId;
  state: string;
  coverage: string;
  next_pull_at: Date | null;
}
const calendarRow = async (id: CalendarId): Promise<CalendarRow | undefined> => {
  const [row] = await scene.rows<CalendarRow>(
    `select id, account_id, state, coverage, next_pull_at from calendars where id = $1::uuid`,
    id,
  );
  return row;
};

/** The row of another calendar of the same account, put to use. */
async function activated(providerCalendarId: string): Promise<CalendarId> {
  const { db } = scene.world;
  const [row] = await db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ id: CalendarId }[]>`
      update calendars set active = true where provider_calendar_id = ${providerCalendarId} returning id`,
  );
  if (!row) throw new Error('The calendar was not discovered.');
  return row.id;
}

describe('fact 7: a subscription may live 10,070 minutes, whatever the documentation says', () => {
  /** A subscription of the sandbox' own, so that Graph's answer is seen. */
  async function subscribe(minutes: number): Promise<number> {
    const { sandbox, clock, deps } = scene.world;
    const expirationDateTime = new Date(clock.now().getTime() + minutes * minuteMs).toISOString();
    const { ingressUrl: notificationUrl } = deps.settings;
    const body = { changeType: 'updated', resource: 'me/events', notificationUrl, expirationDateTime };
    const answer = await fetch(`${sandbox.microsoftRootUrl}/subscriptions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${scene.mailbox.accessToken()}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return answer.status;
  }

  test('10,080 are refused; we ask for 10,000', async () => {
    expect(await subscribe(10_080)).toBe(400);
    await scene.mirror();
    expect(living().map(({ expiresAt }) => minutesFromNow(expiresAt))).toEqual([10_000]);
    expect((await channels()).map((channel) => minutesFromNow(channel.expires_at))).toEqual([10_000]);
  });

  test('a service that still allows 4,230 alone gets a shorter wish, at the renewal, too', async () => {
    quirks({ subscriptionMinutesMax: 4_230, tokenCoupling: false, reauthorizeBeforeExpiryMs: null });
    await scene.mirror();
    expect(living().map(({ expiresAt }) => minutesFromNow(expiresAt))).toEqual([4_200]);
    expect(await drained(4_150)).toMatchObject({ 'graph.subscription.update': 2 });
    expect(living().map(({ expiresAt }) => minutesFromNow(expiresAt))).toEqual([4_200]);
  });

  test('the expiry that comes back is the one that counts', async () => {
    quirks({ subscriptionMinutesMin: 10_030 });
    await scene.mirror();
    expect((await channels()).map((channel) => minutesFromNow(channel.expires_at))).toEqual([10_030]);
  });

  test('over five weeks it is prolonged within its last hour, by one request each time, and never replaced', async () => {
    quirks({ tokenCoupling: false, reauthorizeBeforeExpiryMs: null });
    await scene.mirror();
    for (let life = 0; life < 5; life += 1) {
      expect(await drained(9_930)).toEqual({});
      // The access token is long over.
      expect(await drained(20)).toEqual({ 'login.token': 1, 'graph.subscription.update': 1 });
      expect(living().map(({ expiresAt }) => minutesFromNow(expiresAt))).toEqual([10_000]);
    }
    expect(await channels()).toHaveLength(1);
  });

  /** Time passes; of what is planned, only the work on subscriptions is done. */
  async function drained(minutes: number): Promise<Record<string, number>> {
    scene.world.clock.advance(minutes * minuteMs);
    await scene.world.tick();
    keepWatchWork();
    return scene.asked(() => scene.work());
  }
});

describe('fact 8: me/events speaks of the default calendar alone', () => {
  test('each calendar has its own subscription, and a secondary one is heard', async () => {
    await scene.mirror();
    const { other } = scene.world.owner;
    const otherId = await activated(other.id);
    expect(await ensureWatch(scene.world.deps, otherId)).toBe('watched');
    expect(living().map(({ resource }) => resource)).toEqual([
      `/me/calendars/${scene.calendar.id}/events`,
      `/me/calendars/${other.id}/events`,
    ]);
    await pullCalendar(scene.world.deps, wish(otherId, 'backfill'), new AbortController().signal);
    const dirt = async () =>
      (
        await scene.rows<{ dirty: boolean }>(
          'select dirty_seq > synced_seq as dirty from calendars where id = $1::uuid',
          otherId,
        )
      )[0]?.dirty;
    expect(await dirt()).toBe(false);
    other.create(meeting('elsewhere', 3));
    await carryAll(1);
    expect(await dirt()).toBe(true);
  });

  const wish = (calendarId: CalendarId, reason: 'backfill') => ({
    calendarId,
    reason,
    requestedAt: scene.world.clock.now(),
  });
});

describe('fact 9: calendars that others share cannot be subscribed to', () => {
  test('they are polled, healthy, and nobody asks for a subscription again', async () => {
    await scene.mirror();
    const { sandbox, deps, clock, calendarId } = scene.world;
    const mia = sandbox.microsoft.createMailbox({ email: 'mia@example.test', calendars: [{ name: 'Team' }] });
    const team = mia.calendar('Team');
    team.create(meeting('shared', 3));
    const shared = mia.share(team, scene.mailbox);
    const own = await calendarRow(calendarId);
    if (own) await discoverAccount(deps, own.account_id);
    const sharedId = await activated(shared.id);

    expect(await ensureWatch(deps, sharedId)).toBe('not_watchable');
    const request = { calendarId: sharedId, reason: 'backfill' as const, requestedAt: clock.now() };
    expect(await pullCalendar(deps, request, new AbortController().signal)).toBe('pulled');
    const row = await calendarRow(sharedId);
    expect(row).toMatchObject({ state: 'active', coverage: 'poll' });
    // The beat stays: it does not stretch as it does for calendars that are heard.
    expect(minutesFromNow(row?.next_pull_at ?? undefined)).toBe(18);
    expect(await scene.asked(() => ensureWatch(deps, sharedId))).toEqual({});
    clock.advance(dayMs);
    scene.world.jobs.length = 0;
    await scene.world.tick();
    const wishes = scene.world.jobs.filter(({ payload }) => JSON.stringify(payload).includes(sharedId));
    expect(wishes.map(({ name }) => name)).toEqual(['pull-calendar']);
    await pullCalendar(deps, { ...request, reason: 'schedule' }, new AbortController().signal);
    expect(minutesFromNow((await calendarRow(sharedId))?.next_pull_at ?? undefined)).toBe(18);
  });
});

describe('fact 10: notifications are hints', () => {
  test('one change told four times, each twice, is one pull and one word in the feed', async () => {
    quirks({ notificationsPerChangeMin: 4, notificationsPerChangeMax: 4 });
    await scene.mirror();
    await scene.listen();
    scene.calendar.create(meeting('told often', 3));
    await carryAll(2);
    expect(await scene.asked(() => scene.work())).toEqual({ 'graph.delta': 1 });
    expect(await scene.feed()).toEqual(['created told often']);
  });

  const lags = [
    { lagMs: 1_000, looks: [2_000] },
    { lagMs: 20_000, looks: [2_000, 30_000] },
    { lagMs: 150_000, looks: [2_000, 30_000, 180_000] },
  ];
  test.each(lags)('told $lagMs ms before the list knows it: looked for again, and found', async (early) => {
    await scene.mirror();
    await scene.listen();
    scene.world.clock.advance(minuteMs);
    quirks({ deltaLagMs: early.lagMs });
    scene.calendar.create(meeting('early', 3));
    await carryAll(1);
    await scene.work();
    expect(await scene.feed()).toEqual([]);
    for (const waitMs of early.looks) {
      expect(await scene.feed()).toEqual([]);
      // A tick a little too early asks nothing.
      scene.world.clock.advance(waitMs - 100);
      await scene.world.tick();
      expect(await scene.asked(() => scene.work())).toEqual({});
      scene.world.clock.advance(100);
      await scene.world.tick();
      expect(await scene.asked(() => scene.work())).toEqual({ 'graph.delta': 1 });
    }
    expect(await scene.feed()).toEqual(['created early']);
    // Something was found: it may not be all that was told. Two more looks at most, then it is quiet.
    const more = await scene.asked(async () => {
      for (let minute = 0; minute < 10; minute += 1) await scene.pass(1);
    });
    expect(more['graph.delta'] ?? 0).toBeLessThanOrEqual(2);
    expect(await scene.feed()).toEqual(['created early']);
  });

  test('told too late: a look of our own was there before, and nothing is told twice', async () => {
    await scene.mirror();
    await scene.listen();
    scene.calendar.create(meeting('late', 3));
    await scene.pass(25);
    expect(await scene.feed()).toEqual(['created late']);
    await carryAll(1);
    await scene.work();
    expect(await scene.feed()).toEqual(['created late']);
    await scene.expectExact();
  });

  test('lost: found with the next beat, and in a calendar that was quiet for weeks within six hours', async () => {
    quirks({ notificationLostRate: 1 });
    await scene.mirror();
    await scene.listen();
    scene.calendar.create(meeting('unheard', 3));
    await scene.pass(20);
    expect(await scene.feed()).toEqual(['created unheard']);
    for (let hours = 0; hours < 72; hours += 6) await scene.pass(6 * 60 + 1);
    scene.calendar.create(meeting('unheard again', 3));
    const changedAt = scene.world.clock.now().getTime();
    while ((await scene.feed()).length < 2) {
      await scene.pass(20);
      expect(scene.world.clock.now().getTime() - changedAt).toBeLessThanOrEqual(6.5 * 60 * minuteMs);
    }
    await scene.expectExact();
  });
});

describe('lesson 10: each lifecycle event leads to exactly its request', () => {
  test('reauthorizationRequired: one PATCH, which prolongs and hands over a new token; nothing is pulled', async () => {
    await scene.mirror();
    scene.world.clock.advance(50 * minuteMs);
    const [before] = living();
    await told('reauthorization_required');
    expect(await scene.asked(() => scene.work())).toEqual({
      'login.token': 1,
      'graph.subscription.update': 1,
    });
    const [after] = living();
    expect(after?.id).toBe(before?.id);
    expect(minutesFromNow(after?.expiresAt)).toBe(10_000);
    expect(minutesFromNow(after?.tokenExpiresAt)).toBe(60);
    expect((await channels()).map((channel) => minutesFromNow(channel.expires_at))).toEqual([10_000]);
  });

  test('subscriptionRemoved: a new subscription and a pull; the old one is not asked for', async () => {
    await scene.mirror();
    await scene.listen();
    scene.world.sandbox.microsoft.subscriptions.sendLifecycle(scene.calendar.id, 'subscriptionRemoved');
    expect(living()).toEqual([]);
    scene.calendar.create(meeting('unheard', 3));
    await told('subscription_removed');
    expect(await scene.asked(() => scene.work())).toEqual({
      'graph.subscription.create': 1,
      'graph.delta': 1,
    });
    expect(await scene.feed()).toEqual(['created unheard']);
    expect(living()).toHaveLength(1);
    expect((await channels()).filter(({ state }) => state === 'active')).toHaveLength(1);
  });

  test('missed: one pull; the subscription stays as it is', async () => {
    await scene.mirror();
    await scene.listen();
    scene.calendar.create(meeting('unheard', 3));
    await told('missed');
    expect(await scene.asked(() => scene.work())).toEqual({ 'graph.delta': 1 });
    expect(await scene.feed()).toEqual(['created unheard']);
    expect(living()).toHaveLength(1);
  });

  test('a subscription that ended without a word: the PATCH is answered 404, then a new one and a pull', async () => {
    await scene.mirror();
    await scene.listen();
    const [id = ''] = living().map((each) => each.id);
    quirks({ revocationRemovesSubscriptions: false });
    const { subscriptions: all } = scene.world.sandbox.microsoft;
    const subscription = all.living(id);
    if (subscription) all.end(subscription, 'removed');
    scene.calendar.create(meeting('unheard', 3));
    await told('reauthorization_required');
    expect(await scene.asked(() => scene.work())).toEqual({
      'graph.subscription.update': 1,
      'graph.subscription.create': 1,
      'graph.delta': 1,
    });
    expect(await scene.feed()).toEqual(['created unheard']);
    expect(living()).toHaveLength(1);
  });

  test('over a day of reminders the subscription never pauses, and none is answered twice', async () => {
    await scene.mirror();
    for (let quarter = 0; quarter < 24 * 4; quarter += 1) {
      scene.world.clock.advance(15 * minuteMs);
      scene.world.sandbox.microsoft.subscriptions.tick();
      await carryAll(1);
      keepWatchWork();
      await scene.work();
      expect(living().map(({ state }) => state)).toEqual(['active']);
    }
    expect(living()).toMatchObject([{ doubleReauthorizations: 0 }]);
    expect(await channels()).toHaveLength(1);
  });
});
