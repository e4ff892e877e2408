/**
 * OpenTelemetry, by the standard's variables and off without them. What is off is not loaded.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
import type { Logger } from './logger.ts';

export interface TracingOptions {
  /** `service.name` where OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say none. */
  service: string;
  env: Readonly<Record<string, string | undefined>>;
  logger: Pick<Logger, 'info' | 'warn'>;
}

export interface Tracing {
  /** Sends what is left, for a second at most: a collector that does not answer holds nobody up. */
  close(): Promise<void>;
}

type Env = TracingOptions['env'];

const textOf = (env: Env, name: string): string => env[name]?.trim().toLowerCase() ?? '';

const exportersOf = (env: Env): string[] =>
  textOf(env, 'OTEL_TRACES_EXPORTER')
    .split(',')
    .map((exporter) => exporter.trim())
    .filter((exporter) => exporter !== '');

/** An empty variable counts as unset, as the standard says. */
export function isTracingOn(env: Env): boolean {
  if (textOf(env, 'OTEL_SDK_DISABLED') === 'true') return false;
  const exporters = exportersOf(env);
  if (exporters.length > 0) return exporters.includes('otlp');
  // The standard would trace without a word; a fleet without a collector would then knock at localhost for ever.
  return ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some(
    (name) => textOf(env, name) !== '',
  );
}

/** What the variables ask for and this version does not do. */
export function tracingGaps(env: Env): string[] {
  if (textOf(env, 'OTEL_SDK_DISABLED') === 'true') return [];
  const unknown = exportersOf(env).filter((exporter) => exporter !== 'otlp' && exporter !== 'none');
  const protocol =
    textOf(env, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') || textOf(env, 'OTEL_EXPORTER_OTLP_PROTOCOL');
  return [
    ...unknown.map((exporter) => `OTEL_TRACES_EXPORTER knows otlp and none, not ${exporter}`),
    ...(protocol === 'grpc' ? ['OTEL_EXPORTER_OTLP_PROTOCOL grpc is not spoken: http/json is sent'] : []),
  ];
}

/** Never throws: a process works as well without its traces. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { env, logger, service } = options;
  for (const gap of tracingGaps(env)) logger.warn('Tracing does less than its variables ask for', { gap });
  if (!isTracingOn(env)) return { close: async () => undefined };
  try {
    const { openTracing } = await import('./open-telemetry.ts');
    const tracing = await openTracing(options);
    logger.info('Tracing', { service_default: service });
    return tracing;
  } catch (error) {
    logger.warn('Tracing did not start; everything else does', { error });
    return { close: async () => undefined };
  }
}
