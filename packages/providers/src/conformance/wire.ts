/** What only exists over HTTP: statuses with reasons, cut connections and JSON that makes no sense. */
import type { SyncErrorCode } from '@calfleet/domain';
import { fill } from './events.ts';
import type { Suite } from './cases.ts';
import type { HarnessWire, WireStatus } from './harness.ts';
import { errorFrom, readRound } from './round.ts';

/** What answers to a list mean. */
export interface WireAnswers {
  listChanges: readonly [Omit<WireStatus, 'operation' | 'skip'>, SyncErrorCode][];
}

export function describeWire({ harness, test }: Suite, { listChanges }: WireAnswers): void {
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

    for (const [answer, code] of listChanges)
      test(`reads ${JSON.stringify(answer)} as ${code}`, async () => {
        await wire().status({ operation: 'listChanges', ...answer });
        const session = harness().session();
        const error = await errorFrom(readRound(harness(), calendarId, { session }));
        expect(error.code).toBe(code);
        expect(session.requests).toBe(1);
      });

    test('waits as long as Retry-After says', async () => {
      await wire().status({ operation: 'listChanges', status: 429, retryAfterSeconds: 17 });
      expect((await errorFrom(readRound(harness(), calendarId))).retryAfterMs).toBe(17_000);
    });

    for (const how of ['drop_before', 'drop_after', 'torn_body'] as const)
      test(`survives ${how} in mid-round`, async () => {
        await wire().cut({ operation: 'listChanges', how });
        expect((await errorFrom(readRound(harness(), calendarId))).code).toBe('provider_unavailable');
        expect((await readRound(harness(), calendarId)).items.size).toBe(4);
      });
  });
}
