/** What a request handler is given, and what it gives back. Express stays at the edge. */
import type { ApiConfig } from '@calfleet/config';
import type { Database, Transaction } from '@calfleet/db';
import type { CalendarId, Clock, ConsentEndpoint, ProviderName, ZoneTable } from '@calfleet/domain';
import type { CallerThrottle, Producer, QueueBoardSource } from '@calfleet/jobs';
import type { Logger, Metrics } from '@calfleet/telemetry';
import type { Vault } from '@calfleet/vault';
import type { Caller, Identify } from './auth/caller.ts';
import type { Refusals } from './auth/refusals.ts';
import type { IsPlaceable } from './placeable-zones.ts';

/** What connecting by consent takes. */
export interface Connect {
  consents: ReadonlyMap<ProviderName, ConsentEndpoint>;
  /** Where browsers reach this API; ends in `/`. */
  publicUrl: string;
  /** Where the application may have them sent in the end. */
  redirectUris: readonly string[];
}

export interface ApiDeps {
  /** Without `jwt` no token of a user is accepted. */
  config: Pick<ApiConfig, 'adminKey' | 'providers'> & Partial<Pick<ApiConfig, 'jwt' | 'callerLimits'>>;
  db: Database;
  producer: Producer;
  queueBoard: QueueBoardSource;
  /** Counts callers' requests against `callerLimits`; without both nobody is refused. */
  throttle?: CallerThrottle;
  vault: Vault;
  /** Without it accounts come with a refresh token alone. */
  connect?: Connect;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
}

export interface Context extends ApiDeps {
  zones: ZoneTable;
  placeableZones: () => Promise<IsPlaceable>;
  identify: Identify;
  refusals: Refusals;
  /** Aborted when the process stops: whoever waits answers with what there is. */
  stopping: AbortSignal;
}

/** One request of one user, authenticated, not yet read. */
export interface Call {
  userId: string;
  caller: Caller;
  /** Where the connection comes from: a proxy's address behind a proxy. */
  address: string;
  method: string;
  /** As it stands in the list of routes: `DELETE /accounts/:id`. */
  route: string;
  /** Without its query. */
  path: string;
  params: Record<string, string>;
  query: unknown;
  body: unknown;
  idempotencyKey: string | null;
  /** As sent: the event version that a change is made upon. */
  ifMatch: string | null;
  /** Named in the answer, in every log line, and in the jobs that the call leads to. */
  requestId: string;
  /** Aborted when the client went away. */
  gone: AbortSignal;
  logger: Logger;
}

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  /** Sent instead of the body, as JSON of a line each, as fast as the client takes them. */
  lines?: AsyncIterable<unknown>;
}

export type Handler = (context: Context, call: Call) => Promise<Answer>;

/** One request of an operator, about the fleet and not about any user. */
export type AdminCall = Omit<Call, 'userId'>;

export type AdminHandler = (context: Context, call: AdminCall) => Promise<Answer>;

/** A transaction as the calling user. @param calendars those it writes feed rows of */
export const asUser = <T>(
  { db }: Context,
  { userId }: Call,
  work: (tx: Transaction) => Promise<T>,
  calendars: readonly CalendarId[] = [],
): Promise<T> => db.transaction({ role: 'api', userId, calendars }, work);
