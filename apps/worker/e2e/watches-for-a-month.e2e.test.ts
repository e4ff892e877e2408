/**
 * Thirty days of channels, judged by the providers' own logs. Graph's words about tokens are left out here (a
 * subscription is prolonged with each of them, see graph-watches): what is shown is that nothing else is needed.
 */
import { countChannelsByKey, countOrphans } from '@calfleet/db';
import type { CalendarId, WatchId } from '@calfleet/domain';
import { receiveNotification } from '@calfleet/sync';
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { channelLives, gaps, livingAt } from './channel-log.ts';
import { googleDialect } from './google-dialect.ts';
import { graphLetters } from './graph-dialect.ts';
import type { Letter } from './model-world.ts';
import { dayMs, hourMs, start, WatchFleet } from './watch-fleet.ts';

let database: TestDatabase;
let fleet: WatchFleet;

beforeAll(async () => {
  database = await createTestDatabase();
  fleet = await WatchFleet.open(database.url);
});

afterAll(async () => {
  await fleet.close();
  await database.drop();
});

const days = 30;
/** A channel is renewed half a day before its end: none needs fewer calls than this. */
const fewest = (lifeMs: number): number => Math.ceil((days * dayMs) / (lifeMs - 12 * hourMs));
const calls = (...operations: string[]): number => {
  const asked: Record<string, number> = fleet.sandbox.usage.report().byOperation;
  return operations.reduce((sum, operation) => sum + (asked[operation] ?? 0), 0);
};
const now = (): number => fleet.clock.now().getTime();
const orphans = () => fleet.db.transaction({ role: 'worker' }, (tx) => countOrphans(tx, fleet.clock.now()));
const count = (all: { orphans: number }[]): number => all.reduce((sum, each) => sum + each.orphans, 0);
const rows = <Row>(statement: string): Promise<Row[]> =>
  fleet.db.transaction({ role: 'worker' }, (tx) => tx.$queryRawUnsafe<Row[]>(statement));

/** 0 up to 1, the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Of each provider, 25 calendars each. `WATCH_ACCOUNTS=20` are 1,000 calendars (`npm run test:nightly`). */
const size = { accounts: Number(process.env['WATCH_ACCOUNTS'] ?? 1), calendarsEach: 25 };

test(`lesson 5: ${2 * size.accounts * size.calendarsEach} calendars of both providers are heard in every second of 30 days, with the fewest calls`, async () => {
  const calendars = size.accounts * size.calendarsEach;
  await fleet.populate(size);
  // Nothing fails here: what the drain is there for does not happen.
  await fleet.pass(days * dayMs, { drainEvery: 6 });
  const lives = channelLives(fleet.sandbox);
  for (const [provider, all] of Object.entries(lives)) {
    const unheard = [...all].flatMap(([calendar, own]) => gaps(own, now()).map((gap) => ({ calendar, gap })));
    expect({ provider, calendars: all.size, unheard }).toEqual({ provider, calendars, unheard: [] });
    const opened = [...all.values()].map((own) => Math.min(...own.map((life) => life.fromMs)));
    expect(Math.max(...opened) - start.getTime()).toBeLessThan(hourMs);
    // One each, and nothing is left behind.
    expect(livingAt(all, now())).toBe(calendars);
  }
  const used = {
    google: calls('events.watch') / calendars,
    stops: calls('channels.stop') / calendars,
    microsoft: calls('graph.subscription.create', 'graph.subscription.update') / calendars,
  };
  console.log('Calls per calendar in 30 days', used);
  expect(used.google).toBeLessThanOrEqual(1.15 * fewest(7 * dayMs));
  expect(used.stops).toBeLessThanOrEqual(1.15 * fewest(7 * dayMs));
  expect(used.microsoft).toBeLessThanOrEqual(1.15 * fewest(10_000 * 60_000));
  expect(calls('graph.subscription.delete', 'graph.subscription.list')).toBe(0);
  expect(await fleet.db.transaction({ role: 'worker' }, (tx) => countOrphans(tx, fleet.clock.now()))).toEqual(
    [],
  );
});

