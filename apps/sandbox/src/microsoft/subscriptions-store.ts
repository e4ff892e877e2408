/**
 * The subscriptions of all mailboxes: who is told what, who rests on which token, and when it is over. What ended
 * stays in the owner's list.
 */
import type { AccessToken, ChangeType, Mailbox, MailboxChange } from './mailbox.ts';
import { LifecycleWatch } from './notifications-lifecycle.ts';
import { Notifications } from './notifications.ts';
import type { LifecycleEvent } from './notifications-item.ts';
import type { MicrosoftWorld } from './world.ts';

/** Records of ended ones beyond this are forgotten. */
const ENDED_MAX = 5000;
/** Changes of one paused subscription that are kept for later. */
const KEPT_MAX = 1000;

export interface Subscription {
  readonly id: string;
  readonly mailbox: Mailbox;
  readonly clientId: string;
  /** Object id of who created it; the application's for an app-only token. */
  readonly creatorId: string;
  /** As asked for. */
  readonly resource: string;
  /** null: the whole mailbox. */
  readonly folderId: string | null;
  readonly changeType: string;
  readonly changeTypes: ReadonlySet<ChangeType>;
  notificationUrl: string;
  readonly lifecycleNotificationUrl: string | null;
  readonly clientState: string | null;
  readonly latestSupportedTlsVersion: string;
  /** Of the Prefer header of its creation; cannot be changed. */
  readonly immutableIds: boolean;
  readonly createdAtMs: number;
  expiresAtMs: number;
  /** Its life is the subscription's pulse: that of the creation, renewal or last reauthorisation. */
  access: AccessToken;
  ended: 'deleted' | 'removed' | 'expired' | null;
  /** An expiry counts from its own time, whenever it was noticed. */
  endedAtMs: number | null;
  /** Of the last `reauthorizationRequired`. */
  askedAtMs: number | null;
  /** Of the last POST to reauthorize, or renewal. */
  reauthorizedAtMs: number | null;
  /** A PATCH and a reauthorize within ten minutes, which clients are told not to send. */
  doubleReauthorizations: number;
  /** Changes that nobody was told of since the last `missed`. */
  missed: number;
  kept: { atMs: number; change: MailboxChange }[];
  delivered: { items: number; lifecycle: number; lastAtMs: number | null };
}

export type SubscriptionState = 'active' | 'paused' | NonNullable<Subscription['ended']>;

/** What the owner sees; secrets left out. */
export interface SubscriptionReport {
  id: string;
  state: SubscriptionState;
  mailbox: string;
  creatorId: string;
  clientId: string;
  resource: string;
  changeType: string;
  notificationUrl: string;
  lifecycleNotificationUrl: string | null;
  immutableIds: boolean;
  createdAt: string;
  expiresAt: string;
  endedAt: string | null;
  tokenExpiresAt: string;
  /** Items answered with 2xx. */
  delivered: number;
  deliveredLifecycle: number;
  lastDeliveredAt: string | null;
  missed: number;
  doubleReauthorizations: number;
}

const TEN_MINUTES_MS = 600_000;

export class Subscriptions {
  readonly notifications: Notifications;
  private readonly lifecycle: LifecycleWatch;
  private readonly byId = new Map<string, Subscription>();
  private readonly byMailbox = new Map<string, Set<Subscription>>();

  constructor(private readonly world: MicrosoftWorld) {
    this.notifications = new Notifications(world, {
      delivered: (subscription) => this.tellMissed(subscription),
    });
    this.lifecycle = new LifecycleWatch(world, this);
  }

  /** An event of a mailbox was created, changed or deleted. */
  changed(change: MailboxChange): void {
    for (const subscription of this.byMailbox.get(change.mailbox.oid) ?? []) {
      if (!this.covers(subscription, change)) continue;
      const state = this.stateOf(subscription);
      if (state === 'active') this.notifications.tell(subscription, change);
      else if (state === 'paused') this.holdBack(subscription, change);
    }
  }

  open(subscription: Subscription): void {
    this.byId.set(subscription.id, subscription);
    const siblings = this.byMailbox.get(subscription.mailbox.oid) ?? new Set();
    this.byMailbox.set(subscription.mailbox.oid, siblings.add(subscription));
    this.forgetOldest();
    this.lifecycle.start();
  }

  /** A subscription that is not over. */
  living(id: string): Subscription | undefined {
    const subscription = this.byId.get(id);
    return subscription !== undefined && this.isLiving(subscription) ? subscription : undefined;
  }

  livingOf(mailbox: Mailbox): Subscription[] {
    return [...(this.byMailbox.get(mailbox.oid) ?? [])].filter((known) => this.isLiving(known));
  }

  allLiving(): Subscription[] {
    return [...this.byId.values()].filter((subscription) => this.isLiving(subscription));
  }

  /** Expiry is noticed here and nowhere else: the clock may be moved at any time. */
  stateOf(subscription: Subscription): SubscriptionState {
    const now = this.world.clock.now();
    if (subscription.ended === null && subscription.expiresAtMs <= now) this.end(subscription, 'expired');
    if (subscription.ended !== null) return subscription.ended;
    return this.world.quirks.tokenCoupling && subscription.access.expiresAtMs <= now ? 'paused' : 'active';
  }

