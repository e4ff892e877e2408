/** Deletes what is past its time. */
import type { SyncDeps } from './deps.ts';

export async function cleanUp(deps: SyncDeps): Promise<Record<string, number>> {
  void deps;
  return {};
}
