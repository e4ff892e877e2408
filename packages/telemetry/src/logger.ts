/** JSON log lines, one per event, redacted on their way out. */
import type { Writable } from 'node:stream';
import winston from 'winston';
import { redact, redactText } from './redaction.ts';
import { activeTraceId } from './spans.ts';

/** Facts of one log line. Ids, counts, codes; redaction is the net below, not an invitation. */
export type Facts = Record<string, unknown>;

/** A child carries its context (request_id, job_id, calendar_id, account_id, stream, …) into every line. */
export interface Logger {
  debug(message: string, facts?: Facts): void;
  info(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts): void;
  child(context: Facts): Logger;
}

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  service: string;
  level: LogLevel;
  /** Default: stdout. */
  destination?: Writable;
}

export function createLogger({ service, level, destination = process.stdout }: LoggerOptions): Logger {
  const { combine, timestamp, printf } = winston.format;
  const sink = winston.createLogger({
    level,
    format: combine(
      timestamp(),
      printf(({ timestamp: time, level, message, facts }) =>
        JSON.stringify({ time, level, service, message, ...(facts as Facts) }),
      ),
    ),
    transports: [new winston.transports.Stream({ stream: destination })],
  });
  return bind(sink, {});
}

function bind(sink: winston.Logger, context: Facts): Logger {
  const write = (level: LogLevel) => (message: string, facts?: Facts) => {
    if (!sink.isLevelEnabled(level)) return;
    // Facts travel in a field of their own: winston joins a `message` among them onto the message.
    sink.log({
      level,
      message: redactText(message),
      facts: withoutReserved(redact({ ...context, ...traced(), ...facts })),
    });
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => bind(sink, { ...context, ...more }),
  };
}

/** The trace that a line was written in, where there is one. */
function traced(): Facts {
  const traceId = activeTraceId();
  return traceId === undefined ? {} : { trace_id: traceId };
}

/** No fact may pose as the line's own level or time. */
function withoutReserved(facts: unknown): Facts {
  return Object.fromEntries(
    Object.entries(facts as Facts).map(([key, value]) =>
      ['time', 'level', 'service', 'message'].includes(key) ? [`fact_${key}`, value] : [key, value],
    ),
  );
}
