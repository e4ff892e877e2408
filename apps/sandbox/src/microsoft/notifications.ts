/**
 * Change and lifecycle notifications. They are hints and no more: one change is told several times, at any time, in
 * any order, or never. https://learn.microsoft.com/graph/change-notifications-overview
 */
import type { Random } from '../random.ts';
import type { ChangeType, MailboxChange } from './mailbox.ts';
import { changeItem, lifecycleItem, type LifecycleEvent } from './notifications-item.ts';
import {
  Outbox,
  type DeliveryCounts,
  type Envelope,
  type NotificationRecord,
} from './notifications-outbox.ts';
import { HostJudge } from './notifications-slow-drop.ts';
import type { Subscription } from './subscriptions-store.ts';
import type { MicrosoftWorld } from './world.ts';

/** Older records are forgotten, so that a long demo does not grow. */
const RECORDS_MAX = 20_000;
/** Items that wait for the sandbox clock; more are dropped. */
const DEFERRED_MAX = 20_000;
const CLIENT_STATE_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export interface NotificationCounts extends DeliveryCounts {
  /** Items that were to be told, duplicates included. */
  items: number;
  lost: number;
  dropped: number;
}

export class Notifications {
  private readonly random: Random;
  private readonly judge = new HostJudge();
  private readonly outbox: Outbox;
  private records: NotificationRecord[] = [];
  private held: Envelope[] = [];
  private deferred: { dueAtMs: number; envelope: Envelope }[] = [];
  private counts = { items: 0, lost: 0, dropped: 0 };

  constructor(
    private readonly world: MicrosoftWorld,
    /** Told when a subscription's address has accepted something. */
    private readonly hooks: { delivered: (subscription: Subscription) => void },
  ) {
    this.random = world.fork('notifications');
    this.outbox = new Outbox({
      clock: world.clock,
      random: this.random,
      quirks: () => world.quirks,
      answered: (url, { isTimeout, ms }) =>
        this.judge.note(hostOf(url), {
          atMs: world.clock.now(),
          ms: isTimeout ? Number.POSITIVE_INFINITY : ms,
        }),
      delivered: (envelope) => this.delivered(envelope),
      failed: ({ record, subscription }) => {
        if (record.kind === 'change') subscription.missed += 1;
      },
    });
  }

  tell(subscription: Subscription, change: MailboxChange): void {
    const { random } = this;
    const { notificationDuplicateRate, wrongClientStateRate } = this.world.quirks;
    for (const changeType of this.tellings(change.changeType)) {
      if (!subscription.changeTypes.has(changeType)) continue;
      const isForged = random.chance(wrongClientStateRate);
      const clientState = isForged ? random.word(32, CLIENT_STATE_ALPHABET) : subscription.clientState;
      const item = changeItem(subscription, change, { changeType, clientState, random });
      const eventId = subscription.immutableIds ? change.immutableEventId : change.eventId;
      const times = random.chance(notificationDuplicateRate) ? 2 : 1;
      for (let time = 0; time < times; time += 1) {
        this.emit(subscription, item, { kind: 'change', event: changeType, eventId, isForged });
      }
    }
  }

  /** Without an address for it there is nobody to tell. */
  tellLifecycle(subscription: Subscription, event: LifecycleEvent): void {
    if (subscription.lifecycleNotificationUrl === null) return;
    const item = lifecycleItem(subscription, event);
    this.emit(subscription, item, { kind: 'lifecycle', event, eventId: null, isForged: false });
  }

  list(): NotificationRecord[] {
    return this.records.map((record) => ({ ...record }));
  }

  tally(): NotificationCounts {
    return { ...this.counts, ...this.outbox.tally() };
  }

  /** Sends what is held, deferred or waits for its turn, now. */
  release(): void {
    for (const envelope of this.held.splice(0)) this.outbox.add(envelope, 0);
    for (const { envelope } of this.deferred.splice(0)) this.outbox.add(envelope, 0);
    this.outbox.hurry();
  }

  /** Resolves when nothing is on its way; what is held or deferred stays. */
  settled(): Promise<void> {
    return this.outbox.settled();
  }

  hasDeferred(): boolean {
    return this.deferred.length > 0;
  }

