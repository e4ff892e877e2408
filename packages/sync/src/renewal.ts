/** What channels need, found once an hour. */
import type { SyncDeps } from './deps.ts';

export async function planWatches(deps: SyncDeps): Promise<Record<string, number>> {
  void deps;
  return {};
}
