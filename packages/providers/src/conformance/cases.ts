/** How cases are registered: by name, so that a provider that cannot show one is excused from it, and says why. */
import type { ProviderHarness } from './harness.ts';

/** What each group of cases gets. */
export interface Suite {
  harness: () => ProviderHarness;
  /** As the port has it: pages hold instances, and absence is a question. */
  windowed: boolean;
  test: (name: string, run: () => Promise<void>) => void;
}

/** Case → reason. */
export type Skips = Readonly<Record<string, string>>;

/** Registers cases, those that are excused with their reason in the name. */
export function registrar(skips: Skips): { test: Suite['test']; unused: () => string[] } {
  const seen = new Set<string>();
  return {
    test: (name, run) => {
      seen.add(name);
      const reason = skips[name];
      if (reason === undefined) it(name, run);
      else it.skip(`${name} (${reason})`, run);
    },
    unused: () => Object.keys(skips).filter((name) => !seen.has(name)),
  };
}
