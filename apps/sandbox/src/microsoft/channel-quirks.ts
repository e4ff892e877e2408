/** Knobs of login, throttling, subscriptions and notifications. Each has a default, so that `{}` is documented behaviour. */
import { z } from 'zod';

const rate = z.number().min(0).max(1);
const milliseconds = z.number().int().min(0);
const MINUTE_MS = 60_000;

/**
 * How the answers of a receiving host decide about its later notifications. Three texts of the documentation give
 * three sets of figures (see `slowDropProfiles`); times of the window and of delays are sandbox time.
 */
const slowDropSchema = z.strictObject({
  /** Judged over this time. */
  windowMs: milliseconds.default(10 * MINUTE_MS),
  /** Fewer answers than this in the window decide nothing. */
  answersMin: z.number().int().min(1).default(1),
  /** An answer that takes longer is slow, real milliseconds. */
  slowAnswerMs: milliseconds,
  /** More than this share of slow answers: what is new leaves `slowDelayMs` later. */
  slowShare: rate,
  slowDelayMs: milliseconds,
  /** The same for dropping what is new. */
  dropAnswerMs: milliseconds,
  dropShare: rate,
});

export type SlowDrop = z.infer<typeof slowDropSchema>;

const loginQuirks = {
  /** Documented: 60 to 90 minutes. `expires_in` says a second less. */
  accessTokenTtlMs: z
    .number()
    .int()
    .positive()
    .default(60 * MINUTE_MS),
  /** Ninety days from the day a token was given out; null: no limit. */
  refreshTokenTtlMs: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(90 * 24 * 60 * MINUTE_MS),
  /** Whether a refresh token goes on working after its use gave a new one. Documented: it does. */
  refreshTokenReuse: z.enum(['allowed', 'revoked']).default('allowed'),
  /** Whether using a revoked one again ends the tokens that came from it as well. */
  refreshTokenReuseEndsFamily: z.boolean().default(false),
  /** Whether a revocation also ends access tokens; Graph takes them to their end but for clients of continuous access evaluation. */
  revocationEndsAccessTokens: z.boolean().default(false),
  /** Whether a revocation removes the mailbox' subscriptions, which `subscriptionRemoved` tells. */
  revocationRemovesSubscriptions: z.boolean().default(true),
};

const throttleQuirks = {
  /** Requests of one mailbox at once; null: no limit. */
  mailboxConcurrencyMax: z.number().int().min(1).nullable().default(4),
  /** Retry-After of a request that was one too many at once. */
  concurrencyRetryAfterSeconds: z.number().int().min(0).default(1),
  /** Requests of one mailbox in ten minutes (sandbox time); null: no limit. Microsoft's figure is 10,000. */
  requestsPer10Minutes: z.number().int().min(0).nullable().default(null),
  /** Whether a request that comes before a Retry-After is over is refused again. */
  enforceRetryAfter: z.boolean().default(false),
  /** Real milliseconds that a request stays in flight at least, so that concurrency can be measured. */
  minServiceMs: milliseconds.default(0),
};

const subscriptionQuirks = {
  /** The documentation says 10,080; the service is seen to refuse what lies above this. */
  subscriptionMinutesMax: z.number().int().positive().default(10_070),
  /** Shorter wishes are raised to this without a word. */
  subscriptionMinutesMin: z.number().int().min(0).default(45),
  /** Over all applications. */
  subscriptionsPerMailboxMax: z.number().int().min(0).default(1000),
  subscriptionPageSize: z.number().int().min(1).default(100),
  /** The same change types on the same resource again: 409 by the documentation of 2025, accepted by the one of 2023. */
  duplicateSubscriptions: z.enum(['conflict', 'accept']).default('conflict'),
  /** Share of creations and renewals answered 403 around an inner ServiceUnavailable: the mailbox is being moved. */
  subscriptionUnavailableRate: rate.default(0),
  /** The create page says that only the listed read permission counts; most see Calendars.ReadWrite do. */
  subscriptionNeedsReadScope: z.boolean().default(false),
  /** Real milliseconds an endpoint has for its answer to the validation. */
  validationTimeoutMs: z.number().int().min(1).default(10_000),
  /** How a space of the validation token looks in the query. */
  validationTokenSpaces: z.enum(['plus', 'percent']).default('plus'),
};

