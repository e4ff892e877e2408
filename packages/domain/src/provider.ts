/**
 * The port that every calendar provider is reached through.
 *
 * Terms. An *account* is a grant of one mailbox. A *cursor* says "changes since here" (Google: sync token, Graph:
 * delta link); a *page cursor* says "the next page of this very question". A *round* is one question with all its
 * pages; only its last page carries the next cursor. A *channel* is the provider's side of a watch.
 *
 * Every method may raise: `provider_unavailable` (5xx, timeout, reset, unknown answer), `rate_limited`
 * (`retryAfterMs` set), `credentials_revoked` (the grant is dead; nothing will work until a person reconnects),
 * `permission_denied` (this user may not do this). What else a method raises stands with it.
 */
import type { Clock } from './clock.ts';
import type { SyncErrorCode } from './errors.ts';
import type { ProviderName, RemoteEvent, RemoteItem, SeriesSlot } from './event.ts';
import type { EventPatch, WritableFields } from './merge.ts';

/** How a provider call identifies itself. Providers ask for a token at each call and never keep one. */
export interface ProviderSession {
  accountId: string;
  /**
   * A live access token. `fresh` says that the last one was answered with 401; `lifeMs` wants one that lives at least
   * so long, for what rests on a token after the call is over.
   * @throws credentials_revoked
   */
  accessToken(options?: { fresh?: boolean; lifeMs?: number }): Promise<string>;
  /** Told once per HTTP request sent, so that runs can say what they cost. */
  onRequest?(): void;
  /** Told once per answer, parts of a batch one by one, and of requests that got none. */
  onAnswer?(answer: ProviderAnswer): void;
  /**
   * Asks before each request whether it may be sent, over the whole fleet: inside the quotas of account and project, and
   * where a mailbox stands only so many at once, with places among those in flight. Absent: nobody counts.
   * @param requests how many the provider counts; parts of a batch count each
   * @throws rate_limited the account is parked: the provider's word
   * @throws NotAsked the quota is used up for now, no place came free in time, or nobody could be asked
   */
  admit?(requests: number): Promise<Admission>;
}

/** How a request ended, without anything of what was asked or answered. */
export interface ProviderAnswer {
  /** HTTP status; null: no answer. */
  status: number | null;
  /** What the provider meant; null: success. */
  code: SyncErrorCode | null;
  /** Name of the error behind a missing answer (`ECONNRESET`, `TimeoutError`, …). */
  cause: string | null;
}

/** Leave to send what was asked for. */
export interface Admission {
  /**
   * Gives places back, once. `parkMs`: the provider said to stay away that long; nobody of the account, or of the whole
   * project, is let in before.
   */
  leave(parkMs?: number, whose?: ParkScope): Promise<void>;
}

/** Whose requests a provider refuses: one account's, or all that our project sends. */
export type ParkScope = 'account' | 'project';

export interface RemoteCalendar {
  providerCalendarId: string;
  name: string;
  timeZone: string | null;
  accessRole: 'free_busy_reader' | 'reader' | 'writer' | 'owner';
  primary: boolean;
  /** Deleted from the list. */
  removed: boolean;
}

export interface CalendarListPage {
  calendars: RemoteCalendar[];
  /** Whose list this is, as soon as a page says so: the provider's lasting name of the mailbox, and its address. */
  mailbox: { id: string; email: string | null } | null;
  nextPageCursor: string | null;
}

/** ISO instants; the end is exclusive. */
export interface Window {
  start: string;
  end: string;
}

export interface ChangesRequest {
  providerCalendarId: string;
  /** null asks for everything that is there now (a full round). The same for every page of a round. */
  cursor: string | null;
  /** null asks for the first page. */
  pageCursor: string | null;
  /** Window of the round, ISO instants. Providers without windows ignore it. */
  window: Window;
  /**
   * `view`: asks for everything in the window by a plain read, where the list of changes goes round in circles. Its
   * last page has a cursor that is worth nothing: `''`.
   */
  reading?: 'view';
  /** Wanted page size; the provider may send fewer or none and still not be done. */
  pageSize: number;
  /** Zone of times that come without one. */
  calendarTimeZone: string | null;
}

