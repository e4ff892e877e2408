import type { CalendarId, ProviderName } from '@calfleet/domain';
import { announcedPerMinute, announcedPerTick, openPlan, type Pace } from './pace.ts';

const depsOf = (pace?: Pace, names: ProviderName[] = ['google', 'microsoft']) => ({
  settings: pace ? { pace } : {},
  providers: new Map(names.map((name) => [name, name])),
});

const pace: Pace = {
  schedulePerMinute: { google: 6_000 },
  notifyPerMinute: { google: 7_600 },
  tickMs: { 'auto-sync': 60_000, 'webhook-drain': 15_000 },
};

const id = (n: number): CalendarId =>
  `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}` as CalendarId;

test('a tick plans what one provider is granted until the next, at its rate; another goes on', () => {
  const plan = openPlan(depsOf(pace), 'auto-sync');
  // Ids that all have the same chance of delay: what is left is the pace.
  const delays = Array.from({ length: 6_001 }, () => plan.next('google', id(0)));
  expect(delays.at(-1)).toBeNull();
  const planned = delays.filter((delay) => delay !== null);
  expect(planned).toHaveLength(6_000);
  for (const second of [0, 17, 59]) {
    const inIt = planned.filter((ms) => Math.floor(ms / 1_000) === second);
    expect(inIt).toHaveLength(100);
  }
  expect(plan.isFull()).toBe(false);
  expect(plan.next('microsoft', id(0))).toBe(0);
});

test('a plan is full when no provider has anything left', () => {
  const plan = openPlan(depsOf(pace, ['google']), 'auto-sync');
  for (let n = 0; n < 6_000; n += 1) plan.next('google', id(n));
  expect(plan.isFull()).toBe(true);
});

test('few are not held back, but for a chance that keeps beats apart', () => {
  const plan = openPlan(depsOf(pace), 'auto-sync');
  const delays = Array.from({ length: 50 }, (_, n) => plan.next('google', id(n * 1_300)) ?? Infinity);
  expect(Math.max(...delays)).toBeLessThanOrEqual(500 + 6_000);
  expect(new Set(delays).size).toBeGreaterThan(40);
});

test('what was announced goes at the pace of the tightest quota', () => {
  expect([announcedPerMinute(depsOf(pace)), announcedPerTick(depsOf(pace))]).toEqual([7_600, 1_900]);
  expect([announcedPerMinute(depsOf()), announcedPerTick(depsOf())]).toEqual([30_000, 15_000]);
});
