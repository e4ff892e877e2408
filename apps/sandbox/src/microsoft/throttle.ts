/**
 * Exchange's limits per app and mailbox: requests at once, and requests in ten minutes. Parts of a batch count like
 * requests of their own. https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
 */
import type { SandboxClock } from '../clock.ts';
import type { ChannelQuirks } from './channel-quirks.ts';
import type { Mailbox } from './mailbox.ts';

const WINDOW_MS = 600_000;

export interface ThrottleReport {
  inFlight: number;
  maxInFlight: number;
  requests: number;
  /** Answered 429. */
  rejected: number;
  /** Came before the Retry-After of an earlier 429 was over. */
  earlyRetries: number;
}

export interface Refusal {
  code: string;
  message: string;
  retryAfterSeconds: number;
}

interface Meter extends ThrottleReport {
  window: { startMs: number; requests: number };
  /** The end of the last Retry-After, by both clocks: it is over when either says so. */
  waitUntil: { sandboxMs: number; realMs: number } | null;
  /** Requests that are refused whatever they are. */
  planned: { left: number; retryAfterSeconds: number };
}

export class Throttle {
  private meters = new Map<string, Meter>();

  constructor(private readonly world: { clock: SandboxClock; quirks: ChannelQuirks }) {}

  /**
   * Runs a request, or a part of a batch, in one of the mailbox' places. The least time passes before the work,
   * which sends the answer: a client never hears of a place that is not free yet.
   * @param refuse gives the answer of a request that got no place
   */
  async run<T>(mailbox: Mailbox, work: () => Promise<T>, refuse: (refusal: Refusal) => T): Promise<T> {
    const meter = this.meter(mailbox.oid);
    const refusal = this.admit(meter);
    if (refusal !== null) return refuse(refusal);
    meter.inFlight += 1;
    meter.maxInFlight = Math.max(meter.maxInFlight, meter.inFlight);
    const { minServiceMs } = this.world.quirks;
    try {
      if (minServiceMs > 0) await pause(minServiceMs);
      return await work();
    } finally {
      meter.inFlight -= 1;
    }
  }

  /** Answers 429 to the next requests of a mailbox. */
  refuseNext(mailbox: Mailbox, planned: { requests: number; retryAfterSeconds: number }): void {
    this.meter(mailbox.oid).planned = {
      left: planned.requests,
      retryAfterSeconds: planned.retryAfterSeconds,
    };
  }

  report(mailbox: Mailbox): ThrottleReport {
    const { inFlight, maxInFlight, requests, rejected, earlyRetries } = this.meter(mailbox.oid);
    return { inFlight, maxInFlight, requests, rejected, earlyRetries };
  }

  /** Counts anew; what is in flight and what was planned stays. */
  reset(mailbox: Mailbox): void {
    const meter = this.meter(mailbox.oid);
    Object.assign(meter, { maxInFlight: meter.inFlight, requests: 0, rejected: 0, earlyRetries: 0 });
    meter.waitUntil = null;
  }

  clear(): void {
    this.meters = new Map();
  }

  private admit(meter: Meter): Refusal | null {
    meter.requests += 1;
    const isEarly = this.isWaiting(meter);
    if (isEarly) meter.earlyRetries += 1;
    const refusal = this.refusalOf(meter, isEarly);
    if (refusal === null) return null;
    meter.rejected += 1;
    const waitMs = refusal.retryAfterSeconds * 1000;
    meter.waitUntil = {
      sandboxMs: this.world.clock.now() + waitMs,
      realMs: performance.now() + waitMs,
    };
    return refusal;
  }

  private refusalOf(meter: Meter, isEarly: boolean): Refusal | null {
    const { clock, quirks } = this.world;
    const { mailboxConcurrencyMax, concurrencyRetryAfterSeconds, requestsPer10Minutes, enforceRetryAfter } =
      quirks;
    const nowMs = clock.now();
    if (nowMs - meter.window.startMs >= WINDOW_MS) meter.window = { startMs: nowMs, requests: 0 };
    // Refused requests count as well.
    meter.window.requests += 1;
    if (meter.planned.left > 0) {
      meter.planned.left -= 1;
      return overConcurrency(meter.planned.retryAfterSeconds);
    }
    if (isEarly && enforceRetryAfter) {
      const leftMs = (meter.waitUntil?.sandboxMs ?? nowMs) - nowMs;
      return overConcurrency(Math.max(1, Math.ceil(leftMs / 1000)));
    }
    if (requestsPer10Minutes !== null && meter.window.requests > requestsPer10Minutes) {
      const leftMs = meter.window.startMs + WINDOW_MS - nowMs;
      return {
        code: 'TooManyRequests',
        message: 'Too many requests.',
        retryAfterSeconds: Math.ceil(leftMs / 1000),
      };
    }
    const isFull = mailboxConcurrencyMax !== null && meter.inFlight >= mailboxConcurrencyMax;
    return isFull ? overConcurrency(concurrencyRetryAfterSeconds) : null;
  }

  private isWaiting({ waitUntil }: Meter): boolean {
    if (waitUntil === null) return false;
    return this.world.clock.now() < waitUntil.sandboxMs && performance.now() < waitUntil.realMs;
  }

  private meter(oid: string): Meter {
    const meter = this.meters.get(oid) ?? newMeter();
    this.meters.set(oid, meter);
    return meter;
  }
}

const overConcurrency = (retryAfterSeconds: number): Refusal => ({
  code: 'ApplicationThrottled',
  message: 'Application is over its MailboxConcurrency limit.',
  retryAfterSeconds,
});

const newMeter = (): Meter => ({
  inFlight: 0,
  maxInFlight: 0,
  requests: 0,
  rejected: 0,
  earlyRetries: 0,
  window: { startMs: Number.NEGATIVE_INFINITY, requests: 0 },
  waitUntil: null,
  planned: { left: 0, retryAfterSeconds: 1 },
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
