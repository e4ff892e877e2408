/**
 * What the clock brings to subscriptions: the reminder that they need a new token or more time, and their end.
 * https://learn.microsoft.com/graph/change-notifications-lifecycle-events
 */
import type { Subscription, Subscriptions } from './subscriptions-store.ts';
import type { MicrosoftWorld } from './world.ts';

export class LifecycleWatch {
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly world: MicrosoftWorld,
    private readonly subscriptions: Subscriptions,
  ) {}

  /** Looks again and again as long as there is something to look at. */
  start(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.tick();
      const isNeeded =
        this.subscriptions.allLiving().length > 0 || this.subscriptions.notifications.hasDeferred();
      if (isNeeded) this.start();
    }, this.world.quirks.lifecycleTickMs).unref();
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  tick(): void {
    this.subscriptions.notifications.sendDeferred();
    for (const subscription of this.subscriptions.allLiving()) {
      if (this.isAskable(subscription)) this.subscriptions.announce(subscription, 'reauthorizationRequired');
    }
  }

  private isAskable({ access, expiresAtMs, askedAtMs }: Subscription): boolean {
    const { tokenCoupling, reauthorizeBeforeTokenEndMs, reauthorizeBeforeExpiryMs, reauthorizeRepeatMs } =
      this.world.quirks;
    const now = this.world.clock.now();
    if (askedAtMs !== null && now - askedAtMs < reauthorizeRepeatMs) return false;
    const isNear = (endMs: number, beforeMs: number | null): boolean =>
      beforeMs !== null && endMs - now <= beforeMs;
    return (
      (tokenCoupling && isNear(access.expiresAtMs, reauthorizeBeforeTokenEndMs)) ||
      isNear(expiresAtMs, reauthorizeBeforeExpiryMs)
    );
  }
}
