/** A house with an API beside it, whose ticks come when a test says so, and mailboxes that are served or broken. */
import { randomBytes } from 'node:crypto';
import { startApi } from '@calfleet/api';
import { workerConfig } from '@calfleet/config';
import type { Transaction } from '@calfleet/db';
import { systemClock, type CalendarId } from '@calfleet/domain';
import { createQueueBoardSource, tickNames, type TickName } from '@calfleet/jobs';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createTestDatabase, createTestRedis, eventually, ManualClock } from '@calfleet/testkit';
import { createVault } from '@calfleet/vault';
import { checkedFetch } from '../../api/src/testing/checked-fetch.ts';
import type { Worker } from '../src/index.ts';
import { openHouse, type House, type Mailbox } from './house.ts';

export interface Row extends Mailbox {
  calendarId: CalendarId;
}

export type PoisonHouse = Awaited<ReturnType<typeof openPoisonHouse>>;

/** Microsoft is switched off in this house, as where an operator took its settings out. */
const noMicrosoft = {
  MICROSOFT_CLIENT_ID: '',
  MICROSOFT_CLIENT_SECRET: '',
  MICROSOFT_GRAPH_ROOT_URL: '',
  MICROSOFT_LOGIN_ROOT_URL: '',
};

/** A job that sleeps until a clock moves that does not move is left alone. */
const attemptsMax = 9;

const never = Object.fromEntries(
  tickNames.map((name) => [`SCHEDULE_${name.toUpperCase().replaceAll('-', '_')}`, 'every 24h']),
);

export async function openPoisonHouse() {
  const [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  const house = await openHouse({
    databaseUrl: database.url,
    redisUrl: redis.url,
    redisPrefix: redis.prefix,
  });
  const environment = { ...never, ...noMicrosoft, LOG_LEVEL: 'debug', AUDIT_SAMPLE_PERCENT: '100' };
  const clock = new ManualClock(systemClock.now());
  const adminKey = randomBytes(32).toString('base64url');
  const onError = (): undefined => undefined;
  const queueBoard = createQueueBoardSource({ redisUrl: redis.url, prefix: redis.prefix, onError });
  const api = await startApi({
    config: {
      adminKey,
      providers: workerConfig(house.environment(environment)).providers,
      port: 0,
      host: '127.0.0.1',
      allowSuperuser: false,
    },
    db: house.db,
    producer: house.producer,
    queueBoard,
    vault: createVault([{ id: 'e2e', key: randomBytes(32) }]),
    logger: createLogger({ service: 'api', level: 'error' }),
    metrics: createMetrics('api'),
    clock,
  });
  let worker: Worker | null = null;
  const get = async (path: string, user: string): Promise<Record<string, unknown>> => {
    const response = await checkedFetch('api')(`${api.url}/integrations/calendar${path}`, {
      headers: { authorization: `Bearer ${adminKey}`, 'x-user-id': user },
    });
    expect({ path, status: response.status }).toEqual({ path, status: 200 });
    return (await response.json()) as Record<string, unknown>;
  };
  const sql = <Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> =>
    house.db.transaction({ role: 'worker' }, work);

  return {
    ...house,
    clock,
    sql,
    start: async (): Promise<void> => {
      worker = await house.startWorker(environment, clock);
    },
    metrics: async (): Promise<string> => (await fetch(`${worker?.healthUrl ?? ''}/metrics`)).text(),
    get,
    /** Connects a Google mailbox with one event, and waits until it is mirrored and watched. */
    mailbox: async (name: string): Promise<Row> => {
      const mailbox = await house.connect(`${name}@example.test`);
      mailbox.owner.insert(meeting('before'));
      const calendarId = await eventually(() => house.calendarOf(mailbox));
      await eventually(async () => {
        const [row] = await sql(
          (tx) => tx.$queryRaw<{ ok: boolean }[]>`
            select coverage = 'push' and state = 'active' and dirty_seq = synced_seq and lease_until is null as ok
              from calendars where id = ${calendarId}::uuid`,
        );
        expect(row?.ok).toBe(true);
      });
      return { ...mailbox, calendarId };
    },
    /** Runs one tick to its end, and lets what it planned for later come at once. @returns how it ended */
    tick: async (name: TickName): Promise<string> => {
      const ended = () => house.lines.filter(({ message }) => /^Tick (ended|failed)$/.test(message)).length;
      const before = ended();
      await house.producer.enqueue(name, {});
      await eventually(() => ended() > before);
      return eventually(async () => {
        const [row] = await sql(
          (tx) => tx.$queryRaw<{ outcome: string }[]>`
            select outcome from calendar_schedules where name = ${name} and ended_at is not null`,
        );
        return row ? row.outcome : false;
      });
    },
    /** What was planned for later comes now, and is waited for. */
    settle: async (): Promise<void> => {
      const queues = (await queueBoard.open()).filter(({ name }) => name !== 'schedules');
      const comeAgain = new Map<string, number>();
      await eventually(async () => {
        for (const queue of queues) {
          for (const job of await queue.getDelayed()) {
            const times = comeAgain.get(job.id ?? '') ?? 0;
            if (times >= attemptsMax) continue;
            comeAgain.set(job.id ?? '', times + 1);
            // It may have come by itself.
            await job.promote().catch(() => undefined);
          }
          const {
            waiting = 0,
            active = 0,
            prioritized = 0,
          } = await queue.getJobCounts('waiting', 'active', 'prioritized');
          if (waiting + active + prioritized > 0) return false;
          const delayed = await queue.getDelayed();
          if (delayed.some(({ id }) => (comeAgain.get(id ?? '') ?? 0) < attemptsMax)) return false;
        }
        return true;
      });
    },
    close: async (): Promise<void> => {
      await api.close({ timeoutMs: 500 });
      await house.close();
      await queueBoard.close();
      await redis.clear();
      await database.drop();
    },
  };
}

export function meeting(summary: string) {
  const at = (hour: number) => ({
    dateTime: new Date(systemClock.now().getTime() + hour * 3_600_000).toISOString(),
    timeZone: 'UTC',
  });
  return { summary, start: at(24), end: at(25) };
}

/** Attempts that were made on a calendar or an account, by the worker's own lines. */
export const attemptsOn = ({ lines }: Pick<House, 'lines'>, id: string): number =>
  lines.filter(
    ({ message, facts }) =>
      /^(A pull failed|A pull could not begin|Parked|Failed, will run again|Dropped)/.test(message) &&
      (facts['calendar_id'] === id || facts['account_id'] === id),
  ).length;