  /** Sends what the sandbox clock has reached. */
  sendDeferred(): void {
    if (this.deferred.length === 0) return;
    const now = this.world.clock.now();
    const due = this.deferred.filter(({ dueAtMs }) => dueAtMs <= now);
    this.deferred = this.deferred.filter(({ dueAtMs }) => dueAtMs > now);
    for (const { envelope } of due) this.outbox.add(envelope, 0);
  }

  clear(): void {
    this.records = [];
    this.held = [];
    this.deferred = [];
    this.counts = { items: 0, lost: 0, dropped: 0 };
    this.judge.clear();
    this.outbox.clear();
  }

  close(): void {
    this.clear();
    this.outbox.close();
  }

  /** What one change is told as: free/busy, reminders and processing touch an item as well. */
  private tellings(changeType: ChangeType): ChangeType[] {
    const { notificationsPerChangeMin: min, notificationsPerChangeMax: max } = this.world.quirks;
    const times = this.random.between(min, Math.max(min, max));
    const further = Array.from({ length: times - 1 }, (): ChangeType => 'updated');
    // A deleted event is touched once more on its way to Deleted Items.
    return changeType === 'deleted' ? [...further.slice(0, 1), 'deleted'] : [changeType, ...further];
  }

  private emit(
    subscription: Subscription,
    item: Record<string, unknown>,
    facts: Pick<NotificationRecord, 'kind' | 'event' | 'eventId' | 'isForged'>,
  ): void {
    const { notificationLostRate, notificationHold } = this.world.quirks;
    const record = this.record(subscription, facts);
    this.counts.items += 1;
    if (facts.kind === 'change' && this.random.chance(notificationLostRate)) {
      record.status = 'lost';
      this.counts.lost += 1;
      return;
    }
    const { notificationUrl, lifecycleNotificationUrl } = subscription;
    const url = facts.kind === 'lifecycle' ? (lifecycleNotificationUrl ?? '') : notificationUrl;
    const envelope: Envelope = { record, subscription, url, item };
    if (notificationHold) {
      record.status = 'held';
      this.held.push(envelope);
    } else this.schedule(envelope);
  }

  private schedule(envelope: Envelope): void {
    const { clock, quirks } = this.world;
    const verdict = this.judge.verdict(hostOf(envelope.url), clock.now(), quirks.slowDrop);
    const isLate = this.random.chance(quirks.notificationLateRate);
    const lateMs = (isLate ? quirks.notificationLateMs : 0) + (verdict.kind === 'slow' ? verdict.delayMs : 0);
    if (verdict.kind === 'drop' || (lateMs > 0 && this.deferred.length >= DEFERRED_MAX)) {
      this.drop(envelope);
    } else if (lateMs > 0) {
      envelope.record.status = 'deferred';
      this.deferred.push({ dueAtMs: clock.now() + lateMs, envelope });
    } else {
      const { notificationDelayMs, notificationJitterMs } = quirks;
      const jitterMs = notificationJitterMs > 0 ? this.random.between(0, notificationJitterMs) : 0;
      this.outbox.add(envelope, notificationDelayMs + jitterMs);
    }
  }

  private drop({ record, subscription }: Envelope): void {
    record.status = 'dropped';
    this.counts.dropped += 1;
    if (record.kind === 'change') subscription.missed += 1;
  }

  private delivered({ record, subscription }: Envelope): void {
    const { delivered } = subscription;
    if (record.kind === 'change') delivered.items += 1;
    else delivered.lifecycle += 1;
    delivered.lastAtMs = this.world.clock.now();
    this.hooks.delivered(subscription);
  }

  private record(
    subscription: Subscription,
    facts: Pick<NotificationRecord, 'kind' | 'event' | 'eventId' | 'isForged'>,
  ): NotificationRecord {
    const record: NotificationRecord = {
      subscriptionId: subscription.id,
      ...facts,
      status: 'waiting',
      attempts: 0,
      lastStatus: null,
      lastAnswerMs: null,
    };
    this.records.push(record);
    if (this.records.length > RECORDS_MAX) this.records.splice(0, RECORDS_MAX / 2);
    return record;
  }
}

const hostOf = (url: string): string => new URL(url).host;
