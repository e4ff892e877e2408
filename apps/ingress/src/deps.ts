/** What receiving a notification needs: Redis behind a producer, and no look-up anywhere. */
import type { Clock } from '@calfleet/domain';
import type { Producer } from '@calfleet/jobs';
import type { Logger, Metrics } from '@calfleet/telemetry';
import type { ChannelSigner } from '@calfleet/vault';
import type { RateCap } from './rate-cap.ts';

export interface NotificationDeps {
  producer: Producer;
  signer: ChannelSigner;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  /** Of one source. */
  withinCap: RateCap;
  /** Of one watch; asked about what is signed alone. */
  withinChannelCap: RateCap;
  /** Jobs of Microsoft's batches on their way to Redis at the same time, at most. */
  storingMax: number;
}
