/**
 * Starts the services of a jest run, once for all its workers and projects. Jest calls it only when a selected
 * project with tests to run names it.
 */
import { isRunPublished, publishRun } from './test-run.ts';
import { testServices } from './test-services.ts';
import { keepForTeardown } from './running-services.ts';

export default async function globalSetup(globalConfig: { rootDir: string }): Promise<void> {
  // A jest that is started by a test of another run shares that one's services.
  if (isRunPublished()) return;
  const services = await testServices({ root: globalConfig.rootDir });
  keepForTeardown(services);
  publishRun(services);
}