  end(subscription: Subscription, how: NonNullable<Subscription['ended']>): void {
    subscription.ended = how;
    subscription.endedAtMs = how === 'expired' ? subscription.expiresAtMs : this.world.clock.now();
    subscription.kept = [];
    this.byMailbox.get(subscription.mailbox.oid)?.delete(subscription);
  }

  /** Graph ends what rests on a revoked grant, and says so. */
  removeAll(mailbox: Mailbox): void {
    for (const subscription of this.livingOf(mailbox)) this.announce(subscription, 'subscriptionRemoved');
  }

  /** @param by a POST to reauthorize, or a PATCH, which does the same */
  reauthorize(subscription: Subscription, access: AccessToken): void {
    const now = this.world.clock.now();
    const { reauthorizedAtMs } = subscription;
    if (reauthorizedAtMs !== null && now - reauthorizedAtMs < TEN_MINUTES_MS) {
      subscription.doubleReauthorizations += 1;
    }
    subscription.reauthorizedAtMs = now;
    subscription.access = access;
    if (this.stateOf(subscription) !== 'active') return;
    const { notificationRetryForMs } = this.world.quirks;
    for (const { atMs, change } of subscription.kept.splice(0)) {
      if (now - atMs < notificationRetryForMs) this.notifications.tell(subscription, change);
      else subscription.missed += 1;
    }
    this.tellMissed(subscription);
  }

  /**
   * What an operator, or Graph itself, says about subscriptions. `subscriptionRemoved` ends them.
   * @param target a subscription's id, a calendar's id, or a mailbox' object id or address
   * @returns how many were told of.
   */
  sendLifecycle(target: string, event: LifecycleEvent): number {
    const named = this.living(target);
    const subscriptions = named === undefined ? this.livingAbout(target) : [named];
    for (const subscription of subscriptions) this.announce(subscription, event);
    return subscriptions.length;
  }

  announce(subscription: Subscription, event: LifecycleEvent): void {
    if (event === 'reauthorizationRequired') subscription.askedAtMs = this.world.clock.now();
    this.notifications.tellLifecycle(subscription, event);
    if (event === 'subscriptionRemoved') this.end(subscription, 'removed');
  }

  /** Looks at once at what the clock has brought: reminders, expiries, late notifications. */
  tick(): void {
    this.lifecycle.tick();
  }

  /** All that there ever were, oldest first. */
  report(): SubscriptionReport[] {
    return [...this.byId.values()].map((subscription) => this.reportOf(subscription));
  }

  clear(): void {
    this.lifecycle.stop();
    this.byId.clear();
    this.byMailbox.clear();
    this.notifications.clear();
  }

  close(): void {
    this.clear();
    this.notifications.close();
  }

  private isLiving(subscription: Subscription): boolean {
    return ['active', 'paused'].includes(this.stateOf(subscription));
  }

  private covers({ folderId }: Subscription, change: MailboxChange): boolean {
    if (folderId !== null) return folderId === change.folderId;
    return change.isDefaultCalendar || !this.world.quirks.defaultCalendarOnly;
  }

  private holdBack(subscription: Subscription, change: MailboxChange): void {
    const isKept = this.world.quirks.pausedNotifications === 'kept' && subscription.kept.length < KEPT_MAX;
    if (isKept) subscription.kept.push({ atMs: this.world.clock.now(), change });
    else subscription.missed += 1;
  }

  private tellMissed(subscription: Subscription): void {
    if (subscription.missed === 0 || !this.world.quirks.missedAfterLoss) return;
    if (this.stateOf(subscription) !== 'active') return;
    subscription.missed = 0;
    this.announce(subscription, 'missed');
  }

  private livingAbout(target: string): Subscription[] {
    const mailbox = this.world.mailbox(target);
    if (mailbox !== undefined) return this.livingOf(mailbox);
    const entries = [...this.world.mailboxes.values()].flatMap(({ calendars }) => [...calendars.values()]);
    const entry = entries.find(({ id, folderId }) => id === target || folderId === target);
    if (entry === undefined) return [];
    return this.livingOf(entry.owner).filter(
      ({ folderId }) => folderId === entry.folderId || (folderId === null && entry.isDefault),
    );
  }

  private forgetOldest(): void {
    if (this.byId.size <= ENDED_MAX) return;
    for (const subscription of this.byId.values()) {
      if (this.isLiving(subscription)) continue;
      this.byId.delete(subscription.id);
      return;
    }
  }

  private reportOf(subscription: Subscription): SubscriptionReport {
    const { mailbox, delivered } = subscription;
    return {
      id: subscription.id,
      state: this.stateOf(subscription),
      mailbox: mailbox.email,
      creatorId: subscription.creatorId,
      clientId: subscription.clientId,
      resource: subscription.resource,
      changeType: subscription.changeType,
      notificationUrl: subscription.notificationUrl,
      lifecycleNotificationUrl: subscription.lifecycleNotificationUrl,
      immutableIds: subscription.immutableIds,
      createdAt: iso(subscription.createdAtMs),
      expiresAt: iso(subscription.expiresAtMs),
      endedAt: subscription.endedAtMs === null ? null : iso(subscription.endedAtMs),
      tokenExpiresAt: iso(subscription.access.expiresAtMs),
      delivered: delivered.items,
      deliveredLifecycle: delivered.lifecycle,
      lastDeliveredAt: delivered.lastAtMs === null ? null : iso(delivered.lastAtMs),
      missed: subscription.missed,
      doubleReauthorizations: subscription.doubleReauthorizations,
    };
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();
