/** Conflicts come with writing back; a fleet that only reads has none, and the tick says so. */
import type { TickCounts } from './tick.ts';

export const resolveConflicts = (): Promise<TickCounts> => Promise.resolve({ conflicts: 0 });
