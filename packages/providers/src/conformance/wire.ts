/** What only exists over HTTP: statuses with reasons, cut connections and JSON that makes no sense. */
import type { SyncErrorCode } from '@calfleet/domain';
import { fill } from './events.ts';
import type { HarnessWire, ProviderHarness, WireStatus } from './harness.ts';
import { errorFrom, readRound } from './round.ts';

type Answer = Omit<WireStatus, 'operation' | 'skip'>;

const listAnswers: [Answer, SyncErrorCode][] = [
  [{ status: 403, reason: 'rateLimitExceeded' }, 'rate_limited'],
  [{ status: 403, reason: 'userRateLimitExceeded' }, 'rate_limited'],
  [{ status: 403, reason: 'quotaExceeded' }, 'rate_limited'],
  [{ status: 429, reason: 'rateLimitExceeded' }, 'rate_limited'],
  [{ status: 403, reason: 'forbidden' }, 'permission_denied'],
  [{ status: 403, reason: 'insufficientPermissions' }, 'permission_denied'],
  [{ status: 403, reason: 'notACalendarUser' }, 'permission_denied'],
  [{ status: 404, reason: 'notFound' }, 'remote_missing'],
  [{ status: 410, reason: 'fullSyncRequired' }, 'cursor_expired'],
  [{ status: 410, reason: 'updatedMinTooLongAgo' }, 'cursor_expired'],
  [{ status: 500, reason: 'backendError' }, 'provider_unavailable'],
  [{ status: 503, reason: 'backendError' }, 'provider_unavailable'],
  [{ status: 418, reason: 'somethingNew' }, 'provider_unavailable'],
];

export function describeWire(harness: () => ProviderHarness): void {
  const wire = (): HarnessWire => {
    const { wire: held } = harness();
    if (held === null) throw new Error('the harness has no wire');
    return held;
  };

  describe('the wire', () => {
    let calendarId: string;

    beforeEach(async () => {
      calendarId = await harness().cloud.createCalendar();
      await fill(harness(), calendarId, 4);
    });

    it.each(listAnswers)('reads %j as %s', async (answer, code) => {
      await wire().status({ operation: 'listChanges', ...answer });
      const session = harness().session();
      const error = await errorFrom(readRound(harness(), calendarId, { session }));
      expect(error.code).toBe(code);
      expect(session.requests).toBe(1);
    });

    it('waits as long as Retry-After says', async () => {
      await wire().status({ operation: 'listChanges', status: 429, retryAfterSeconds: 17 });
      expect((await errorFrom(readRound(harness(), calendarId))).retryAfterMs).toBe(17_000);
    });

    it.each(['drop_before', 'drop_after', 'torn_body'] as const)('survives %s in mid-round', async (how) => {
      await wire().cut({ operation: 'listChanges', how });
      expect((await errorFrom(readRound(harness(), calendarId))).code).toBe('provider_unavailable');
      expect((await readRound(harness(), calendarId)).items.size).toBe(4);
    });
  });
}