test('lesson 7: killed workers, refusals, lost answers and removed subscriptions leave nobody unheard, and no orphan', async () => {
  const size = { accounts: 3, calendarsEach: 5 };
  const calendars = size.accounts * size.calendarsEach;
  await fleet.populate(size);
  const random = randomFrom(7);
  const { sandbox, deps } = fleet;
  const watching = ['events.watch', 'graph.subscription.create', 'graph.subscription.update'] as const;
  const stopping = ['channels.stop', 'graph.subscription.delete'] as const;
  sandbox.faults.add({ operation: [...watching], rate: 0.25, effect: { kind: 'status', status: 503 } });
  sandbox.faults.add({
    operation: [...watching, ...stopping],
    rate: 0.15,
    effect: { kind: 'drop_after' },
  });
  sandbox.faults.add({ operation: [...stopping], rate: 0.3, effect: { kind: 'status', status: 503 } });
  fleet.kill = () => random() < 0.04;
  let orphansMax = 0;
  await fleet.pass(days * dayMs, {
    meanwhile: async (step) => {
      orphansMax = Math.max(orphansMax, count(await orphans()));
      if (step % 12 === 0) await removeSubscription();
    },
  });
  const lives = channelLives(sandbox);
  const unheard = [...lives.google.values()].flatMap((own) => gaps(own, now()));
  expect({ calendars: lives.google.size, unheard }).toEqual({ calendars, unheard: [] });
  // Graph allows no second one: between an end and the next beginning nobody is told, and a pull looks afterwards.
  const pauses = [...lives.microsoft.values()].flatMap((own) => gaps(own, now()));
  const longestMs = Math.max(0, ...pauses.map((gap) => gap.untilMs - gap.fromMs));
  console.log({ orphansMax, pausesOfGraph: pauses.length, longestMinutes: longestMs / 60_000 });
  // The drain comes once an hour here, and two attempts of five fail.
  expect(longestMs).toBeLessThanOrEqual(12 * hourMs);
  expect(orphansMax).toBeGreaterThan(0);

  fleet.kill = () => false;
  sandbox.faults.clear();
  await fleet.pass(9 * dayMs);
  expect(await orphans()).toEqual([]);
  const after = channelLives(sandbox);
  expect([livingAt(after.google, now()), livingAt(after.microsoft, now())]).toEqual([calendars, calendars]);
  expect(await rows('select coverage, count(*)::int from calendars group by 1')).toEqual([
    { coverage: 'push', count: 2 * calendars },
  ]);
  expect(await rows("select id from calendar_sync_channels where state in ('creating', 'retired')")).toEqual(
    [],
  );

  async function removeSubscription(): Promise<void> {
    const living = sandbox.microsoft.subscriptions.allLiving();
    const chosen = living[Math.floor(random() * living.length)];
    const id = /^v1\.[^.]+\.([0-9a-f-]{36})\./.exec(chosen?.clientState ?? '')?.[1];
    if (!chosen || id === undefined) return;
    sandbox.microsoft.subscriptions.end(chosen, 'removed');
    await receiveNotification(deps, {
      watchId: id as WatchId,
      event: 'subscription_removed',
      resourceId: chosen.id,
      expiresAt: new Date(chosen.expiresAtMs),
      receivedAt: fleet.clock.now(),
    });
  }
});

describe('a rotated key', () => {
  const size = { accounts: 3, calendarsEach: 6 };
  const calendars = size.accounts * size.calendarsEach;
  const seen = { google: 0, microsoft: 0 };

  test('is everywhere within a day, spread over it, and no change goes unheard', async () => {
    await fleet.populate(size);
    const { sandbox } = fleet;
    await fleet.pass(2 * hourMs);
    const oldKey = fleet.signer.signingKeyId;
    expect(await byKey()).toEqual([{ keyId: oldKey, channels: 2 * calendars }]);
    fleet.rotateKey('next');
    const random = randomFrom(11);
    const left: number[] = [];
    const created = calls('graph.subscription.create');
    await fleet.pass(dayMs, {
      stepMs: hourMs / 4,
      meanwhile: async (step) => {
        await expectHeard(step, random());
        if (step % 24 === 0) left.push((await byKey()).find(({ keyId }) => keyId === oldKey)?.channels ?? 0);
      },
    });
    console.log('Channels on the old key, every six hours', left);
    // The old key may go: nothing that could still speak rests on it.
    expect(await byKey()).toEqual([{ keyId: 'next', channels: 2 * calendars }]);
    expect(left[0]).toBe(2 * calendars);
    expect(left.toSorted((a, b) => b - a)).toEqual(left);
    expect(left[2]).toBeGreaterThan(0);
    expect(left[2]).toBeLessThan(2 * calendars);
    // One for one: deleted and made again.
    expect(calls('graph.subscription.create') - created).toBe(calendars);
    const lives = channelLives(sandbox);
    for (const own of [...lives.google.values(), ...lives.microsoft.values()]) {
      expect(gaps(own, now())).toEqual([]);
    }
  });

  const byKey = () =>
    fleet.db.transaction({ role: 'worker' }, (tx) => countChannelsByKey(tx, fleet.clock.now()));

  /** A calendar changes, its notifications arrive, and its row says so: no other one does. */
  async function expectHeard(step: number, random: number): Promise<void> {
    const owned = await rows<Owned>(
      `select c.id, c.provider, c.provider_calendar_id as name, a.email from calendars c
         join calendar_accounts a on a.id = c.account_id order by c.id`,
    );
    const chosen = owned[Math.floor(random * owned.length)];
    if (!chosen) throw new Error('There is no calendar.');
    await rows('update calendars set synced_seq = dirty_seq returning id');
    change(chosen, step);
    for (const letter of newLetters()) {
      await receiveNotification(fleet.deps, { ...letter, receivedAt: fleet.clock.now() });
    }
    const dirty = await rows('select id from calendars where dirty_seq > synced_seq');
    expect({ step, dirty }).toEqual({ step, dirty: [{ id: chosen.id }] });
  }

  interface Owned {
    id: CalendarId;
    provider: string;
    name: string;
    email: string;
  }

  function change({ provider, email, name }: Owned, step: number): void {
    const at = (hour: string, zone = '') => ({ dateTime: `2026-11-20T${hour}:00:00${zone}` });
    if (provider === 'google') {
      const body = { summary: `${step}`, start: at('10', 'Z'), end: at('11', 'Z') };
      fleet.sandbox.google.account(email).calendar(name).insert(body);
      return;
    }
    const body = {
      subject: `${step}`,
      start: { ...at('10'), timeZone: 'UTC' },
      end: { ...at('11'), timeZone: 'UTC' },
    };
    fleet.sandbox.microsoft.mailbox(email).calendar(name).create(body);
  }

  /** What the providers said since the last look, over channels that still live. */
  function newLetters(): Letter[] {
    const google = googleDialect.letters(fleet.sandbox);
    const microsoft = graphLetters(fleet.sandbox);
    const fresh = [...google.slice(seen.google), ...microsoft.slice(seen.microsoft)];
    Object.assign(seen, { google: google.length, microsoft: microsoft.length });
    return fresh.filter((letter) => letter !== null);
  }
});
