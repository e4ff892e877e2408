/** A logger that keeps its lines, for tests that count what a worker says. */
import type { Logger } from '@calfleet/telemetry';

export interface Line {
  level: string;
  message: string;
  facts: Record<string, unknown>;
}

export function recordLines(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const bind = (context: Record<string, unknown>): Logger => {
    const write =
      (level: string) =>
      (message: string, facts: Record<string, unknown> = {}): void =>
        void lines.push({ level, message, facts: { ...context, ...facts } });
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (more) => bind({ ...context, ...more }),
    };
  };
  return { logger: bind({}), lines };
}
