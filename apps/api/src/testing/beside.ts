/** A second API over a house's parts, with settings or a database of its own. Close it before the house. */
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { startApi, type Api } from '../index.ts';
import type { ApiOptions } from '../server.ts';
import { adminKey, type House } from './house.ts';

export function startBeside(
  house: House,
  { db, ...config }: Partial<ApiOptions['config']> & Partial<Pick<ApiOptions, 'db'>>,
): Promise<Api> {
  return startApi({
    config: {
      port: 0,
      host: '127.0.0.1',
      adminKey,
      allowSuperuser: false,
      providers: { google: null, microsoft: null },
      ...config,
    },
    db: db ?? house.db,
    producer: house.producer,
    queueBoard: house.queueBoard,
    vault: house.vault,
    logger: createLogger({ service: 'api', level: 'error' }),
    metrics: createMetrics(),
    clock: house.clock,
  });
}
