/** Business time. Only the wiring in a `main.ts` hands out {@link systemClock}; tests hand out their own. */
export interface Clock {
  /** The current instant. */
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
