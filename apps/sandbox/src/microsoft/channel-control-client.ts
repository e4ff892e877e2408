/** Subscriptions, notifications and throttling from another process: what `channel-control.ts` offers. */
import type { ControlClient } from '../control/client.ts';
import type { LifecycleEvent } from './notifications-item.ts';
import type { NotificationRecord } from './notifications-outbox.ts';
import type { NotificationCounts } from './notifications.ts';
import type { SubscriptionReport } from './subscriptions-store.ts';
import type { ThrottleReport } from './throttle.ts';

const ROOM = ['microsoft', 'channels'];

export class ChannelControl {
  constructor(private readonly client: ControlClient) {}

  /** All that there ever were, oldest first. */
  async subscriptions(): Promise<SubscriptionReport[]> {
    const path = [...ROOM, 'subscriptions'];
    return (await this.client.call<{ subscriptions: SubscriptionReport[] }>('GET', path)).subscriptions;
  }

  notifications(): Promise<{ counts: NotificationCounts; notifications: NotificationRecord[] }> {
    return this.client.call('GET', [...ROOM, 'notifications']);
  }

  /**
   * @param target a subscription's id, a calendar's id, or a mailbox' object id or address
   * @returns how many subscriptions were told of
   */
  async sendLifecycle(target: string, event: LifecycleEvent): Promise<number> {
    const path = [...ROOM, 'lifecycle'];
    return (await this.client.call<{ told: number }>('POST', path, { target, event })).told;
  }

  /** Sends held, deferred and delayed notifications now. */
  release(): Promise<NotificationCounts> {
    return this.client.call('POST', [...ROOM, 'release']);
  }

  /** Answers when no notification is on its way any more. */
  settle(): Promise<NotificationCounts> {
    return this.client.call('POST', [...ROOM, 'settle']);
  }

  /** Looks at once at what the clock has brought. */
  tick(): Promise<void> {
    return this.client.call('POST', [...ROOM, 'tick']);
  }

  throttle(mailbox: string): Promise<ThrottleReport> {
    return this.client.call('GET', [...ROOM, 'throttle', mailbox]);
  }

  resetThrottle(mailbox: string): Promise<void> {
    return this.client.call('POST', [...ROOM, 'throttle', mailbox, 'reset']);
  }

  /** The next requests of the mailbox are answered 429. */
  refuseNext(mailbox: string, planned: { requests: number; retryAfterSeconds?: number }): Promise<void> {
    return this.client.call('POST', [...ROOM, 'throttle', mailbox, 'refuse-next'], planned);
  }
}
