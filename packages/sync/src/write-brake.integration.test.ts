/** What keeps writes from leaving: the kill switch, and the brake on somebody else's loop. What waits is not lost. */
import {
  api,
  resumeAccountWrites,
  resumeAllWrites,
  stopAccountWrites,
  stopAllWrites,
  type Transaction,
} from '@calfleet/db';
import type { EventId, EventTime } from '@calfleet/domain';
import { drainWebhooks, pushCalendar } from './index.ts';
import { localWrites } from '../testing/local-writes.ts';
import { hint, meeting, pullNow, putMeetings, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { titlesAtProvider, work } from '../testing/quiet.ts';

const newWorld = useWorlds();
const minuteMs = 60_000;

const asWorker = <T>(world: World, work: (tx: Transaction) => Promise<T>): Promise<T> =>
  world.real.transaction({ role: 'worker' }, work);

/** A mirrored calendar with so many events. */
async function mirrored(events: number, writeBrake = { perEvent: 1_000, perAccount: 1_000 }) {
  const world = await newWorld({ writeBrake });
  putMeetings(world, events);
  await pullNow(world);
  const local = localWrites(world);
  return { world, local, ids: await local.eventIds() };
}

const states = async (local: ReturnType<typeof localWrites>) =>
  (await local.writes()).map(({ state }) => state).sort();

const accountOf = (world: World) =>
  asWorker(world, async (tx) => {
    const [row] = await tx.$queryRaw<{ at: Date | null; reason: string | null }[]>`
      select writes_stopped_at as at, writes_stopped_reason as reason from calendar_accounts
       where id = ${world.accountId}::uuid`;
    return row;
  });

const toldOfAccount = (world: World) =>
  asWorker(
    world,
    (tx) => tx.$queryRaw<{ fields: string[] }[]>`
      select fields from calendar_changes
       where account_id = ${world.accountId}::uuid and kind = 'account_changed' order by seq`,
  );

describe('the kill switch', () => {
  const switches = {
    'for all': {
      stop: (world: World) => asWorker(world, (tx) => stopAllWrites(tx, world.clock.now())),
      resume: (world: World) => asWorker(world, resumeAllWrites),
    },
    'for the account': {
      stop: (world: World) =>
        asWorker(world, (tx) =>
          stopAccountWrites(tx, { id: world.accountId, reason: 'a test', at: world.clock.now() }),
        ),
      resume: (world: World) =>
        asWorker(world, (tx) => resumeAccountWrites(tx, { id: world.accountId, at: world.clock.now() })),
    },
  };

  describe.each(Object.entries(switches))('%s', (_, { stop, resume }) => {
    afterEach(async () => {
      const world = await newWorld();
      await asWorker(world, resumeAllWrites);
    });

    test('nothing leaves and nobody is rung for; what was wished for is shown, and leaves once it is resumed', async () => {
      const { world, local, ids } = await mirrored(2);
      await stop(world);
      for (const id of ids) await local.change(id, { summary: 'wished' });
      const { signal } = new AbortController();
      expect(await pushCalendar(world.deps, world.calendarId, signal)).toBe('busy');
      await work(world, 1_000);
      await drainWebhooks(world.deps);
      expect(world.jobs.filter(({ name }) => name === 'push-calendar')).toEqual([]);
      expect(titlesAtProvider(world)).toEqual(['Meeting m0', 'Meeting m1']);
      expect(await states(local)).toEqual(['pending', 'pending']);
      for (const id of ids) expect((await local.event(id))?.summary).toBe('wished');
      await resume(world);
      await drainWebhooks(world.deps);
      await work(world, 1_000);
      expect(titlesAtProvider(world)).toEqual(['wished', 'wished']);
      expect(await states(local)).toEqual(['applied', 'applied']);
    });

    test('a push that is under way ends what it has begun, and begins nothing more', async () => {
      const { world, local, ids } = await mirrored(3);
      for (const id of ids) await local.change(id, { summary: 'wished' });
      let sent = 0;
      world.hook = async (point) => {
        // The first write is on its way as soon as it was taken: the second transaction of the job.
        if (point !== 'after' || (sent += 1) !== 2) return;
        world.hook = null;
        await stop(world);
      };
      await work(world, 1_000);
      expect(titlesAtProvider(world)).toEqual(['Meeting m1', 'Meeting m2', 'wished']);
      expect(await states(local)).toEqual(['applied', 'pending', 'pending']);
      await resume(world);
      await drainWebhooks(world.deps);
      await work(world, 1_000);
      expect(titlesAtProvider(world)).toEqual(['wished', 'wished', 'wished']);
    });
  });

  test('for the account: it says so once, and its first reason stays', async () => {
    const { world } = await mirrored(1);
    const { stop, resume } = switches['for the account'];
    const since = await stop(world);
    world.clock.advance(minuteMs);
    await asWorker(world, (tx) =>
      stopAccountWrites(tx, { id: world.accountId, reason: 'another', at: world.clock.now() }),
    );
    expect(await accountOf(world)).toEqual({ at: since, reason: 'a test' });
    await resume(world);
    await resume(world);
    expect(await toldOfAccount(world)).toEqual([1, 2].map(() => ({ fields: ['status_reason'] })));
  });
});

describe('the loop brake', () => {
  /** A program that wants its own title, whatever anybody else does, against another one that wants its own, too. */
  async function quarrel(world: World, id: EventId, { from, turns }: { from: number; turns: number }) {
    const local = localWrites(world);
    for (let turn = from; turn < from + turns; turn += 1) {
      await local.change(id, { summary: `mine ${turn}` });
      await work(world, 1_000);
      world.cloud.patch(world.providerCalendarId, 'm0', { summary: `theirs ${turn}` });
      await hint(world);
      await pullNow(world);
      await work(world, 1_000);
    }
  }

  const sentTitles = (world: World): number =>
    world.cloud.calendars.get(world.providerCalendarId)?.log.seq ?? 0;

  test('two programs that answer each other for ever: after so many writes the event rests with one write that waits', async () => {
    const { world, local, ids } = await mirrored(1, { perEvent: 5, perAccount: 1_000 });
    const [id = '' as EventId] = ids;
    const before = sentTitles(world);
    await quarrel(world, id, { from: 1, turns: 20 });
    // Theirs are 20 of them.
    expect(sentTitles(world) - before - 20).toBe(5);
    const waiting = (await local.writes()).filter(({ state }) => state !== 'applied');
    expect(new Set(waiting.map(({ state }) => state))).toEqual(new Set(['parked']));
    expect(waiting[0]?.error).toEqual({
      code: 'rate_limited',
      message:
        '5 writes about the event were sent within an hour: the next one waits for a person to retry it',
    });
    expect(await rootsOf(world)).toEqual([{ attempts: 0 }]);
    // Time alone lets nothing go.
    world.clock.advance(120 * minuteMs);
    await drainWebhooks(world.deps);
    await work(world, 1_000);
    expect(sentTitles(world) - before - 20).toBe(5);
  });

  /** Writes that wait for a person, without those that went with them. */
  const rootsOf = (world: World) =>
    asWorker(
      world,
      (tx) => tx.$queryRaw<{ attempts: number }[]>`
        select attempts from calendar_writes
         where calendar_id = ${world.calendarId}::uuid and state = 'parked' and folded_into is null`,
    );

  test('a person lets it go: with all that was wished for since, and counted anew', async () => {
    const { world, local, ids } = await mirrored(1, { perEvent: 3, perAccount: 1_000 });
    const [id = '' as EventId] = ids;
    for (let n = 1; n <= 5; n += 1) {
      await local.change(id, { summary: `mine ${n}` });
      await work(world, 1_000);
    }
    await local.change(id, { location: 'Room 5' });
    await work(world, 1_000);
    expect(titlesAtProvider(world)).toEqual(['mine 3']);
    const last = (await local.writes()).at(-1)?.id ?? '';
    const retry = { userId: world.userId, id: last, now: world.clock.now() };
    // Whichever of those that wait together.
    expect(
      await world.real.transaction({ role: 'api', userId: world.userId }, (tx) => api.retryWrite(tx, retry)),
    ).toBe(true);
    await drainWebhooks(world.deps);
    await work(world, 1_000);
    expect(titlesAtProvider(world)).toEqual(['mine 5']);
    expect(new Set(await states(local))).toEqual(new Set(['applied']));
    for (let n = 6; n <= 9; n += 1) {
      await local.change(id, { summary: `mine ${n}` });
      await work(world, 1_000);
    }
    expect(titlesAtProvider(world)).toEqual(['mine 7']);
  });

  test('far fewer in an hour are never stopped, and one event does not stop another', async () => {
    const { world, local, ids } = await mirrored(2, { perEvent: 3, perAccount: 1_000 });
    const [one = '' as EventId, other = '' as EventId] = ids;
    for (let n = 1; n <= 8; n += 1) {
      await local.change(one, { summary: `mine ${n}` });
      await work(world, 1_000);
      world.clock.advance(25 * minuteMs);
    }
    expect(titlesAtProvider(world)).toEqual(['Meeting m1', 'mine 8']);
    for (let n = 1; n <= 4; n += 1) {
      await local.change(other, { summary: `other ${n}` });
      await work(world, 1_000);
    }
    await local.change(one, { summary: 'mine 9' });
    await work(world, 1_000);
    expect(titlesAtProvider(world)).toEqual(['mine 9', 'other 3']);
  });

  test('an account far above what is usual stops as a whole, says why, and goes on counted anew when a person resumes it', async () => {
    const { world, local, ids } = await mirrored(5, { perEvent: 1_000, perAccount: 3 });
    const change = async (summary: string) => {
      for (const id of ids) {
        await local.change(id, { summary });
        await work(world, 1_000);
      }
    };
    const changed = (summary: string) => titlesAtProvider(world).filter((title) => title === summary).length;
    await change('first');
    expect(changed('first')).toBe(3);
    expect(await accountOf(world)).toEqual({
      at: expect.any(Date) as Date,
      reason: '3 writes were sent within an hour',
    });
    expect(await toldOfAccount(world)).toEqual([{ fields: ['status_reason'] }]);
    expect((await world.deps.metrics.exposition()).text).toContain(
      'calfleet_write_brakes_total{scope="account"} 1',
    );
    const { accountId: id } = world;
    await asWorker(world, (tx) => resumeAccountWrites(tx, { id, at: world.clock.now() }));
    await drainWebhooks(world.deps);
    // One job's worth leaves before it is counted again.
    await work(world, 1_000);
    expect(changed('first')).toBe(5);
    expect(await accountOf(world)).toEqual({ at: null, reason: null });
    await change('second');
    expect(changed('second')).toBe(1);
  });
});

const planning = (zone = 'UTC'): { summary: string; start: EventTime; end: EventTime } => ({
  summary: 'Planning',
  start: { kind: 'zoned', instant: '2026-11-24T09:00:00Z', zone },
  end: { kind: 'zoned', instant: '2026-11-24T10:00:00Z', zone },
});

test('the mark of what we made is kept, and makes nobody else an owner', async () => {
  const { world, local } = await mirrored(1);
  const { eventId, writeId } = await local.create(planning());
  await work(world, 1_000);
  world.cloud.put(world.providerCalendarId, { ...meeting('foreign'), writeId: 'of another house' });
  await hint(world);
  await pullNow(world);
  const rows = await asWorker(
    world,
    (tx) => tx.$queryRaw<{ id: string; write_id: string | null; managed: boolean }[]>`
      select id, write_id, managed from calendar_events where calendar_id = ${world.calendarId}::uuid order by id`,
  );
  expect(rows.map(({ id, write_id, managed }) => [id === eventId, write_id, managed])).toEqual([
    [false, null, false],
    [true, writeId, true],
    [false, 'of another house', false],
  ]);
});

test('a creation that comes from a backup leaves once more, and finds what it had made', async () => {
  const { world, local } = await mirrored(0);
  const { eventId, writeId } = await local.create(planning());
  await work(world, 1_000);
  // The rows as they were before it left.
  await asWorker(world, async (tx) => {
    await tx.$executeRaw`
      update calendar_writes set state = 'pending', applied_at = null, sent_at = null, attempts = 0
       where id = ${writeId}::uuid`;
    await tx.$executeRaw`
      update calendar_events set provider_event_id = null, provider_version = null, write_id = null, written_seq = 0
       where id = ${eventId}::uuid`;
  });
  await drainWebhooks(world.deps);
  await work(world, 1_000);
  expect(titlesAtProvider(world)).toEqual(['Planning']);
  expect(await states(local)).toEqual(['applied']);
  expect(await local.eventIds()).toEqual([eventId]);
});
