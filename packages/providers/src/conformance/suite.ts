/**
 * One suite for every adapter: what it says is what the port promises. A provider that cannot show a case says why,
 * and the skipped test carries the reason in its name.
 */
import { describeFailures } from './failures.ts';
import type { ProviderHarness } from './harness.ts';
import { describeItems } from './items.ts';
import { describeRounds } from './rounds.ts';
import { describeWatches } from './watches.ts';
import { describeWire } from './wire.ts';

interface ProviderUnderTest {
  name: string;
  /** A fresh world per case. */
  open: () => Promise<ProviderHarness>;
  /** Why the cases about bytes on a wire cannot run; absent when they can. */
  noWire?: string;
}

export function describeProvider({ name, open, noWire }: ProviderUnderTest): void {
  describe(`provider ${name}`, () => {
    let harness: ProviderHarness;
    const current = () => harness;

    beforeEach(async () => {
      harness = await open();
    });

    afterEach(async () => {
      await harness.close();
    });

    describeRounds(current);
    describeItems(current);
    describeFailures(current);
    describeWatches(current);
    if (noWire === undefined) describeWire(current);
    else it.skip(`the wire: ${noWire}`, () => undefined);
  });
}
