/**
 * From the API's 202 to the event at its provider, and how many writes a worker gets there. When a write is there, the
 * provider says itself: its clock is this machine's. The floor is the same calls by the same client, and nothing else.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { blankFields, newId, type ProviderSession } from '@calfleet/domain';
import { googleOf } from '../engine.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { percentile } from '../statistics.ts';
import { startWritingFleet, tomorrow, type WritingFleet } from '../writing.ts';
import { until } from './latency.ts';

const perSecond = 20;
const calendarsCount = 20;
/** Of a worker as shipped. */
const slots = 4;
const slowMs = 100;

export async function benchWrites(ground: Ground): Promise<Figure[]> {
  const seconds = ground.quick ? 3 : 60;
  const backlog = ground.quick ? 100 : 2_000;
  const store = await ground.openStore('writes');
  const bare = await openBare(ground);
  const fleet = await startWritingFleet(ground, store, calendarsCount);
  const { control } = ground.sandbox;
  try {
    const figures: Figure[] = [];
    for (const latencyMs of [0, slowMs]) {
      if (latencyMs > 0) {
        const effect = { kind: 'latency' as const, ms: latencyMs };
        await control.addFault({ operation: ['events.insert', 'events.patch'], count: null, effect });
      }
      const floor = await bare.steadily(perSecond * Math.min(seconds, 10));
      const ours = await writeSteadily(ground, fleet, { writes: perSecond * seconds, latencyMs });
      figures.push(...latencyFigures(ours, floor, { seconds, latencyMs }));
      await control.clearFaults();
    }
    await fleet.worker.stop();
    const rates = { few: await bare.atOnce(backlog, slots), all: await bare.atOnce(backlog, calendarsCount) };
    figures.push(...rateFigures(await workOff(ground, store, fleet, backlog), rates, backlog));
    return figures;
  } finally {
    await control.clearFaults();
    await fleet.close();
    await store.close();
  }
}

/** Creations and changes in turn. @returns milliseconds from the answer to each until the provider has it */
async function writeSteadily(
  ground: Ground,
  fleet: WritingFleet,
  { writes, latencyMs }: { writes: number; latencyMs: number },
): Promise<number[]> {
  const acceptedAt = new Map<string, number>();
  const startedAt = performance.now();
  const answers: Promise<void>[] = [];
  for (let index = 0; index < writes; index += 1) {
    await pause(Math.max(0, startedAt + (index * 1_000) / perSecond - performance.now()));
    const user = fleet.users[index % fleet.users.length];
    if (!user) throw new Error('Nobody writes.');
    const summary = `Write ${latencyMs} ${index}`;
    const changed = index % (2 * fleet.users.length) < fleet.users.length ? undefined : user.events.pop();
    const sent =
      changed === undefined
        ? fleet.ask(user, 'POST', '/events', created(user.calendarId, summary))
        : fleet.ask(user, 'PATCH', `/events/${changed}`, { summary });
    const answer = sent.then(() => void acceptedAt.set(summary, Date.now()));
    // A refusal is thrown below, with all answers.
    answer.catch(() => undefined);
    answers.push(answer);
  }
  await Promise.all(answers);
  await until('every write is applied', async () => (await fleet.unsettled()) === 0);
  const storedAt = await readStoredAt(ground, fleet);
  return [...acceptedAt].map(([summary, at]) => (storedAt.get(summary) ?? NaN) - at);
}

function created(calendarId: string, summary: string) {
  const { start, end } = tomorrow();
  const time = ({ instant, zone }: typeof start) => ({ date_time: instant, time_zone: zone });
  return { calendar_id: calendarId, summary, start: time(start), end: time(end) };
}

/** By title, milliseconds since 1970. */
async function readStoredAt(ground: Ground, { users }: WritingFleet): Promise<Map<string, number>> {
  const storedAt = new Map<string, number>();
  for (const { email, providerCalendarId } of users) {
    const { events } = await ground.sandbox.control.account(email).calendar(providerCalendarId).truth();
    for (const { summary, updated } of events) storedAt.set(String(summary), Date.parse(String(updated)));
  }
  return storedAt;
}