export interface ChangesPage {
  /** Possibly empty, possibly naming an id twice (the last one counts); exceptions may precede their series. */
  items: RemoteItem[];
  /** Exactly one of the two is set: more pages, or the cursor for the next round. */
  nextPageCursor: string | null;
  nextCursor: string | null;
}

/** Single reads, together; at most {@link readsMax} ids. */
export interface ReadRequest {
  providerCalendarId: string;
  /** Events to be read as they are now. */
  events: readonly string[];
  /** Series to be read whole: the series itself, and from providers that expand, every instance and exception. */
  series: readonly string[];
  window: Window;
  /** Zone of times that come without one. */
  calendarTimeZone: string | null;
}

/** Graph takes 20 requests in one batch. https://learn.microsoft.com/graph/json-batching */
export const readsMax = 20;

export interface WatchRequest {
  providerCalendarId: string;
  /** Google: the channel's id. At most 64 characters. */
  watchId: string;
  /** Where notifications go. No two calendars have the same, so a channel at this address is ours. */
  address: string;
  /** Proves to ingress that the notification belongs to this watch. Google: ≤ 256 characters, Graph: ≤ 128. */
  token: string;
  /** Wanted expiry; ISO instant. The provider's answer counts. */
  expiresAt: string;
}

export interface Channel {
  /** Names the watched resource (Google `resourceId`) or the subscription (Graph). Needed to stop it. */
  resourceId: string;
  expiresAt: string;
}

/** Where a write goes. */
interface WriteRequest {
  providerCalendarId: string;
  /** Zone of times that come without one, in the answer too. */
  calendarTimeZone: string | null;
}

export interface CreateRequest extends WriteRequest {
  /** Names this creation for ever (a uuid): asked for any number of times, one event comes of it, which carries it. */
  writeId: string;
  fields: WritableFields;
}

/** An event, a series or a changed occurrence by its id; an occurrence that its series still shows by its slot. */
export type WrittenEvent = { providerEventId: string } | { occurrence: SeriesSlot };

export interface UpdateRequest extends WriteRequest {
  event: WrittenEvent;
  /** The version that the change was made upon; null for an occurrence that nobody has changed yet. */
  providerVersion: string | null;
  patch: EventPatch;
  /** The event with the patch in it, for providers that want to be told more than what changes. */
  whole: WritableFields;
}

export interface DeleteRequest extends WriteRequest {
  event: WrittenEvent;
  /** As with {@link UpdateRequest}. */
  providerVersion: string | null;
}

/**
 * Writes. Beside what every method may raise: `permission_denied` (this calendar or event may not be changed by this
 * user), `request_rejected` (never accepted as it is), `provider_unavailable` also when nobody knows whether it was done:
 * asking again is safe.
 */
export interface EventWriter {
  /**
   * @returns the event as the provider stored it; the one of an earlier try, if there was one; `deleted` when that one
   *   is gone by now, under a made-up id where the provider does not say its own
   * @throws remote_missing the calendar is gone
   */
  createEvent(session: ProviderSession, request: CreateRequest): Promise<RemoteItem>;

  /**
   * Changes what the patch names and nothing else.
   * @throws version_conflict somebody changed it since; nothing was written
   * @throws remote_missing the event or its calendar is gone
   */
  updateEvent(session: ProviderSession, request: UpdateRequest): Promise<RemoteEvent>;

  /**
   * Deletes an event, a series with its exceptions, or one occurrence.
   * @throws version_conflict somebody changed it since; nothing was deleted
   * @throws remote_missing it is gone already, or its calendar is
   */
  deleteEvent(session: ProviderSession, request: DeleteRequest): Promise<void>;
}

export interface CalendarProvider extends EventWriter {
  readonly name: ProviderName;
  /**
   * Lists only what lies in a window, and expands series itself: pages hold instances, and absence is a question
   * (Graph). Else events come whole, and series with their rules (Google).
   */
  readonly windowed: boolean;

  /** One page of the account's calendars. */
  listCalendars(session: ProviderSession, request: { pageCursor: string | null }): Promise<CalendarListPage>;

