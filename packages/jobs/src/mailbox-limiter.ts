/**
 * Places among the requests in flight of a mailbox, over the whole fleet: Graph serves four of one mailbox at a time
 * and answers more with 429. https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
 * It stands here because Redis is spoken to nowhere else. Redis knows mailboxes by their hashes only.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { SyncError, type Admission } from '@calfleet/domain';
import { openImpatient, outageReporter, readiness } from './connection.ts';
import type { RedisAddress } from './contract.ts';
import { enterScript, leaveScript, type Script } from './mailbox-scripts.ts';
import { within } from './within.ts';

export interface MailboxLimiter {
  /**
   * Waits for places, first come, first served. More places than the mailbox has count as all of them.
   * @throws rate_limited with `retryAfterMs`: the provider said to stay away and that time is not over (at once), or no
   * place came free in time
   * @throws provider_unavailable Redis did not answer in time
   * @throws invalid_input `places` is no whole number from 1
   */
  admit(mailbox: string, places: number): Promise<Admission>;
  /** Places still held run out by their lease: their requests may be on the way. */
  close(): Promise<void>;
}

export interface MailboxLimiterOptions extends RedisAddress {
  /** Requests in flight of one mailbox. Default 4. */
  placesMax?: number;
  /** A place is its holder's for this long and never longer; twice the time-out of any provider call. Default 60 s. */
  leaseMs?: number;
  /** Longest wait for a place; a job that waits holds back others. Default 20 s. */
  waitMs?: number;
  /** Told once per outage, and of anything unusual. */
  onError?: (error: Error) => void;
}

/** As a job that is added: a blip is worth a short wait, an outage is not. */
const answerMs = 1_500;
const connectGraceMs = 300;
/** A waiter that did not look for this long is dead: twice the longest look and the pause before it. */
const waiterMs = 3_500;
/** A provider that names a longer time is asked again after this one: a wrong header must not silence a mailbox. */
const parkMsMax = 3_600_000;
/** Who waited in vain comes back after 1 to 3 s. */
const comeBackMs = 1_000;

export function createMailboxLimiter(options: MailboxLimiterOptions): MailboxLimiter {
  const { redisUrl, prefix, placesMax = 4, leaseMs = 60_000, waitMs = 20_000, onError } = options;
  const redis = openImpatient(redisUrl);
  const tell = (error: Error) => onError?.(error);
  const report = outageReporter({ lost: tell, back: () => undefined, other: tell });
  redis.on('error', (error: Error) => report.error(error));
  redis.on('ready', () => report.ready());
  const connected = readiness(redis);

  const run = async ({ sha, text }: Script, keys: string[], args: (string | number)[]): Promise<unknown> => {
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(text, keys.length, ...keys, ...args);
    }
  };
  const ask = (script: Script, keys: string[], args: (string | number)[]): Promise<unknown> =>
    within(
      answerMs,
      connected(connectGraceMs).then(() => run(script, keys, args)),
      'Redis did not answer in time',
    );

  return {
    async admit(mailbox, wanted) {
      const places = Math.min(checkedPlaces(wanted), placesMax);
      const keys = mailboxKeys(prefix, mailbox);
      const ticket = `${places}:${randomUUID()}`;
      const leave = (parkMs = 0): Promise<void> =>
        ask(leaveScript, keys, [ticket, Math.min(Math.ceil(parkMs), parkMsMax)]).then(
          () => undefined,
          // The lease gives the places back, and whoever comes next says what is wrong with Redis.
          () => undefined,
        );
      try {
        await waitForPlaces(() => ask(enterScript, keys, [ticket, placesMax, leaseMs, waiterMs]), waitMs);
      } catch (error) {
        // Not awaited: the ticket, or the places of an answer that came too late, would run out by themselves.
        void leave();
        throw error instanceof SyncError ? error : away(error);
      }
      let left: Promise<void> | null = null;
      return { leave: (parkMs) => (left ??= leave(parkMs)) };
    },
    close: async () => redis.disconnect(),
  };
}

/** One look after the other until the places are there. */
async function waitForPlaces(enter: () => Promise<unknown>, waitMs: number): Promise<void> {
  const deadline = AbortSignal.timeout(waitMs);
  for (;;) {
    const [answer, number] = (await enter()) as ['in' | 'wait' | 'held', number];
    if (answer === 'in') return;
    if (answer === 'held') throw busy('The provider wants no requests of this mailbox yet.', number);
    if (deadline.aborted) {
      const retryAfterMs = Math.round(comeBackMs * (1 + 2 * Math.random()));
      throw busy('No place among the requests of this mailbox came free in time.', retryAfterMs);
    }
    await pause(lookAgainMs(number));
  }
}

/**
 * 10 to 50 ms for whoever may be next, and more the farther behind. Measured with 100 callers on one mailbox and calls of
 * 200 ms: 18 calls a second of 20 possible, for 1.2 % of Redis. Being told instead would take a second connection that
 * subscribes, and the looks all the same for when it is lost.
 */
function lookAgainMs(before: number): number {
  const rounds = 1 + Math.min(Math.floor(before / 4), 4);
  return Math.round((10 + 40 * Math.random()) * rounds);
}

/** The brackets of the prefix keep the keys of a script in one slot of a cluster. */
export function mailboxKeys(prefix: string, mailbox: string): string[] {
  const name = createHash('sha256').update(mailbox).digest('base64url').slice(0, 22);
  return ['places', 'queue', 'seen', 'hold'].map((part) => `${prefix}:mailbox:${name}:${part}`);
}

function checkedPlaces(places: number): number {
  if (Number.isInteger(places) && places > 0) return places;
  throw new SyncError('invalid_input', 'places: a whole number from 1 is wanted');
}

const busy = (message: string, retryAfterMs: number): SyncError =>
  new SyncError('rate_limited', message, { retryAfterMs });

const away = (cause: unknown): SyncError =>
  new SyncError('provider_unavailable', 'Redis could not be asked for a place.', { cause });