/** What waited while no worker ran. @returns writes a second, from the first that reached the provider to the last one applied */
async function workOff(ground: Ground, store: Store, fleet: WritingFleet, backlog: number): Promise<number> {
  const { users } = fleet;
  const titles = Array.from({ length: backlog }, (_, n) => `Backlog ${n}`);
  await inParallel(users.length, async (lane) => {
    const user = users[lane];
    if (!user) return;
    for (let n = lane; n < backlog; n += users.length) {
      await fleet.ask(user, 'POST', '/events', created(user.calendarId, titles[n] ?? ''));
    }
  });
  await fleet.startWorker();
  await until('the backlog is worked off', async () => (await fleet.unsettled()) === 0);
  const storedAt = await readStoredAt(ground, fleet);
  const first = Math.min(...titles.map((title) => storedAt.get(title) ?? NaN));
  const { rows } = await store.admin.query<{ last: Date }>(
    'select max(applied_at) as last from calendar_writes',
  );
  return (backlog * 1_000) / ((rows[0]?.last.getTime() ?? NaN) - first);
}

interface Bare {
  /** As often as our users write; milliseconds until the provider has it. */
  steadily(writes: number): Promise<number[]>;
  /** Writes a second, so many calls at once, one per calendar at a time. */
  atOnce(writes: number, calls: number): Promise<number>;
}

async function openBare(ground: Ground): Promise<Bare> {
  const { control } = ground.sandbox;
  const { email } = await control.createAccount({ email: `${newId()}@bench.test` });
  const owner = control.account(email);
  const calendars = await Promise.all(
    Array.from({ length: calendarsCount }, () => owner.createCalendar({ timeZone: 'Europe/Berlin' })),
  );
  const token = await owner.accessToken();
  const session: ProviderSession = { accountId: 'bare', accessToken: async () => token };
  const provider = googleOf(ground);
  const { start, end } = tomorrow();
  const create = async (index: number): Promise<number> => {
    const calendar = calendars[index % calendars.length];
    const answer = await provider.createEvent(session, {
      providerCalendarId: calendar?.id ?? '',
      calendarTimeZone: 'Europe/Berlin',
      writeId: newId(),
      fields: {
        ...blankFields,
        summary: `Bare ${index}`,
        start: { kind: 'zoned', ...start },
        end: { kind: 'zoned', ...end },
      },
    });
    if (answer.type !== 'event') throw new Error('It was deleted at once.');
    return Date.parse(String((JSON.parse(answer.event.raw) as { updated: unknown }).updated));
  };
  return {
    steadily: async (writes) => {
      const startedAt = performance.now();
      const samples: Promise<number>[] = [];
      for (let index = 0; index < writes; index += 1) {
        await pause(Math.max(0, startedAt + (index * 1_000) / perSecond - performance.now()));
        const sentAt = Date.now();
        samples.push(create(index).then((storedAt) => storedAt - sentAt));
      }
      return Promise.all(samples);
    },
    atOnce: async (writes, calls) => {
      const startedAt = performance.now();
      await inParallel(calls, async (lane) => {
        for (let index = lane; index < writes; index += calls) await create(index);
      });
      return (writes * 1_000) / (performance.now() - startedAt);
    },
  };
}

const inParallel = async (lanes: number, work: (lane: number) => Promise<void>): Promise<void> =>
  void (await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane))));

function latencyFigures(
  ours: readonly number[],
  floor: readonly number[],
  { seconds, latencyMs }: { seconds: number; latencyMs: number },
): Figure[] {
  return [50, 95].map((percent) => {
    const [mine, least] = [percentile(ours, percent), percentile(floor, percent)];
    return {
      what: `write to provider, ${latencyMs === 0 ? '' : `${latencyMs} ms to every answer, `}p${percent}`,
      ours: mine,
      unit: 'ms',
      floor: least,
      ratio: least / mine,
      aim: null,
      note:
        percent === 50
          ? `${ours.length} writes, creations and changes in turn, ${perSecond}/s for ${seconds} s over ${calendarsCount} ` +
            `calendars, 1 worker of ${slots} slots, from the API's 202 to the provider's own stamp; floor: ` +
            `${floor.length} creations at the same pace by the same client, from sending them`
          : 'as above',
    };
  });
}

function rateFigures(ours: number, floor: { few: number; all: number }, backlog: number): Figure[] {
  const made = `${backlog} waiting creations over ${calendarsCount} calendars, 1 worker of ${slots} slots, from the first at the provider to the last one applied`;
  const row = (what: string, least: number, note: string): Figure => ({
    what,
    ours,
    unit: 'writes/s',
    floor: least,
    ratio: ours / least,
    aim: null,
    note,
  });
  return [
    row(
      'writes worked off',
      floor.few,
      `${made}; floor: as many creations by the same client, ${slots} at once`,
    ),
    row(
      'writes worked off, beside all at once',
      floor.all,
      `as above; floor: ${calendarsCount} at once, one per calendar`,
    ),
  ];
}
