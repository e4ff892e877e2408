/** Four worker processes on one house whose mailboxes are Microsoft's. Jobs and changes come from the test. */
import { markDirty } from '@calfleet/db';
import { systemClock, type AccountId, type CalendarId } from '@calfleet/domain';
import { createQueueMonitor, type JobRequest } from '@calfleet/jobs';
import { type MailboxOwner, type MicrosoftCalendarOwner, type NewMailbox } from '@calfleet/sandbox';
import { eventually } from '@calfleet/testkit';
import type { Program, RunningProgram } from './bundle.ts';
import { expectExactGraph } from './graph-truth.ts';
import { openHouse, type House, type HouseOptions, type Services } from './house.ts';

export const workersCount = 4;

export interface GraphMailbox {
  owner: MailboxOwner;
  accountId: AccountId;
  calendars: MirroredCalendar[];
}

export interface MirroredCalendar {
  calendarId: CalendarId;
  calendar: MicrosoftCalendarOwner;
}

export interface GraphFleet {
  house: House;
  /** What each worker has said so far. */
  outputs(): string[];
  /** Connects a mailbox as the API would, and waits for its list. */
  connect(owner: MailboxOwner): Promise<GraphMailbox>;
  /** Resolves when no job waits, is delayed or runs; the clockwork's own are not counted. */
  quiet(): Promise<void>;
  markDirty(calendars: readonly MirroredCalendar[]): Promise<void>;
  /** Resolves when every calendar of the mailbox shows what Outlook shows. */
  exact(mailbox: GraphMailbox): Promise<void>;
  close(): Promise<void>;
}

/** @param worker the bundled program of a worker */
export async function openGraphFleet(
  services: Services,
  worker: Program,
  options: HouseOptions = {},
): Promise<GraphFleet> {
  const house = await openHouse(services, options);
  const { db, producer } = house;
  const environment = house.environment({
    // Few, so that no worker can take all the jobs of a mailbox.
    WORKER_CONCURRENCY: '4',
    LOG_LEVEL: 'info',
  });
  const address = { redisUrl: services.redisUrl, prefix: services.redisPrefix };
  const monitor = createQueueMonitor({ ...address, onError: () => undefined });
  const fleet: RunningProgram[] = Array.from({ length: workersCount }, () => worker.start(environment));
  const close = async (): Promise<void> => {
    for (const { process } of fleet) process.kill('SIGTERM');
    await Promise.all(fleet.map(({ ended }) => ended));
    await monitor.close();
    await house.close();
  };
  try {
    await Promise.all(fleet.map((each) => eventually(() => each.output().includes('"listening"'))));
    // The first look at a Redis that nobody knows marks all calendars that are there by then.
    await eventually(() => firstLookDone(house));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    house,
    outputs: () => fleet.map((each) => each.output()),
    connect: async (owner) => {
      const { refreshTokens } = owner;
      const { accountId } = await house.addAccount({ provider: 'microsoft', refreshTokens });
      await producer.enqueue('discover-account', { accountId });
      return { owner, accountId, calendars: await eventually(() => calendarsOf(house, accountId, owner)) };
    },
    quiet: async () => {
      let inRow = 0;
      await eventually(
        async () => {
          const readings = await monitor.read(systemClock.now());
          const left = readings.flatMap(({ queue, jobs }) =>
            queue === 'schedules' ? [] : [jobs.waiting, jobs.prioritized, jobs.delayed, jobs.active],
          );
          inRow = left.every((count) => count === 0) ? inRow + 1 : 0;
          // Queues are read one after the other: a job may have moved on behind the first look.
          return inRow >= 2;
        },
        { describe: 'all queues empty' },
      );
    },
    markDirty: (calendars) =>
      db.transaction({ role: 'worker' }, async (tx) => {
        for (const { calendarId } of calendars) await markDirty(tx, calendarId);
      }),
    exact: async ({ calendars }) => {
      for (const each of calendars) {
        await eventually(() => expectExactGraph({ db, ...each }), { everyMs: 100 });
      }
    },
    close,
  };
}

async function firstLookDone({ db }: House): Promise<boolean> {
  const [row] = await db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ done: boolean }[]>`select pass_done_at is not null as done from calendar_fleet`,
  );
  return row?.done ?? false;
}

/** @throws while the list was not read yet */
async function calendarsOf(
  { db }: House,
  accountId: AccountId,
  owner: MailboxOwner,
): Promise<MirroredCalendar[]> {
  const rows = await db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ id: CalendarId; provider_calendar_id: string }[]>`
      select id, provider_calendar_id from calendars where account_id = ${accountId}::uuid`,
  );
  return owner.calendars().map((calendar) => {
    const row = rows.find((each) => each.provider_calendar_id === calendar.id);
    if (!row) throw new Error(`${calendar.name} was not discovered yet.`);
    return { calendarId: row.id, calendar };
  });
}

const zone = 'W. Europe Standard Time';
const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

/** From 10 to 11 o'clock, so many days from now. */
export const meeting = (subject: string, offset: number) => ({
  subject,
  start: { dateTime: `${day(offset)}T10:00:00`, timeZone: zone },
  end: { dateTime: `${day(offset)}T11:00:00`, timeZone: zone },
});

/** A mailbox whose calendars hold series, two exceptions and singles each. */
export const newMailbox = (house: House, mailbox: NewMailbox & { count: number }): MailboxOwner => {
  const owner = house.sandbox.microsoft.createMailbox(mailbox);
  for (let n = 0; n < mailbox.count; n += 1) {
    const calendar = owner.createCalendar({ name: `calendar ${n}` });
    calendar.createMany(Array.from({ length: 5 }, (_, m) => meeting(`single ${m}`, m * 7)));
    const series = calendar.createMany(
      Array.from({ length: 6 }, (_, m) => ({
        ...meeting(`series ${m}`, m),
        recurrence: {
          pattern: { type: 'daily', interval: 5 },
          range: { type: 'numbered', startDate: day(m), numberOfOccurrences: 8, recurrenceTimeZone: zone },
        },
      })),
    );
    for (const [m, id] of series.slice(0, 2).entries()) {
      calendar.patchOccurrence(id, day(m + 5), { subject: 'moved by a word' });
    }
  }
  return owner;
};

/** Somebody works in every calendar: one meeting more, and one occurrence of a series is another. */
export function workInEach(calendars: readonly MirroredCalendar[], note: string): void {
  for (const { calendar } of calendars) {
    calendar.create(meeting(note, 3));
    const [instance] = calendar
      .truth({ start: `${day(8)}T00:00:00Z`, end: `${day(30)}T00:00:00Z` })
      .filter((each) => each.seriesMasterId !== null);
    if (instance) calendar.patch(instance.eventId, { subject: note });
  }
}

/** Everything that a calendar can be rung for, at once. */
export const hints = ({ calendars, accountId }: GraphMailbox): JobRequest[] => {
  const requestedAt = systemClock.now().toISOString();
  return [
    { name: 'discover-account', payload: { accountId } },
    ...calendars.flatMap(({ calendarId }): JobRequest[] => [
      ...(['user', 'schedule', 'backfill'] as const).map((reason): JobRequest => ({
        name: 'pull-calendar',
        payload: { calendarId, reason, requestedAt },
      })),
      { name: 'ensure-watch', payload: { calendarId, renew: true } },
    ]),
  ];
};
