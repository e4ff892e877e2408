/**
 * What providers publish, as token buckets. A bucket of depth B that is filled at rate r lets at most B + r·W through
 * in any window W: 15 % of the quota at once and 80 % spread over the window never pass it, and the 5 % between are for
 * requests that travel at different speeds.
 */
import type { ProviderName } from '@calfleet/domain';
import type { PullReason } from './catalog.ts';

export interface Quota {
  requests: number;
  windowMs: number;
}

export interface ProviderLimits {
  /** Of all that our project sends. Left out: the provider has none, or one that no fleet reaches. */
  project?: Quota;
  /** Of one account. */
  account: Quota;
  /** Requests in flight of one mailbox. Left out: as many as there are. */
  placesMax?: number;
}

export type Limits = Partial<Record<ProviderName, ProviderLimits>>;

const minuteMs = 60_000;

export interface QuotaSettings {
  google: { projectPerMinute: number; accountPerMinute: number };
  microsoft: { mailboxPerTenMinutes: number };
}

/**
 * https://developers.google.com/workspace/calendar/api/guides/quota ·
 * https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits (of an app it serves 130,000 in 10 s)
 */
export const limitsOf = ({ google, microsoft }: QuotaSettings): Limits => ({
  google: {
    project: { requests: google.projectPerMinute, windowMs: minuteMs },
    account: { requests: google.accountPerMinute, windowMs: minuteMs },
  },
  microsoft: {
    account: { requests: microsoft.mailboxPerTenMinutes, windowMs: 10 * minuteMs },
    placesMax: 4,
  },
});

export const publishedLimits: Limits = limitsOf({
  google: { projectPerMinute: 10_000, accountPerMinute: 600 },
  microsoft: { mailboxPerTenMinutes: 10_000 },
});

const depthShare = 0.15;
const rateShare = 0.8;

/** What each urgency leaves in a bucket for those that are more urgent. */
const reserves: Record<PullReason, number> = { user: 0, notify: 0.05, schedule: 0.25, backfill: 0.5 };

/** In milliseconds of filling, so that a bucket is one number: the instant at which it will be full again. */
export interface Bucket {
  /** Time that fills one request. */
  stepMs: number;
  depthMs: number;
  /** What this urgency does not touch. */
  reserveMs: number;
}

export function bucketOf({ requests, windowMs }: Quota, urgency: PullReason): Bucket {
  const stepMs = windowMs / (requests * rateShare);
  const depthMs = Math.max(1, Math.floor(requests * depthShare)) * stepMs;
  return { stepMs, depthMs, reserveMs: depthMs * reserves[urgency] };
}

/**
 * Requests a minute that a plan may spend of each provider: the rate of its project, less what this urgency leaves to
 * others. Providers without such a quota are not named.
 */
export function pacePerMinute(limits: Limits, urgency: PullReason): Partial<Record<ProviderName, number>> {
  const paces = Object.entries(limits).flatMap(([provider, { project }]) =>
    project
      ? [[provider, ((project.requests * minuteMs) / project.windowMs) * rateShare * (1 - reserves[urgency])]]
      : [],
  );
  return Object.fromEntries(paces) as Partial<Record<ProviderName, number>>;
}
