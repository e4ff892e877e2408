/**
 * One suite for every adapter: what it says is what the port promises. A provider that cannot show a case says why,
 * and the skipped test carries the reason in its name.
 */
import { describeCancellations } from './cancellations.ts';
import { registrar, type Skips, type Suite } from './cases.ts';
import { describeFailures } from './failures.ts';
import type { ProviderHarness } from './harness.ts';
import { describeItems } from './items.ts';
import { describeRounds } from './rounds.ts';
import { describeWatches } from './watches.ts';
import { describeWindows } from './windows.ts';
import { describeWire, type WireAnswers } from './wire.ts';
import { describeWireWrites, describeWrites } from './writes.ts';

interface ProviderUnderTest {
  name: string;
  /** A fresh world per case. */
  open: () => Promise<ProviderHarness>;
  windowed: boolean;
  /** What this provider's own answers mean; or why the cases about bytes on a wire cannot run. */
  wire: WireAnswers | { none: string };
  skips?: Skips;
}

export function describeProvider({ name, open, windowed, wire, skips = {} }: ProviderUnderTest): void {
  describe(`provider ${name}`, () => {
    let harness: ProviderHarness;
    const { test, unused } = registrar(skips);
    const suite: Suite = { harness: () => harness, windowed, test };

    beforeEach(async () => {
      harness = await open();
    });

    afterEach(async () => {
      await harness.close();
    });

    it('says how it lists', () => {
      expect(harness.provider).toMatchObject({ windowed });
    });

    describeRounds(suite);
    describeItems(suite);
    if (windowed) describeWindows(suite);
    else describeCancellations(suite);
    describeFailures(suite);
    describeWatches(suite);
    describeWrites(suite);
    if ('none' in wire) it.skip(`the wire (${wire.none})`, () => undefined);
    else {
      describeWire(suite, wire);
      describeWireWrites(suite);
    }

    it('excuses itself from cases that there are', () => {
      expect(unused()).toEqual([]);
    });
  });
}