const notificationQuirks = {
  /** One change is told this many times: a creation as created and updated. */
  notificationsPerChangeMin: z.number().int().min(1).max(10).default(2),
  notificationsPerChangeMax: z.number().int().min(1).max(10).default(4),
  /** Whether `me/events` is silent about other calendars than the default one. */
  defaultCalendarOnly: z.boolean().default(true),
  /** Items for one address that travel in one request. */
  notificationBatchMax: z.number().int().min(1).default(20),
  /** Real milliseconds that a request waits for further items. */
  notificationBatchWaitMs: milliseconds.default(5),
  /** Real milliseconds before an item is ready to leave; jitter on top reorders items. */
  notificationDelayMs: milliseconds.default(0),
  notificationJitterMs: milliseconds.default(0),
  /** Share of items that wait `notificationLateMs` (sandbox time) on top. */
  notificationLateRate: rate.default(0),
  notificationLateMs: milliseconds.default(3 * MINUTE_MS),
  notificationLostRate: rate.default(0),
  notificationDuplicateRate: rate.default(0),
  /** Share of requests whose items are in another order than they happened. */
  notificationReorderRate: rate.default(0),
  /** Share of items that carry a clientState that is not the subscription's. */
  wrongClientStateRate: rate.default(0),
  /** Items wait until they are released. */
  notificationHold: z.boolean().default(false),
  /** Real milliseconds. */
  notificationTimeoutMs: z.number().int().min(1).default(3_000),
  /** First pause before a refused request is sent again, real milliseconds; it doubles up to the other. */
  notificationRetryBaseMs: z.number().int().min(1).default(200),
  notificationRetryPauseMaxMs: z.number().int().min(1).default(60_000),
  /** Given up this long after the first attempt, sandbox time. */
  notificationRetryForMs: milliseconds.default(4 * 60 * MINUTE_MS),
  /** Null: hosts are not judged. */
  slowDrop: slowDropSchema.nullable().default(null),
};

const lifecycleQuirks = {
  /** Whether a subscription needs a living access token: that of its creation, renewal or last reauthorisation. */
  tokenCoupling: z.boolean().default(true),
  /** `reauthorizationRequired` this long before the token's end, sandbox time; null: never for the token. */
  reauthorizeBeforeTokenEndMs: milliseconds.nullable().default(15 * MINUTE_MS),
  /** The same before the subscription's expiry. */
  reauthorizeBeforeExpiryMs: milliseconds.nullable().default(60 * MINUTE_MS),
  /** Said again after this time, while the cause stays. */
  reauthorizeRepeatMs: z
    .number()
    .int()
    .min(1000)
    .default(15 * MINUTE_MS),
  /** What becomes of changes while the token is over: lost, or told after a reauthorisation within the time of retries. */
  pausedNotifications: z.enum(['lost', 'kept']).default('lost'),
  /** Whether `missed` follows when delivery was paused or given up. */
  missedAfterLoss: z.boolean().default(true),
  /** Real milliseconds between two looks at what the clock has brought. */
  lifecycleTickMs: z.number().int().min(1).default(250),
};

export const channelQuirks = {
  ...loginQuirks,
  ...throttleQuirks,
  ...subscriptionQuirks,
  ...notificationQuirks,
  ...lifecycleQuirks,
};

export type ChannelQuirks = z.infer<z.ZodObject<typeof channelQuirks>>;

/** https://learn.microsoft.com/graph/change-notifications-delivery-webhooks as of 2023, January 2025 and April 2026. */
export const slowDropProfiles: Record<'2023' | '2025' | '2026', SlowDrop> = {
  '2023': {
    windowMs: 10 * MINUTE_MS,
    answersMin: 100,
    slowAnswerMs: 2_900,
    slowShare: 0.1,
    slowDelayMs: 10 * MINUTE_MS,
    dropAnswerMs: 2_900,
    dropShare: 0.15,
  },
  '2025': {
    windowMs: 10 * MINUTE_MS,
    answersMin: 1,
    slowAnswerMs: 10_000,
    slowShare: 0.1,
    slowDelayMs: 10_000,
    dropAnswerMs: 10_000,
    dropShare: 0.15,
  },
  '2026': {
    windowMs: 10 * MINUTE_MS,
    answersMin: 1,
    slowAnswerMs: 3_000,
    slowShare: 0.1,
    slowDelayMs: 10 * MINUTE_MS,
    dropAnswerMs: 10_000,
    dropShare: 0.15,
  },
};
