/** Builds what the engine of packages/sync works with, out of a worker's settings. */
import type { WorkerConfig } from '@calfleet/config';
import type { Database } from '@calfleet/db';
import { ZoneTable, type Clock } from '@calfleet/domain';
import { limitsOf, pacePerMinute, type Limiter, type Producer } from '@calfleet/jobs';
import { createProviders } from '@calfleet/providers';
import { Courtesy, createSessions, type Pace, type SyncDeps } from '@calfleet/sync';
import type { Logger, Metrics } from '@calfleet/telemetry';
import { createChannelSigner, createVault } from '@calfleet/vault';

export interface EngineParts {
  db: Database;
  producer: Producer;
  limiter: Limiter;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
}

/** A page of events takes a provider a few seconds at most; after this time the connection is dead. */
const providerTimeoutMs = 30_000;
/**
 * Memory follows the page: under 96 MiB of old space, pages of 1,000 mirrored 100,000 events in 3 runs of 3 (heap at most
 * 84 MiB), and of 2,500, Google's largest, in none (`npm run bench -- --only memory`).
 */
const pageSize = 1_000;

export function createEngine(config: WorkerConfig, parts: EngineParts): SyncDeps {
  const { db, producer, limiter, logger, metrics, clock } = parts;
  const { google, microsoft } = config.providers;
  const providers = createProviders({
    clock,
    timeoutMs: providerTimeoutMs,
    google: google && {
      clientId: google.clientId,
      clientSecret: google.clientSecret,
      rootUrl: google.apiRootUrl,
      tokenUrl: google.tokenUrl,
      revokeUrl: google.revokeUrl,
    },
    microsoft,
  });
  const entries = [...providers];
  return {
    db,
    clock,
    jobs: producer,
    providers: new Map(entries.map(([name, { provider }]) => [name, provider])),
    sessions: createSessions({
      db,
      clock,
      vault: createVault(config.tokenEncryptionKeys),
      tokenEndpoints: new Map(entries.map(([name, { tokens }]) => [name, tokens])),
      limiter,
      metrics,
    }),
    signer: createChannelSigner(config.channelSigningKeys),
    logger,
    metrics,
    zones: new ZoneTable(),
    courtesy: new Courtesy(),
    settings: {
      ...config.window,
      massDeleteMin: config.massDelete.min,
      massDeletePercent: config.massDelete.percent,
      pageSize,
      auditSamplePercent: config.auditSamplePercent,
      keptDays: config.keptDays,
      ingressUrl: config.baseUrl.replace(/\/+$/, ''),
      pace: paceOf(config),
      writeBrake: config.writeBrake,
    },
  };
}

/** A tick plans what the quotas serve until the next one. */
function paceOf({ quotas, schedules }: WorkerConfig): Pace {
  const limits = limitsOf(quotas);
  const ticks = (['auto-sync', 'incremental-pull', 'webhook-drain'] as const).flatMap((tick) => {
    const schedule = schedules[tick];
    return 'everyMs' in schedule ? [[tick, schedule.everyMs] as const] : [];
  });
  return {
    schedulePerMinute: pacePerMinute(limits, 'schedule'),
    notifyPerMinute: pacePerMinute(limits, 'notify'),
    tickMs: Object.fromEntries(ticks),
  };
}
