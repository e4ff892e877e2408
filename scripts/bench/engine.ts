/** The engine as a worker wires it, with a stopwatch on the provider and on the database. */
import type { Database } from '@calfleet/db';
import { systemClock, type CalendarProvider, type Clock, type TokenEndpoint } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { createGoogleProvider, createGoogleTokenEndpoint } from '@calfleet/providers';
import { createSessions, type SyncDeps } from '@calfleet/sync';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createChannelSigner } from '@calfleet/vault';
import type { Ground, Store } from './ground.ts';

export interface Stopwatch {
  /** Inside of listChanges, milliseconds. */
  providerMs: number;
  /** Inside of transactions, from asking for a connection to the end of the commit. */
  databaseMs: number;
  transactions: number;
  pages: number;
  items: number;
}

export interface Engine {
  deps: SyncDeps;
  watch: Stopwatch;
  /** What was rung for and nobody ran. */
  jobs: JobRequest[];
}

const timeoutMs = 120_000;

export function googleOf(ground: Ground, clock: Clock = systemClock): CalendarProvider {
  return createGoogleProvider({ rootUrl: `${ground.sandbox.url}/google/`, timeoutMs, clock });
}

const tokensOf = ({ settings, sandbox }: Ground): TokenEndpoint =>
  createGoogleTokenEndpoint({
    clientId: settings['GOOGLE_CLIENT_ID'] ?? '',
    clientSecret: settings['GOOGLE_CLIENT_SECRET'] ?? '',
    tokenUrl: `${sandbox.url}/google/oauth2/token`,
    timeoutMs,
  });

export function createEngine(
  ground: Ground,
  store: Store,
  given: { clock?: Clock; ingressUrl?: string } = {},
): Engine {
  const { clock = systemClock, ingressUrl = 'http://127.0.0.1:9' } = given;
  const watch: Stopwatch = { providerMs: 0, databaseMs: 0, transactions: 0, pages: 0, items: 0 };
  const jobs: JobRequest[] = [];
  const google = googleOf(ground, clock);
  const db: Database = {
    ...store.db,
    transaction: async (options, work) => {
      const startedAt = performance.now();
      try {
        return await store.db.transaction(options, work);
      } finally {
        watch.databaseMs += performance.now() - startedAt;
        watch.transactions += 1;
      }
    },
  };
  const signer = createChannelSigner([{ id: 'k1', key: Buffer.alloc(32, 1) }]);
  return {
    watch,
    jobs,
    deps: {
      db,
      clock,
      jobs: {
        enqueue: async (name, payload) => void jobs.push({ name, payload } as JobRequest),
        enqueueMany: async (requests) => void jobs.push(...requests),
      },
      providers: new Map([
        [
          'google',
          {
            ...google,
            listChanges: async (session, request) => {
              // The token is our own affair: it is asked for before the clock of the provider runs.
              const accessToken = await session.accessToken();
              const startedAt = performance.now();
              const page = await google.listChanges(
                { ...session, accessToken: async () => accessToken },
                request,
              );
              watch.providerMs += performance.now() - startedAt;
              watch.pages += 1;
              watch.items += page.items.length;
              return page;
            },
          },
        ],
      ]),
      sessions: createSessions({
        db,
        clock,
        vault: ground.vault,
        tokenEndpoints: new Map([['google', tokensOf(ground)]]),
      }),
      signer,
      logger: createLogger({ service: 'bench', level: 'error' }),
      metrics: createMetrics(),
      settings: {
        pastDays: 30,
        futureDays: 365,
        massDeleteMin: 20,
        massDeletePercent: 50,
        pageSize: 2_500,
        ingressUrl,
      },
    },
  };
}
