import { SyncError, asSyncError, syncErrorCodes } from '@calfleet/domain';
import { outcomeOf, outcomes } from './outcomes.ts';

const half = () => 0.5;

test('every code has its outcome', () => {
  expect(Object.keys(outcomes).sort()).toEqual([...syncErrorCodes].sort());
  const actions = Object.fromEntries(
    syncErrorCodes.map((code) => [code, outcomeOf(new SyncError(code, ''))]),
  );
  expect(actions).toMatchObject({
    provider_unavailable: { action: 'retry' },
    rate_limited: { action: 'snooze', ms: 60_000 },
    cursor_expired: { action: 'retry' },
    credentials_revoked: { action: 'drop' },
    permission_denied: { action: 'drop' },
    remote_missing: { action: 'drop' },
    request_rejected: { action: 'drop' },
    push_not_supported: { action: 'drop' },
    misconfigured: { action: 'park' },
    lease_lost: { action: 'drop' },
    bug: { action: 'retry' },
  });
});

test.each(['rate_limited', 'provider_unavailable'] as const)(
  '%s sleeps for as long as it was told',
  (code) => {
    expect(outcomeOf(new SyncError(code, '', { retryAfterMs: 7_000 }))).toEqual({
      action: 'snooze',
      ms: 7_000,
    });
    // A day in a header is a mistake, or an attack.
    const day = new SyncError(code, '', { retryAfterMs: 86_400_000 });
    expect(outcomeOf(day)).toEqual({ action: 'snooze', ms: 3_600_000 });
  },
);

describe('a database that is away', () => {
  const away = Object.assign(new Error('terminating connection due to administrator command'), {
    code: '57P01',
  });

  test.each([
    ['itself', away],
    ['inside another error', new Error('the query failed', { cause: away })],
    ['taken for a bug', asSyncError(away)],
    ['a connection that ended', new Error('Connection terminated unexpectedly')],
    ['no connection in time', new Error('Unable to start a transaction in the given time.')],
  ])('costs no attempt: %s', (_, error) => {
    expect(outcomeOf(error, half)).toEqual({ action: 'snooze', ms: 1_000 });
  });

  test('is looked for at times that differ from job to job', () => {
    expect(outcomeOf(away, () => 0)).toEqual({ action: 'snooze', ms: 500 });
    expect(outcomeOf(away, () => 1)).toEqual({ action: 'snooze', ms: 1_500 });
  });
});

test('a provider that refuses connections is no database: it is retried with growing distance', () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  expect(outcomeOf(new SyncError('provider_unavailable', 'no answer', { cause }))).toEqual({
    action: 'retry',
  });
});

test('what nobody foresaw is retried to its attempts', () => {
  expect(outcomeOf(new TypeError('x is not a function'))).toEqual({ action: 'retry' });
  expect(outcomeOf('thrown text')).toEqual({ action: 'retry' });
});
