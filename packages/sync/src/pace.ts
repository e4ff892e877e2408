/**
 * How much a tick plans: what the providers' budgets serve until the next one, spread over that time. What is due beyond
 * stays due, the earliest first.
 */
import type { CalendarId, ProviderName } from '@calfleet/domain';

export interface Pace {
  /** Requests a minute that schedules may plan of each provider; of one that is not named, {@link perMinuteMax}. */
  schedulePerMinute: Partial<Record<ProviderName, number>>;
  /** The same for what was announced. */
  notifyPerMinute: Partial<Record<ProviderName, number>>;
  /** From one tick to the next, milliseconds. */
  tickMs: Partial<Record<PacedTick, number>>;
}

export type PacedTick = 'auto-sync' | 'incremental-pull' | 'webhook-drain';

/** As the schedules are delivered; also for those told by a cron line. */
const tickMsDefault: Record<PacedTick, number> = {
  'auto-sync': 10 * 60_000,
  'incremental-pull': 20 * 60_000,
  'webhook-drain': 30_000,
};
/** Where no quota says less: 500 pulls a second are more than 20 workers make. */
const perMinuteMax = 30_000;
/** Chance that is put upon each place of the plan, so that beats come apart; at most a tenth of the interval. */
const jitterMsMax = 60_000;

export const tickMsOf = ({ settings }: Paced, tick: PacedTick): number =>
  settings.pace?.tickMs[tick] ?? tickMsDefault[tick];

/** Of the engine's parts, what a pace is read from. */
interface Paced {
  settings: { pace?: Pace };
}

/** The places of one tick in the time until the next. */
export interface Plan {
  /** How long the next pull of this provider waits, milliseconds; null: its budget until the next tick is planned. */
  next(provider: ProviderName, id: CalendarId): number | null;
  /** Nothing more can be planned of any provider. */
  isFull(): boolean;
}

export function openPlan(
  deps: Paced & { providers: ReadonlyMap<ProviderName, unknown> },
  tick: PacedTick,
): Plan {
  const intervalMs = tickMsOf(deps, tick);
  const jitterMs = Math.min(jitterMsMax, intervalMs / 10);
  const planned = new Map<ProviderName, number>();
  const perMinute = (provider: ProviderName): number =>
    deps.settings.pace?.schedulePerMinute[provider] ?? perMinuteMax;
  const most = (provider: ProviderName): number =>
    Math.max(1, Math.floor((perMinute(provider) * intervalMs) / 60_000));
  return {
    next: (provider, id) => {
      const before = planned.get(provider) ?? 0;
      if (before >= most(provider)) return null;
      planned.set(provider, before + 1);
      return Math.floor((before * 60_000) / perMinute(provider) + chanceOf(id) * jitterMs);
    },
    isFull: () => [...deps.providers.keys()].every((each) => (planned.get(each) ?? 0) >= most(each)),
  };
}

/** The same calendar always waits the same part of it: its id is random enough. */
const chanceOf = (id: CalendarId): number => Number.parseInt(id.slice(-4), 16) / 0x10000;

/** What was announced and is rung for again: at the pace of the tightest quota, whosever calendars they are. */
export function announcedPerMinute({ settings }: Paced): number {
  return Math.min(perMinuteMax, ...Object.values(settings.pace?.notifyPerMinute ?? {}));
}

export const announcedPerTick = (deps: Paced): number =>
  Math.max(1, Math.floor((announcedPerMinute(deps) * tickMsOf(deps, 'webhook-drain')) / 60_000));
