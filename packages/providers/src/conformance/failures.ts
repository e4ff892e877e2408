/** Failures: each ends in the code that leads to the right next step, and none loses the question. */
import { SyncError } from '@calfleet/domain';
import { fill } from './events.ts';
import type { Suite } from './cases.ts';
import { errorFrom, readEvents, readRound } from './round.ts';

const clock = { now: () => new Date('2026-11-20T12:00:00Z') };

export function describeFailures({ harness, test }: Suite): void {
  describe('failures', () => {
    let calendarId: string;

    beforeEach(async () => {
      calendarId = await harness().cloud.createCalendar();
      await fill(harness(), calendarId, 4);
    });

    test('says provider_unavailable in mid-round and gives everything when asked again', async () => {
      await harness().cloud.fail({ operation: 'listChanges', failure: 'unavailable', skip: 1 });
      const error = await errorFrom(readRound(harness(), calendarId, { pageSize: 2 }));
      expect(error).toBeInstanceOf(SyncError);
      expect(error.code).toBe('provider_unavailable');
      expect((await readRound(harness(), calendarId, { pageSize: 2 })).items.size).toBe(4);
    });

    test('says rate_limited with the time to stay away', async () => {
      await harness().cloud.fail({ operation: 'listChanges', failure: 'rate_limited' });
      const error = await errorFrom(readRound(harness(), calendarId));
      expect(error.code).toBe('rate_limited');
      expect(error.retryAfterMs).toBeGreaterThan(0);
    });

    test('says provider_unavailable for the list of calendars', async () => {
      await harness().cloud.fail({ operation: 'listCalendars', failure: 'unavailable' });
      const asked = harness().provider.listCalendars(harness().session(), { pageCursor: null });
      expect((await errorFrom(asked)).code).toBe('provider_unavailable');
    });

    test('says provider_unavailable for single reads', async () => {
      await harness().cloud.fail({ operation: 'readEvents', failure: 'unavailable' });
      const asked = readEvents(harness(), calendarId, { events: ['evt0000'] });
      expect((await errorFrom(asked)).code).toBe('provider_unavailable');
    });

    test('asks once for a fresh token when one is refused, and goes on', async () => {
      const session = harness().session();
      await readRound(harness(), calendarId, { session });
      const before = session.requests;
      await harness().cloud.expireAccessTokens();
      expect((await readRound(harness(), calendarId, { session })).items.size).toBe(4);
      expect(session.requests - before).toBe(2);
    });

    test('says credentials_revoked when the fresh token is refused too', async () => {
      await harness().cloud.expireAccessTokens();
      let asked = 0;
      const stale = await harness().session().accessToken();
      await harness().cloud.expireAccessTokens();
      const session = {
        accountId: harness().session().accountId,
        accessToken: async () => {
          asked += 1;
          return stale;
        },
      };
      expect((await errorFrom(readRound(harness(), calendarId, { session }))).code).toBe(
        'credentials_revoked',
      );
      expect(asked).toBe(2);
    });

    test('gives an access token for a living grant', async () => {
      const refreshToken = await harness().refreshToken();
      const grant = await harness().tokens.refresh({ refreshToken, clock });
      expect(grant.accessToken).not.toBe('');
      expect(Date.parse(grant.expiresAt)).toBeGreaterThan(clock.now().getTime());
    });

    test('says credentials_revoked for a grant that the user took back', async () => {
      const refreshToken = await harness().refreshToken();
      await harness().cloud.revokeGrant();
      const error = await errorFrom(harness().tokens.refresh({ refreshToken, clock }));
      expect(error.code).toBe('credentials_revoked');
    });
  });
}
