import type { Clock } from '@calfleet/domain';

/** A clock that moves only when a test moves it. */
export class ManualClock implements Clock {
  #now: number;

  /** @param start ISO instant with zone or a Date */
  constructor(start: Date | string = '2026-01-15T12:00:00Z') {
    this.#now = instant(start);
  }

  now(): Date {
    return new Date(this.#now);
  }

  /** Moves by this many milliseconds. */
  advance(ms: number): void {
    this.#now = instant(new Date(this.#now + ms));
  }

  set(to: Date | string): void {
    this.#now = instant(to);
  }
}

function instant(value: Date | string): number {
  const ms = new Date(value).getTime();
  if (Number.isNaN(ms)) throw new RangeError(`Not an instant: ${String(value)}`);
  return ms;
}
