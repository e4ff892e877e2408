/**
 * How much one source may send in a window, and how much may come about one channel. The table is bounded: past its limit, newcomers of the window share one
 * count, so that neither memory nor the cap can be had by sending from many addresses.
 */
import type { Clock } from '@calfleet/domain';

export interface RateCapOptions {
  perWindow: number;
  windowMs: number;
  sourcesMax: number;
}

/** Ten thousand a second from one address: no provider's burst, and more than this process could store. */
export const rateCapDefault: RateCapOptions = { perWindow: 100_000, windowMs: 10_000, sourcesMax: 10_000 };

/**
 * A thousand a second about one calendar: none changes so often. Only what bears our signature counts, so the table holds
 * channels of ours, and is as large as one window of a whole fleet's.
 */
export const channelCapDefault: RateCapOptions = { perWindow: 10_000, windowMs: 10_000, sourcesMax: 250_000 };

/** Counts one request of the source, or what else is as much work as so many; false when it is too much. */
export type RateCap = (source: string, requests?: number) => boolean;

export function createRateCap(clock: Clock, { perWindow, windowMs, sourcesMax }: RateCapOptions): RateCap {
  const counts = new Map<string, number>();
  let windowEnds = 0;
  return (source, requests = 1) => {
    const now = clock.now().getTime();
    if (now >= windowEnds) {
      counts.clear();
      windowEnds = now + windowMs;
    }
    const key = counts.has(source) || counts.size < sourcesMax ? source : 'everyone else';
    const count = (counts.get(key) ?? 0) + requests;
    counts.set(key, count);
    return count <= perWindow;
  };
}
