/**
 * Sandbox time: real time plus an offset that the control API moves, or an instant that stands still.
 * Everything that expires here (tokens, channels, quota windows) asks this clock and no other.
 */
export interface SandboxTime {
  /** Milliseconds since 1970 of the real clock. */
  realNow(): number;
}

export const realTime: SandboxTime = { realNow: () => Date.now() };

export class SandboxClock {
  private offsetMs = 0;
  private frozenAt: number | null = null;

  constructor(private readonly time: SandboxTime) {}

  /** Milliseconds since 1970, in sandbox time. */
  now(): number {
    return this.frozenAt ?? this.time.realNow() + this.offsetMs;
  }

  iso(): string {
    return new Date(this.now()).toISOString();
  }

  advance(ms: number): void {
    if (this.frozenAt === null) this.offsetMs += ms;
    else this.frozenAt += ms;
  }

  /** Jumps to an instant; time goes on from there unless it is frozen. */
  set(instantMs: number): void {
    if (this.frozenAt === null) this.offsetMs = instantMs - this.time.realNow();
    else this.frozenAt = instantMs;
  }

  freeze(): void {
    this.frozenAt = this.now();
  }

  unfreeze(): void {
    const at = this.now();
    this.frozenAt = null;
    this.set(at);
  }

  reset(): void {
    this.offsetMs = 0;
    this.frozenAt = null;
  }
}
