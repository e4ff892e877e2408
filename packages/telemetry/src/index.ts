export { createLogger, type Facts, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { processNames, type ProcessName } from './metrics/declare.ts';
export * as metricLabels from './metrics/labels.ts';
export { redact, redactText } from './redaction.ts';
export { timeRequest } from './request-duration.ts';
export {
  activeTraceId,
  annotate,
  carrier,
  inSpan,
  spanFacts,
  type Span,
  type SpanFacts,
  type SpanName,
  type SpanOptions,
} from './spans.ts';
export { startTracing, type Tracing, type TracingOptions } from './tracing.ts';
