/**
 * Delivery: items for one address travel together, whoever subscribed. 2xx is delivered; anything else is tried
 * again, less and less often, for four hours.
 */
import type { SandboxClock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { ChannelQuirks } from './channel-quirks.ts';
import type { ChangeType } from './mailbox.ts';
import type { LifecycleEvent } from './notifications-item.ts';
import { newCarriers, postText, type PostAnswer } from './notifications-post.ts';
import type { Subscription } from './subscriptions-store.ts';

/** Items that wait for delivery; more are given up at once. */
const WAITING_MAX = 50_000;
/** The guide asks for answers within three seconds. */
const SLOW_ANSWER_MS = 3_000;

export interface NotificationRecord {
  subscriptionId: string;
  kind: 'change' | 'lifecycle';
  event: ChangeType | LifecycleEvent;
  eventId: string | null;
  /**
   * `held` until released, `deferred` until the sandbox clock gets there, `lost` by a knob and without a trace,
   * `dropped` because the host answers too slowly, `failed` when given up.
   */
  status: 'held' | 'deferred' | 'waiting' | 'delivered' | 'failed' | 'lost' | 'dropped';
  /** Carried a clientState that is not the subscription's. */
  isForged: boolean;
  attempts: number;
  /** The receiver's last status; 0 when it gave none. */
  lastStatus: number | null;
  /** How long its last answer took, real milliseconds. */
  lastAnswerMs: number | null;
}

export interface Envelope {
  record: NotificationRecord;
  subscription: Subscription;
  url: string;
  item: Record<string, unknown>;
}

export interface DeliveryCounts {
  /** Requests, further attempts included. */
  posts: number;
  retried: number;
  /** Answers after more than three seconds, and requests without any in time. */
  slowAnswers: number;
  /** Requests by the receiver's status; `0`: none came. */
  byStatus: Record<string, number>;
  /** Items in requests answered 2xx. */
  acceptedItems: number;
  /** Items given up. */
  failedItems: number;
}

interface Batch {
  url: string;
  envelopes: Envelope[];
  firstAtMs: number;
  attempts: number;
  /** Of the outbox when it left: what was on its way when everything was forgotten ends there. */
  epoch: number;
}

interface Deps {
  clock: SandboxClock;
  random: Random;
  quirks: () => ChannelQuirks;
  answered: (url: string, answer: PostAnswer) => void;
  delivered: (envelope: Envelope) => void;
  failed: (envelope: Envelope) => void;
}

export class Outbox {
  private counts: DeliveryCounts = newCounts();
  private readonly ready = new Map<string, Envelope[]>();
  private readonly waiting = new Map<NodeJS.Timeout, () => void>();
  private readonly flying = new Set<Promise<void>>();
  private readonly carriers = newCarriers({ keepAlive: true, maxSockets: 32 });
  private waitingItems = 0;
  private epoch = 0;

  constructor(private readonly deps: Deps) {}

  add(envelope: Envelope, delayMs: number): void {
    envelope.record.status = 'waiting';
    this.waitingItems += 1;
    if (this.waitingItems > WAITING_MAX) this.giveUp([envelope]);
    else if (delayMs > 0) this.later(() => this.enqueue(envelope), delayMs);
    else this.enqueue(envelope);
  }

  tally(): DeliveryCounts {
    return { ...this.counts, byStatus: { ...this.counts.byStatus } };
  }

  /** Whatever waits for its turn goes now, next attempts included. */
  hurry(): void {
    for (const [timer, act] of [...this.waiting]) {
      clearTimeout(timer);
      this.waiting.delete(timer);
      act();
    }
  }

  /** Resolves when nothing is on its way. */
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
    this.ready.clear();
    this.waitingItems = 0;
    this.counts = newCounts();
    this.epoch += 1;
  }

  close(): void {
    this.clear();
    this.carriers.http.destroy();
    this.carriers.https.destroy();
  }

  private enqueue(envelope: Envelope): void {
    // Both kinds may have the same address, but never share a request.
    const key = `${envelope.record.kind} ${envelope.url}`;
    const queue = this.ready.get(key);
    if (queue !== undefined) return void queue.push(envelope);
    this.ready.set(key, [envelope]);
    this.later(() => this.flush(key), this.deps.quirks().notificationBatchWaitMs);
  }

  private flush(key: string): void {
    const { clock, random, quirks } = this.deps;
    const { notificationBatchMax, notificationReorderRate } = quirks();
    const queue = this.ready.get(key) ?? [];
    this.ready.delete(key);
    while (queue.length > 0) {
      const envelopes = queue.splice(0, notificationBatchMax);
      if (random.chance(notificationReorderRate)) envelopes.reverse();
      const url = envelopes[0]?.url ?? '';
      this.track(this.attempt({ url, envelopes, firstAtMs: clock.now(), attempts: 0, epoch: this.epoch }));
    }
  }

  private async attempt(batch: Batch): Promise<void> {
    if (batch.epoch !== this.epoch) return;
    batch.attempts += 1;
    this.counts.posts += 1;
    if (batch.attempts > 1) this.counts.retried += 1;
    const body = JSON.stringify({ value: batch.envelopes.map(({ item }) => item) });
    const answer = await postText(
      batch.url,
      { contentType: 'application/json; charset=utf-8', body },
      { carriers: this.carriers, timeoutMs: this.deps.quirks().notificationTimeoutMs },
    );
    if (batch.epoch !== this.epoch) return;
    this.note(batch, answer);
    if (answer.status >= 200 && answer.status < 300) this.accept(batch);
    else this.retry(batch);
  }

  private note(batch: Batch, answer: PostAnswer): void {
    const { counts } = this;
    counts.byStatus[answer.status] = (counts.byStatus[answer.status] ?? 0) + 1;
    if (answer.isTimeout || answer.ms > SLOW_ANSWER_MS) counts.slowAnswers += 1;
    for (const { record } of batch.envelopes) {
      record.attempts = batch.attempts;
      record.lastStatus = answer.status;
      record.lastAnswerMs = answer.ms;
    }
    this.deps.answered(batch.url, answer);
  }

  private accept({ envelopes }: Batch): void {
    this.waitingItems -= envelopes.length;
    this.counts.acceptedItems += envelopes.length;
    for (const envelope of envelopes) {
      envelope.record.status = 'delivered';
      this.deps.delivered(envelope);
    }
  }

  private retry(batch: Batch): void {
    const { clock, quirks } = this.deps;
    const { notificationRetryBaseMs, notificationRetryPauseMaxMs, notificationRetryForMs } = quirks();
    if (clock.now() - batch.firstAtMs >= notificationRetryForMs) return this.giveUp(batch.envelopes);
    const pauseMs = Math.min(
      notificationRetryPauseMaxMs,
      notificationRetryBaseMs * 2 ** (batch.attempts - 1),
    );
    this.later(() => this.track(this.attempt(batch)), pauseMs);
  }

  private giveUp(envelopes: readonly Envelope[]): void {
    this.waitingItems -= envelopes.length;
    this.counts.failedItems += envelopes.length;
    for (const envelope of envelopes) {
      envelope.record.status = 'failed';
      this.deps.failed(envelope);
    }
  }

  private later(act: () => void, ms: number): void {
    const timer = setTimeout(() => {
      this.waiting.delete(timer);
      act();
    }, ms);
    this.waiting.set(timer, act);
  }

  private track(work: Promise<void>): void {
    const flight = work.finally(() => this.flying.delete(flight));
    this.flying.add(flight);
  }
}

const newCounts = (): DeliveryCounts => ({
  posts: 0,
  retried: 0,
  slowAnswers: 0,
  byStatus: {},
  acceptedItems: 0,
  failedItems: 0,
});
