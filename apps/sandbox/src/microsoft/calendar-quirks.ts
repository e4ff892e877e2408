/** Knobs of calendars, events and delta. The defaults are what is documented, and where practice differs, what is observed. */
import { z } from 'zod';

const rate = z.number().min(0).max(1);

/** Pages of a delta round. */
const roundQuirks = {
  /** Items per page where no odata.maxpagesize is sent, and the most that may be asked for. */
  deltaPageSize: z.number().int().min(1).default(10),
  deltaPageSizeMax: z.number().int().min(1).default(1000),
  /** Share of pages that carry nothing but a nextLink. Below 1, or a round would never end. */
  emptyPageRate: rate.max(0.95).default(0),
  /** Pages of a round (the first is 1) that are empty for sure. */
  emptyPagesAt: z.array(z.number().int().min(1)).default([]),
  /** Share of pages that hold twice what was asked for, besides those that a series makes long. */
  oversizedPageRate: rate.default(0),
  /** Share of later pages that repeat an item of an earlier page, in its current state. */
  duplicateItemRate: rate.default(0),
  /**
   * A page that comes again and again under ever new links: so many times, until another odata.maxpagesize is sent,
   * or for ever. https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/3082
   */
  loopingNextLink: z
    .strictObject({
      times: z.union([z.number().int().min(1), z.enum(['until_other_size', 'always'])]),
      /** The page of the round that comes again; empty ones never do. */
      page: z.number().int().min(1).default(1),
      /** Only while pages of at least this many items are asked for. https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/3070 */
      pageSizeMin: z.number().int().min(1).default(1),
    })
    .nullable()
    .default(null),
  /** How long (sandbox time), and for how many rounds of a chain of links, delta does not know of a change. */
  deltaLagMs: z.number().int().min(0).default(0),
  deltaLagRounds: z.number().int().min(0).max(20).default(0),
  /** Whether links are written with `microsoft.graph.delta()`. */
  longLinks: z.boolean().default(false),
  /** What delta does with `$select` and the like, which it does not support. */
  selectOnDelta: z.enum(['ignore', 'reject']).default('ignore'),
};

/** What a delta says about series, deletions and the edges of its window. */
const deltaQuirks = {
  /** What a change inside a series shows of it: everything in the window, the same over several pages, or the changed occurrence. */
  seriesEmission: z.enum(['whole', 'changed', 'split']).default('whole'),
  deltaMasters: z.enum(['present', 'absent']).default('present'),
  /** Whether exceptions carry what they share with their series. */
  deltaExceptions: z.enum(['full', 'partial']).default('full'),
  /** Whether a change outside the window is told as a removal. https://learn.microsoft.com/graph/api/event-delta */
  outOfWindowRemoved: z.boolean().default(true),
  /** The ids that the deletion of a whole series names. */
  removedSeries: z.enum(['master', 'instances', 'both']).default('master'),
  /** Share of deletions that delta never tells. */
  missedDeletionRate: rate.default(0),
  /** Items that left and came back between two rounds stay away. https://github.com/microsoftgraph/microsoft-graph-docs/issues/21752 */
  returnedItemsStayRemoved: z.boolean().default(false),
};

/** How links die. */
const tokenQuirks = {
  deadLinkCode: z
    .enum(['SyncStateNotFound', 'syncStateNotFound', 'resyncRequired', 'InvalidDeltaToken'])
    .default('SyncStateNotFound'),
  /** Of a lost sync state; InvalidDeltaToken is always 400. */
  deadLinkStatus: z.union([z.literal(410), z.literal(404), z.literal(400)]).default(410),
  /** Whether it comes with the Location of a fresh start. */
  deadLinkLocation: z.boolean().default(false),
  /** Share of delta links, and of links inside a round, that are dead when they are used. */
  deadDeltaLinkRate: rate.default(0),
  deadNextLinkRate: rate.default(0),
  /** Rounds of a mailbox whose links are remembered, over all its calendars and clients; null: all. */
  generationsKept: z.number().int().min(1).nullable().default(null),
};

const eventQuirks = {
  /** Share of writes answered with a conflict that is none, and its status. */
  spuriousConflictRate: rate.default(0),
  spuriousConflictStatus: z.union([z.literal(409), z.literal(412)]).default(412),
  /** Share of writes that the server follows with a version of its own, and of delta rounds before which it does that to any event. */
  serverTouchRate: rate.default(0),
  /** The answer to a transactionId that is already known; `existing` is 201 with the event that is there. */
  duplicateTransaction: z.union([z.literal(400), z.literal(409), z.literal('existing')]).default(400),
  /** Whether that error names the event. */
  duplicateTransactionNamesEvent: z.boolean().default(false),
  /** null: for ever. */
  transactionIdTtlMs: z.number().int().positive().nullable().default(null),
  /** Whether a text is read as it was written, or with CRLF, without blanks at line ends, and with a last line end. */
  texts: z.enum(['kept', 'rewritten']).default('kept'),
  /** The order in which attendees are shown: as they were sent, or the server's own. */
  attendeeOrder: z.enum(['sent', 'by_address']).default('sent'),
  /** Documented: each occurrence has its own; reported: that of the series. */
  occurrenceICalUId: z.enum(['own', 'series']).default('own'),
  /** How `originalStart` of an all-day occurrence is written: midnight where it was created, or the date's midnight in UTC. */
  allDayOriginalStart: z.enum(['instant', 'midnight']).default('instant'),
  /** Whether a deleted event can still be read by its immutable id, from Deleted Items. */
  deletedItemsResolve: z.boolean().default(false),
  /** Whether a master can be asked for `cancelledOccurrences` and `exceptionOccurrences`, as in beta. */
  cancelledOccurrences: z.boolean().default(false),
};

const calendarListQuirks = {
  calendarPageSize: z.number().int().min(1).default(10),
  /** Whether calendars have other ids for clients that ask for immutable ones; the documentation says they have not. */
  calendarIdFollowsPrefer: z.boolean().default(false),
};

export const calendarQuirks = {
  ...roundQuirks,
  ...deltaQuirks,
  ...tokenQuirks,
  ...eventQuirks,
  ...calendarListQuirks,
};
