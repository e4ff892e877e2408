/**
 * The provider's legal but awkward habits, as knobs. The defaults are what the documentation promises; every
 * other value has been seen in the wild or is allowed by what the documentation leaves open.
 */
import { z } from 'zod';

/** How a cancelled item looks in a list. `mixed` decides by id, so an item looks the same every time. */
const tombstoneShape = z.enum(['documented', 'bare', 'full', 'mixed']);
export type TombstoneShape = z.infer<typeof tombstoneShape>;

const rate = z.number().min(0).max(1);

export const quirksSchema = z.strictObject({
  /** Upper bound of the page size, whatever maxResults asks for. */
  pageSizeMax: z.number().int().min(1).max(2500).default(2500),
  /** Share of pages that carry nothing but a nextPageToken. Below 1, or a round would never end. */
  emptyPageRate: rate.max(0.95).default(0),
  /** Pages of a round (the first is 1) that are empty for sure. */
  emptyPagesAt: z.array(z.number().int().min(1)).default([]),
  /** Share of pages that are cut short at a random length. */
  shortPageRate: rate.default(0),
  /** Share of later pages that repeat an item of an earlier page, in its current state. */
  repeatRate: rate.default(0),
  /** Order of full lists and of items in a delta page: reversed puts exceptions before their series. */
  order: z.enum(['stable', 'reversed', 'shuffled']).default('stable'),
  /** Whether changes made during a round appear in its later pages. They are in the next delta either way. */
  changesJoinRounds: z.boolean().default(true),
  /** Whether a windowed first list also windows the deltas of its token. Seen both ways; usually not. */
  delta: z.enum(['unbounded', 'windowed']).default('unbounded'),
  /** Deleted occurrences of living series, in deltas. */
  cancelledInstances: tombstoneShape.default('documented'),
  /** Deleted events and series, in deltas. */
  deletedEvents: tombstoneShape.default('documented'),
  /** Whether deleting a series also puts its exceptions, cancelled, into the delta. */
  seriesDeleteFansOut: z.boolean().default(false),
  /** What becomes of exceptions whose slot a changed series no longer has. */
  exceptionsOnSeriesChange: z.enum(['dropped', 'kept']).default('dropped'),
  /** Sync tokens older than this answer 410; null: they live until they are expired by hand. */
  syncTokenTtlMs: z.number().int().positive().nullable().default(null),
  accessTokenTtlMs: z.number().int().positive().default(3_600_000),
  /** Seven days for apps in Google's testing mode; null: no limit. */
  refreshTokenTtlMs: z.number().int().positive().nullable().default(null),
  /** Share of conditional-looking writes answered 412 although nothing was in the way. */
  spurious412Rate: rate.default(0),
  /**
   * Whether texts are kept as they were sent, or without blanks around them and CR, and guests in the server's order. What
   * becomes of either is documented nowhere.
   */
  texts: z.enum(['kept', 'rewritten']).default('kept'),
  /** Time until a room (attendee with resource=true) accepts, real milliseconds; null: rooms stay silent. */
  roomsAnswerAfterMs: z.number().int().min(0).nullable().default(null),
  channelTtlDefaultMs: z.number().int().positive().default(604_800_000),
  channelTtlMaxMs: z.number().int().positive().default(604_800_000),
  /** When the sync message of a new channel leaves, seen from the answer to the watch request. */
  syncMessage: z.enum(['before', 'after', 'never']).default('before'),
  /** Callback hosts that answer 401 webhookUrlUnauthorized. */
  unauthorizedHosts: z.array(z.string()).default([]),
  /** Stopped channels go on delivering for this long (sandbox time). */
  deliverAfterStopMs: z.number().int().min(0).default(0),
  pushDropRate: rate.default(0),
  pushDuplicateRate: rate.default(0),
  /** Real milliseconds before a message leaves; jitter on top reorders messages. */
  pushDelayMs: z.number().int().min(0).default(0),
  pushJitterMs: z.number().int().min(0).default(0),
  /** Messages wait until they are released. */
  pushHold: z.boolean().default(false),
  /** First pause before a message is sent again after a 5xx, real milliseconds; it doubles each time. */
  pushRetryBaseMs: z.number().int().min(1).default(200),
  pushAttemptsMax: z.number().int().min(1).default(5),
  pushTimeoutMs: z.number().int().min(1).default(5_000),
  /** Requests per sliding minute (sandbox time); null: no limit. Google's figures are 600 and 10,000. */
  quotaPerUser: z.number().int().min(0).nullable().default(null),
  quotaPerProject: z.number().int().min(0).nullable().default(null),
  /** Units a patch costs: 3 by the reference page of events.patch, 1 by the quota page of May 2026. */
  patchCost: z.number().int().min(1).default(1),
  /** Both are Google's: the reason decides, not the status. */
  quotaStatus: z.union([z.literal(403), z.literal(429)]).default(403),
});

export type Quirks = z.infer<typeof quirksSchema>;

/** Any subset; what is left out keeps its value. */
export type QuirkChanges = Partial<z.input<typeof quirksSchema>>;

export const documentedQuirks = (): Quirks => quirksSchema.parse({});

export function changeQuirks(current: Quirks, changes: QuirkChanges): Quirks {
  return quirksSchema.parse({ ...current, ...changes });
}
