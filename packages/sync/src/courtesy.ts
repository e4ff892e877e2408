/**
 * Whoever fills a mirror for the first time gives way to what people wait for. Reading and storing a page of a thousand
 * events holds a process for a quarter of a second, and a live pull takes a dozen small steps: beside four backfills a
 * change of another tenant had its row after 1,076 ms (p95; idle 248 ms, measured). So while such work goes on in this
 * process, backfills take their pages one at a time, each in a moment of quiet (327 ms); but none waits for ever.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** The longest wait of a page: far below what a lease lasts, also for the last of several in a row. */
const patienceMs = 1_000;
/** Work that ended so long ago will have been the last for now. */
const restMs = 2_000;

export class Courtesy {
  private urgent = 0;
  private urgentAt = -Infinity;
  private line: Promise<unknown> = Promise.resolve();
  private whenQuiet: (() => void)[] = [];

  /** Somebody waits for this work. */
  async urgently<T>(work: () => Promise<T>): Promise<T> {
    this.urgent += 1;
    try {
      return await work();
    } finally {
      this.urgent -= 1;
      this.urgentAt = performance.now();
      if (this.urgent === 0) for (const go of this.whenQuiet.splice(0)) go();
    }
  }

  /** Nobody waits for this work. It runs at once where nothing else goes on, else in its turn. */
  async politely<T>(work: () => Promise<T>): Promise<T> {
    if (this.urgent === 0 && performance.now() - this.urgentAt > restMs) return work();
    const turn = this.line.then(() => this.quiet()).then(work);
    this.line = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves when no urgent work goes on, at the latest after {@link patienceMs}. */
  private async quiet(): Promise<void> {
    if (this.urgent === 0) return;
    const waiting = new AbortController();
    const quiet = new Promise<void>((resolve) => this.whenQuiet.push(resolve));
    await Promise.race([quiet, pause(patienceMs, undefined, { signal: waiting.signal })]);
    waiting.abort();
  }
}
