/** Hands the services from global setup to global teardown, through the one place jest documents: globalThis. */
import type { TestServices } from './test-services.ts';

const slot = Symbol.for('calfleet.test-services');
const holder = globalThis as { [slot]?: TestServices | undefined };

export function keepForTeardown(services: TestServices): void {
  holder[slot] = services;
}

export function takeForTeardown(): TestServices | undefined {
  const services = holder[slot];
  holder[slot] = undefined;
  return services;
}
