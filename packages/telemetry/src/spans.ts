/**
 * Spans of what one wish or hint leads to, over all processes that it passes. Names and facts are closed lists: ids,
 * counts, codes and statuses, never what events say, never a token, never an address with somebody's ids in it.
 * Without a tracer nothing of OpenTelemetry is loaded and a span is a call of its work.
 */

/** Placeholders stand for closed lists of their own: the API's routes, the catalogue's jobs, a provider's operations. */
export type SpanName =
  | 'notification google'
  | 'notification microsoft'
  | 'enqueue'
  | 'page transaction'
  | `api ${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`
  | `job ${string}`
  | `${'google' | 'microsoft'} ${string}`;

/** OpenTelemetry's own names where it has one: https://opentelemetry.io/docs/specs/semconv/registry/attributes/ */
export const spanFacts = [
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'messaging.system',
  'messaging.destination.name',
  'messaging.message.id',
  'messaging.batch.message_count',
  'error.type',
  'calfleet.request_id',
  'calfleet.provider',
  'calfleet.operation',
  'calfleet.account_id',
  'calfleet.calendar_id',
  'calfleet.watch_id',
  /** What a notification says: `change`, `sync`, … */
  'calfleet.hint',
  'calfleet.job',
  'calfleet.reason',
  'calfleet.attempt',
  'calfleet.outcome',
  'calfleet.mode',
  'calfleet.items',
  'calfleet.created',
  'calfleet.updated',
  'calfleet.deleted',
] as const;

/** null and undefined are left out. */
export type SpanFacts = {
  [Fact in (typeof spanFacts)[number]]?: string | number | boolean | null | undefined;
};

export interface SpanOptions {
  /** Who is on the other side. Default `internal`: nobody. */
  kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  facts?: SpanFacts;
  /** `traceparent` of whoever asked, if we believe them. https://www.w3.org/TR/trace-context/ */
  traceparent?: string | undefined;
  /** What the job brought along, see {@link carrier}. */
  carried?: string | undefined;
  /** Jobs added inside begin traces of their own, which are linked to this span. */
  isFanOut?: boolean;
  /** Whether what the work threw is a failure; by default it is. */
  isFailure?: (error: unknown) => boolean;
}

export interface Span {
  set(facts: SpanFacts): void;
  /** @param type a code or a class, never a message: messages quote */
  fail(type: string): void;
}

/** What a process that traces puts behind the functions below. */
export interface Tracer {
  inSpan<T>(name: SpanName, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
  active(): { traceId: string; span: Span } | null;
  carrier(): string | undefined;
}

/** One per process, as OpenTelemetry's own: a tracer in every signature would tell every room of it. */
let tracer: Tracer | null = null;

/** @param next null: none */
export function useTracer(next: Tracer | null): void {
  tracer = next;
}

const silent: Span = { set: () => undefined, fail: () => undefined };

/** Does the work inside a span; what it throws is the span's failure, and is thrown on. */
export function inSpan<T>(
  name: SpanName,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracer === null ? work(silent) : tracer.inSpan(name, options, work);
}

/** Adds facts to the span that is open here, if any. */
export function annotate(facts: SpanFacts): void {
  tracer?.active()?.span.set(facts);
}

/** Of the span that is open here, 32 hex digits. */
export const activeTraceId = (): string | undefined => tracer?.active()?.traceId;

/** What a job has to bring along, so that its run belongs to the trace that is open here; undefined: to none. */
export const carrier = (): string | undefined => tracer?.carrier();
