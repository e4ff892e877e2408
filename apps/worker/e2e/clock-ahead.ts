import { systemClock, type Clock } from '@calfleet/domain';

/** The clock of somebody who lives so many days later. */
export const clockAhead = (days: number): Clock => ({
  now: () => new Date(systemClock.now().getTime() + days * 86_400_000),
});
