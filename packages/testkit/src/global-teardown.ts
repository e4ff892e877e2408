import { takeForTeardown } from './running-services.ts';
import { withdrawRun } from './test-run.ts';

/** Ends what the global setup of this process started, and removes its data. */
export default async function globalTeardown(): Promise<void> {
  const services = takeForTeardown();
  if (services === undefined) return;
  withdrawRun();
  await services.stop();
}
