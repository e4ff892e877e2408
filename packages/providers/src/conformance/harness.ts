/**
 * What the suite needs from a provider under test: the adapter, and the provider's side of the world under control.
 * Cases that need bytes on a wire ask for `wire`; a provider without one gives the suite its reason.
 */
import type {
  CalendarProvider,
  EventFields,
  EventTime,
  EventWriter,
  ProviderSession,
  TokenEndpoint,
} from '@calfleet/domain';

export interface HarnessEvent {
  /** What cases call it: its id where providers take ids. 5 or more of the characters a–v and 0–9, as Google wants. */
  id: string;
  fields: Partial<Pick<EventFields, 'summary' | 'description' | 'location' | 'recurrence' | 'attendees'>> &
    Pick<EventFields, 'start' | 'end'>;
  /** Cases then call it `{series}_{slot}`. */
  exceptionOf?: { seriesId: string; originalStart: EventTime };
}

/** Legal but awkward habits of a provider. */
interface HarnessQuirks {
  pageSizeMax: number;
  emptyPagesAt: number[];
  newestFirst: boolean;
  repeats: boolean;
  bareTombstones: boolean;
  /** Lists leave out series, and of exceptions what they share with theirs. */
  bareSeries: boolean;
}

export type HarnessOperation =
  'listCalendars' | 'listChanges' | 'readEvents' | 'watch' | 'stopWatch' | keyof EventWriter;

interface HarnessFault {
  operation: HarnessOperation;
  /** `lost_answer`: it is done, and nobody hears of it. */
  failure: 'unavailable' | 'rate_limited' | 'lost_answer';
  /** Matching calls that pass first. */
  skip?: number;
}

export interface HarnessNotification {
  watchId: string;
  token: string | null;
  resourceId: string;
  /** The provider's word for what this is about. */
  state: string;
}

interface NewCalendar {
  refusesPush?: boolean;
  timeZone?: string;
  readOnly?: boolean;
}

interface HarnessCloud {
  /** @returns the provider's id of a new calendar that the session's account can see, and write to unless `readOnly`. */
  createCalendar(options?: NewCalendar): Promise<string>;
  unshareCalendar(calendarId: string): Promise<void>;
  put(calendarId: string, event: HarnessEvent): Promise<void>;
  remove(calendarId: string, eventName: string): Promise<void>;
  /** The provider's id of what cases call so; of something that never was, an id that could be. */
  idOf(calendarId: string, eventName: string): string;
  /** What cases call the event of an id. */
  nameOf(calendarId: string, providerEventId: string): string;
  cancelOccurrence(
    calendarId: string,
    occurrence: { seriesId: string; originalStart: EventTime },
  ): Promise<void>;
  behave(quirks: Partial<HarnessQuirks>): Promise<void>;
  expireCursors(calendarId: string): Promise<void>;
  expirePageCursors(calendarId: string): Promise<void>;
  fail(fault: HarnessFault): Promise<void>;
  /** Every access token given out so far is answered with 401. */
  expireAccessTokens(): Promise<void>;
  /** The user takes the grant back. */
  revokeGrant(): Promise<void>;
  /** Where notifications of a watch go, and an address that this provider does not accept. */
  address(watchId: string): string;
  badAddress: string;
  /** Everything that arrived for watches, oldest first. */
  notifications(): Promise<HarnessNotification[]>;
  /** Watches whose channel is open. */
  openChannels(): Promise<string[]>;
}

/** Faults that only exist over HTTP. */
export interface HarnessWire {
  /** Answers with this status and reason. */
  status(answer: WireStatus): Promise<void>;
  cut(cut: { operation: HarnessOperation; how: 'drop_before' | 'drop_after' | 'torn_body' }): Promise<void>;
}

export interface WireStatus {
  operation: HarnessOperation;
  status: number;
  reason?: string;
  message?: string;
  retryAfterSeconds?: number;
  skip?: number;
}

export interface CountingSession extends ProviderSession {
  /** Requests told through `onRequest`. */
  readonly requests: number;
}

export interface ProviderHarness {
  readonly provider: CalendarProvider;
  readonly tokens: TokenEndpoint;
  readonly cloud: HarnessCloud;
  /** null: see `wire` of the suite. */
  readonly wire: HarnessWire | null;
  /** A refresh token of the session's account. */
  refreshToken(): Promise<string>;
  session(): CountingSession;
  close(): Promise<void>;
}
