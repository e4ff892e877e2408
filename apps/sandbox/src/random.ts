/**
 * Seeded chance. Every concern forks its own stream by name, so that one more push message does not change
 * which page comes out short: a run is replayed by its seed alone.
 */
export class Random {
  private state: number;

  constructor(private readonly seed: number) {
    this.state = seed >>> 0;
  }

  fork(name: string): Random {
    return new Random(hash32(name, this.seed));
  }

  /** In [0, 1). The generator is mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** An integer in [from, to], both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(rate: number): boolean {
    return rate > 0 && this.next() < rate;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  /** A word over an alphabet. The default is the one Google allows in event ids (base32hex). */
  word(length: number, alphabet = '0123456789abcdefghijklmnopqrstuv'): string {
    let word = '';
    for (let i = 0; i < length; i += 1) word += alphabet.charAt(Math.floor(this.next() * alphabet.length));
    return word;
  }
}

/** FNV-1a: short, stable between machines, good enough for checksums and stream names. */
export function hash32(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
