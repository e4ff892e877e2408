/**
 * Delivery of notifications. It runs beside the API and never holds an answer up (the sync message of a new
 * channel aside, which Google may send first). Retried are 500, 502, 503 and 504 alone; every other refusal
 * loses the message: https://developers.google.com/workspace/calendar/api/guides/push#responding-to-notifications
 */
import http from 'node:http';
import https from 'node:https';
import type { SandboxClock } from '../clock.ts';
import type { Quirks } from '../faults/quirks.ts';
import type { Random } from '../random.ts';
import { acceptsAddress } from './address.ts';
import { Channels, type Channel } from './channels.ts';
import { messageHeaders, post, type Carriers, type ResourceState } from './message.ts';

const RETRIED = new Set([500, 502, 503, 504]);
const ACCEPTED = new Set([102, 200, 201, 202, 204]);
/** Older records are forgotten, so that a long demo does not grow. */
const RECORDS_MAX = 20_000;

export interface Notification {
  channelId: string;
  calendarId: string;
  number: number;
  state: ResourceState;
  /** `dropped`: lost on purpose. `failed`: refused for good, or given up. */
  status: 'held' | 'waiting' | 'delivered' | 'failed' | 'dropped';
  attempts: number;
  /** The receiver's last status; 0 when it gave none. */
  lastStatus: number | null;
}

export interface PushCounts {
  sent: number;
  delivered: number;
  failed: number;
  retried: number;
  dropped: number;
}

interface Deps {
  clock: SandboxClock;
  random: Random;
  quirks: () => Quirks;
  /** Hosts besides loopback that may be called without TLS, for networks of containers. */
  httpHosts: readonly string[];
}

export class Push {
  readonly channels = new Channels();
  private records: Notification[] = [];
  private held: (() => void)[] = [];
  private readonly waiting = new Map<NodeJS.Timeout, () => void>();
  private readonly flying = new Set<Promise<void>>();
  private readonly carriers: Carriers = {
    http: new http.Agent({ keepAlive: true, maxSockets: 32 }),
    https: new https.Agent({ keepAlive: true, maxSockets: 32 }),
  };
  private counts: PushCounts = newCounts();
  private closed = false;

  constructor(private readonly deps: Deps) {}

  accepts(address: string): boolean {
    return acceptsAddress(address, this.deps.httpHosts);
  }

  /** Sends `exists` to every live channel of the calendar, by and by. */
  notify(calendarId: string): void {
    const { clock, quirks, random } = this.deps;
    const open = this.channels.delivering(calendarId, clock.now(), quirks().deliverAfterStopMs);
    for (const channel of open) {
      this.emit(channel);
      if (random.chance(quirks().pushDuplicateRate)) this.emit(channel);
    }
  }

  /** Sends the sync message and waits for its first attempt. */
  async sync(channel: Channel): Promise<void> {
    channel.messageNumber = 1;
    const record = this.record(channel, 'sync');
    await this.track(this.attempt(channel, record));
  }

  notifications(): Notification[] {
    return this.records.map((record) => ({ ...record }));
  }

  tally(): PushCounts {
    return { ...this.counts };
  }

  /** Sends what is held or waits for its turn, now. */
  release(): void {
    for (const send of this.held.splice(0)) send();
    for (const [timer, send] of [...this.waiting]) {
      clearTimeout(timer);
      this.waiting.delete(timer);
      send();
    }
  }

  /** Resolves when nothing is on its way; held messages stay held. */
  async settled(): Promise<void> {
    while (this.flying.size > 0 || this.waiting.size > 0) {
      await (this.flying.size > 0
        ? Promise.race(this.flying)
        : new Promise<void>((resolve) => setTimeout(resolve, 5)));
    }
  }

  clear(): void {
    for (const timer of this.waiting.keys()) clearTimeout(timer);
    this.waiting.clear();
    this.held = [];
    this.records = [];
    this.counts = newCounts();
    this.channels.clear();
  }

  close(): void {
    this.closed = true;
    this.clear();
    this.carriers.http.destroy();
    this.carriers.https.destroy();
  }

  private emit(channel: Channel): void {
    const { random, quirks } = this.deps;
    const { pushHold, pushDropRate, pushDelayMs, pushJitterMs } = quirks();
    // Numbers grow but are not consecutive; real captures show large gaps.
    channel.messageNumber += random.between(1, 50);
    const record = this.record(channel, 'exists');
    if (random.chance(pushDropRate)) {
      record.status = 'dropped';
      this.counts.dropped += 1;
      return;
    }
    const send = (): void => void this.track(this.attempt(channel, record));
    if (pushHold) {
      record.status = 'held';
      this.held.push(() => {
        record.status = 'waiting';
        send();
      });
      return;
    }
    const delayMs = pushDelayMs + (pushJitterMs > 0 ? random.between(0, pushJitterMs) : 0);
    if (delayMs === 0) send();
    else this.later(send, delayMs);
  }

  private async attempt(channel: Channel, record: Notification): Promise<void> {
    if (this.closed) return;
    const { pushTimeoutMs, pushAttemptsMax, pushRetryBaseMs } = this.deps.quirks();
    record.attempts += 1;
    this.counts.sent += 1;
    if (record.attempts > 1) this.counts.retried += 1;
    const headers = messageHeaders(channel, record);
    const status = await post(channel.address, headers, {
      carriers: this.carriers,
      timeoutMs: pushTimeoutMs,
    });
    record.lastStatus = status;
    if (ACCEPTED.has(status)) {
      record.status = 'delivered';
      this.counts.delivered += 1;
    } else if (RETRIED.has(status) && record.attempts < pushAttemptsMax && !this.closed) {
      const again = (): void => void this.track(this.attempt(channel, record));
      this.later(again, pushRetryBaseMs * 2 ** (record.attempts - 1));
    } else {
      record.status = 'failed';
      this.counts.failed += 1;
    }
  }

  private later(send: () => void, ms: number): void {
    const timer = setTimeout(() => {
      this.waiting.delete(timer);
      send();
    }, ms);
    this.waiting.set(timer, send);
  }

  private record(channel: Channel, state: ResourceState): Notification {
    const record: Notification = {
      channelId: channel.id,
      calendarId: channel.calendarId,
      number: channel.messageNumber,
      state,
      status: 'waiting',
      attempts: 0,
      lastStatus: null,
    };
    this.records.push(record);
    if (this.records.length > RECORDS_MAX) this.records.splice(0, RECORDS_MAX / 2);
    return record;
  }

  private track(work: Promise<void>): Promise<void> {
    const flight = work.finally(() => this.flying.delete(flight));
    this.flying.add(flight);
    return flight;
  }
}

function newCounts(): PushCounts {
  return { sent: 0, delivered: 0, failed: 0, retried: 0, dropped: 0 };
}