  /**
   * One page of what changed since the cursor. Pure question: asking twice changes nothing.
   * @throws cursor_expired the cursor or page cursor is dead: begin a full round
   * @throws remote_missing the calendar is gone or no longer shared
   */
  listChanges(session: ProviderSession, request: ChangesRequest): Promise<ChangesPage>;

  /**
   * Events as they are now. Ids that the answer does not name are unknown to the provider, which proves nothing: the
   * calendar may be gone. A provider that can tell says `deleted`.
   * @throws remote_missing the calendar is gone, and the provider can tell
   */
  readEvents(session: ProviderSession, request: ReadRequest): Promise<RemoteItem[]>;

  /**
   * Opens a channel. The first notification may arrive before the answer.
   * @throws push_not_supported this calendar can never be watched: poll it
   * @throws misconfigured the address is not accepted: an operator's problem, no retry helps
   * @throws remote_missing the calendar is gone
   */
  watch(session: ProviderSession, request: WatchRequest): Promise<Channel>;

  /**
   * Prolongs a channel; absent where channels are replaced instead (Google).
   * @throws remote_missing the channel is not there any more
   */
  renewWatch?(session: ProviderSession, channel: { resourceId: string; expiresAt: string }): Promise<Channel>;

  /** Closes a channel. A channel that is not there any more is success. */
  stopWatch(session: ProviderSession, channel: { watchId: string; resourceId: string }): Promise<void>;
}

/** What a provider answers when an access token is asked for with a refresh token. */
export interface TokenGrant {
  accessToken: string;
  expiresAt: string;
  /** Set when the provider rotated it: the old one must be replaced. */
  refreshToken: string | null;
  scopes: string[] | null;
}

/** The OAuth side of a provider. */
export interface TokenEndpoint {
  /**
   * @throws credentials_revoked `invalid_grant` and its relatives
   * @throws misconfigured `invalid_client`: an operator's problem, not the user's
   */
  refresh(request: { refreshToken: string; clock: Clock }): Promise<TokenGrant>;

  /**
   * Ends the grant, and with it all that its user ever granted us. One that is dead already is success. Absent where a
   * provider has no such call for apps (Microsoft): its tokens are forgotten, and run out.
   * @throws provider_unavailable nobody knows whether it was done: asking again is safe
   */
  revoke?(request: { refreshToken: string; clock: Clock }): Promise<void>;
}

/** What a user is asked for: reading alone, or writing too. */
export type Access = 'read' | 'read_write';

/** What ties a code to the browser trip that it comes from. Each is random, and used once. */
export interface ConsentSecrets {
  /** Proves to the token endpoint that we asked (RFC 7636). */
  codeVerifier: string;
  /** Comes back inside the identity token. */
  nonce: string;
}

export interface ConsentRequest extends ConsentSecrets {
  access: Access;
  /** Comes back with the code. */
  state: string;
  /** Where the provider sends the browser: as registered there, to the letter. */
  redirectUri: string;
  /** Address of the mailbox that is meant; null: whichever the user chooses. */
  loginHint: string | null;
}

export interface ExchangeRequest extends ConsentSecrets {
  access: Access;
  code: string;
  /** The one that the code was asked for with. */
  redirectUri: string;
  /** Who says that the code is theirs (RFC 9207); null: nobody says. */
  issuer: string | null;
  clock: Clock;
}

/** What a user gave. */
export interface Consent {
  refreshToken: string | null;
  /** All that is granted by now, in the provider's words. */
  scopes: string[];
  /** Permissions that the wanted access takes and the user did not give, in the provider's words. */
  missing: string[];
  /** As {@link CalendarListPage.mailbox} names it. */
  mailbox: { id: string; email: string | null };
}

/** The part of a provider's OAuth that a person takes part in. */
export interface ConsentEndpoint {
  /** Where the user's browser is sent. */
  authorizationUrl(request: ConsentRequest): string;

  /**
   * Makes a grant of a code.
   * @throws request_rejected the code is over, used, or not ours; or what came with it is not for us
   * @throws credentials_revoked the provider asks more of the user than consent
   * @throws misconfigured `invalid_client` and its relatives: an operator's problem, not the user's
   */
  exchange(request: ExchangeRequest): Promise<Consent>;
}
