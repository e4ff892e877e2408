import { pullReasons } from './catalog.ts';
import { bucketOf, limitsOf, pacePerMinute, publishedLimits } from './quotas.ts';

test.each([
  { requests: 10_000, windowMs: 60_000 },
  { requests: 600, windowMs: 60_000 },
  { requests: 10_000, windowMs: 600_000 },
  { requests: 10, windowMs: 60_000 },
])('a full bucket and all that flows in never pass %j in any window', (quota) => {
  const { stepMs, depthMs, reserveMs } = bucketOf(quota, 'user');
  const most = depthMs / stepMs + quota.windowMs / stepMs;
  expect(most).toBeLessThanOrEqual(quota.requests);
  expect(depthMs).toBeGreaterThanOrEqual(stepMs);
  expect(reserveMs).toBe(0);
});

test('the less urgent, the more is left to others', () => {
  const quota = { requests: 10_000, windowMs: 60_000 };
  const shares = pullReasons.map((urgency) => {
    const { depthMs, reserveMs } = bucketOf(quota, urgency);
    return reserveMs / depthMs;
  });
  expect(shares).toEqual([0, 0.05, 0.25, 0.5]);
});

test('a plan paces itself by the quota of the project; where there is none, nothing is said', () => {
  expect(pacePerMinute(publishedLimits, 'schedule')).toEqual({ google: 6_000 });
  const scaled = limitsOf({
    google: { projectPerMinute: 600, accountPerMinute: 60 },
    microsoft: { mailboxPerTenMinutes: 100 },
  });
  expect(pacePerMinute(scaled, 'user')).toEqual({ google: 480 });
});
