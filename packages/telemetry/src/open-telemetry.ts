/**
 * The SDK behind spans.ts; loaded only where tracing is on, see tracing.ts. It reads the OTEL_ variables by itself:
 * endpoint, headers, time-outs, sampler, resource, and the bounds of its queue (2,048 spans; more are dropped).
 */
import {
  context,
  createContextKey,
  diag,
  DiagLogLevel,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Link,
  type Span as OtelSpan,
  type SpanContext,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import { useTracer, type Span, type SpanFacts, type SpanOptions, type Tracer } from './spans.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

/** The whole process has ten seconds to stop, and its jobs come first. */
const closeMs = 1_000;

/** @throws what the SDK makes of wrong variables */
export async function openTracing({ service, logger }: TracingOptions): Promise<Tracing> {
  // Only what it says about the variables: afterwards it would quote a collector's answers.
  const say = (message: string) => logger.warn('OpenTelemetry', { said: message });
  const quiet = () => undefined;
  diag.setLogger({ error: say, warn: say, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [new BatchSpanProcessor(reporting(new OTLPTraceExporter(), logger))],
  });
  diag.disable();
  provider.register({ propagator: null });
  useTracer(createTracer());
  return {
    close: async () => {
      useTracer(null);
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, closeMs)));
      // A collector that is away was reported already.
      await Promise.race([provider.shutdown().catch(() => undefined), patience]);
      clearTimeout(timer);
      trace.disable();
      context.disable();
    },
  };
}

/** Says once that the collector is away, and once that it is back. */
function reporting(exporter: SpanExporter, logger: TracingOptions['logger']): SpanExporter {
  let isLost = false;
  const hear = (isSent: boolean, spans: number) => {
    if (!isSent && !isLost)
      logger.warn('The trace collector did not take spans; they are dropped', { spans });
    if (isSent && isLost) logger.info('The trace collector takes spans again');
    isLost = !isSent;
  };
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        // ExportResultCode.SUCCESS, of a package that we do not name.
        hear(Number(result.code) === 0, spans.length);
        done(result);
      }),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** How many jobs lie between a span and the one its trace began with. */
const hopsKey = createContextKey('calfleet.hops');
/**
 * A hint is two jobs from its row. A calendar that changes without pause rings for itself, though, and would make one
 * trace without end: the job after these begins a trace of its own, linked to the one that rang.
 */
const hopsMax = 3;

function createTracer(): Tracer {
  const tracer = trace.getTracer('calfleet');
  return {
    inSpan: async (name, options, work) => {
      const { parent, links } = originOf(options);
      const { kind = 'internal', facts = {}, isFailure = () => true } = options;
      const started = tracer.startSpan(
        name,
        { kind: kinds[kind], attributes: attributesOf(facts), links },
        parent,
      );
      let hasFailed = false;
      const span = spanOf(started, () => (hasFailed = true));
      const within = options.isFanOut ? parent.setValue(hopsKey, hopsMax) : parent;
      try {
        return await context.with(trace.setSpan(within, started), () => work(span));
      } catch (error) {
        if (!hasFailed && isFailure(error)) span.fail(typeOf(error));
        throw error;
      } finally {
        started.end();
      }
    },
    active: () => {
      const open = trace.getActiveSpan();
      if (!open) return null;
      return { traceId: open.spanContext().traceId, span: spanOf(open) };
    },
    carrier: () => {
      const open = trace.getActiveSpan()?.spanContext();
      if (!open) return undefined;
      return JSON.stringify({ traceparent: traceparentOf(open), hops: hopsOf(context.active()) });
    },
  };
}

const spanOf = (open: OtelSpan, onFail?: () => void): Span => ({
  set: (facts) => open.setAttributes(attributesOf(facts)),
  fail: (type) => {
    onFail?.();
    open.setAttribute('error.type', type);
    open.setStatus({ code: SpanStatusCode.ERROR });
  },
});

function attributesOf(facts: SpanFacts): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(facts).filter(
      (entry): entry is [string, string | number | boolean] => entry[1] !== null && entry[1] !== undefined,
    ),
  );
}

/** The code of an error, or its class. Its message may quote anything. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : error.name;
}

/** What a span belongs to: what a job carried, what a believed caller said, else what is open here. */
function originOf({ carried, traceparent }: SpanOptions): { parent: Context; links: Link[] } {
  if (carried === undefined && traceparent === undefined) return { parent: context.active(), links: [] };
  const { origin, hops } = carried === undefined ? { origin: read(traceparent), hops: -1 } : unpack(carried);
  if (!origin) return { parent: ROOT_CONTEXT, links: [] };
  if (hops >= hopsMax) {
    // Nobody could follow a link to what was not sampled.
    const isKept = (origin.traceFlags & TraceFlags.SAMPLED) !== 0;
    return { parent: ROOT_CONTEXT.setValue(hopsKey, 1), links: isKept ? [{ context: origin }] : [] };
  }
  return { parent: trace.setSpanContext(ROOT_CONTEXT, origin).setValue(hopsKey, hops + 1), links: [] };
}

const hopsOf = (within: Context): number => {
  const hops = within.getValue(hopsKey);
  return typeof hops === 'number' ? hops : 0;
};

/** It comes out of Redis: anything may stand there. */
function unpack(carried: string): { origin: SpanContext | null; hops: number } {
  try {
    const { traceparent, hops } = JSON.parse(carried) as Record<string, unknown>;
    const isCount = typeof hops === 'number' && Number.isInteger(hops) && hops >= 0;
    return {
      origin: typeof traceparent === 'string' ? read(traceparent) : null,
      hops: isCount ? hops : hopsMax,
    };
  } catch {
    return { origin: null, hops: hopsMax };
  }
}

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

/** https://www.w3.org/TR/trace-context/#traceparent-header; a later version begins like this one. */
function read(traceparent: string | undefined): SpanContext | null {
  const match = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(
    traceparent ?? '',
  );
  if (!match) return null;
  const [, traceId = '', spanId = '', flags = ''] = match;
  const origin = { traceId, spanId, traceFlags: parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
  return isSpanContextValid(origin) ? origin : null;
}
