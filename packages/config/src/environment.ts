/** The only place that touches the process's environment; everything else gets values. */
import type { Environment } from './load.ts';

export const readEnvironment = (): Environment => process.env;
