/** The engine as a worker wires it, with a stopwatch on the provider and on the database. */
import type { Database } from '@calfleet/db';
import {
  systemClock,
  ZoneTable,
  type CalendarProvider,
  type Clock,
  type ProviderSession,
} from '@calfleet/domain';
import type { JobRequest, Limiter } from '@calfleet/jobs';
import { createGoogleProvider, createProviders, type Providers } from '@calfleet/providers';
import { Courtesy, createSessions, type SyncDeps } from '@calfleet/sync';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { createChannelSigner } from '@calfleet/vault';
import type { Ground, Store } from './ground.ts';

export interface Stopwatch {
  /** Inside of listChanges and readEvents, milliseconds. */
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

const providersOf = ({ settings, sandbox }: Ground, clock: Clock): Providers => {
  const client = {
    clientId: settings['GOOGLE_CLIENT_ID'] ?? '',
    clientSecret: settings['GOOGLE_CLIENT_SECRET'] ?? '',
  };
  return createProviders({
    clock,
    timeoutMs,
    google: {
      ...client,
      rootUrl: `${sandbox.url}/google/`,
      tokenUrl: `${sandbox.url}/google/oauth2/token`,
      revokeUrl: `${sandbox.url}/google/oauth2/revoke`,
    },
    microsoft: {
      ...client,
      tenant: 'common',
      graphRootUrl: `${sandbox.url}/microsoft/v1.0`,
      loginRootUrl: `${sandbox.url}/microsoft/login`,
    },
  });
};

export function createEngine(
  ground: Ground,
  store: Store,
  given: { clock?: Clock; ingressUrl?: string; limiter?: Limiter } = {},
): Engine {
  const { clock = systemClock, ingressUrl = 'http://127.0.0.1:9', limiter } = given;
  const watch: Stopwatch = { providerMs: 0, databaseMs: 0, transactions: 0, pages: 0, items: 0 };
  const jobs: JobRequest[] = [];
  const providers = [...providersOf(ground, clock)];
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
      providers: new Map(providers.map(([name, { provider }]) => [name, watched(provider, watch)])),
      sessions: createSessions({
        db,
        clock,
        vault: ground.vault,
        tokenEndpoints: new Map(providers.map(([name, { tokens }]) => [name, tokens])),
        ...(limiter && { limiter }),
      }),
      signer,
      logger: createLogger({ service: 'bench', level: 'error' }),
      metrics: createMetrics(),
      zones: new ZoneTable(),
      courtesy: new Courtesy(),
      settings: {
        pastDays: 30,
        futureDays: 365,
        massDeleteMin: 20,
        massDeletePercent: 50,
        pageSize: 2_500,
        auditSamplePercent: 3,
        keptDays: { runs: 30, deletedEvents: 30, channels: 8, quarantine: 90, audits: 90, history: 90 },
        ingressUrl,
      },
    },
  };
}

const watched = (provider: CalendarProvider, watch: Stopwatch): CalendarProvider => ({
  ...provider,
  listChanges: async (session, request) => {
    const page = await clocked(watch, session, (own) => provider.listChanges(own, request));
    watch.pages += 1;
    watch.items += page.items.length;
    return page;
  },
  readEvents: (session, request) => clocked(watch, session, (own) => provider.readEvents(own, request)),
});

/** The token and the mailbox's places are our own affair: the clock of the provider stands still meanwhile. */
async function clocked<T>(
  watch: Stopwatch,
  session: ProviderSession,
  ask: (session: ProviderSession) => Promise<T>,
): Promise<T> {
  const accessToken = await session.accessToken();
  let oursMs = 0;
  const ours = async <R>(work: () => Promise<R>): Promise<R> => {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      oursMs += performance.now() - startedAt;
    }
  };
  const own: ProviderSession = { ...session, accessToken: async () => accessToken };
  const admit = session.admit?.bind(session);
  if (admit) {
    own.admit = async (requests) => {
      const admission = await ours(() => admit(requests));
      return { leave: (parkMs, whose) => ours(() => admission.leave(parkMs, whose)) };
    };
  }
  const startedAt = performance.now();
  try {
    return await ask(own);
  } finally {
    watch.providerMs += performance.now() - startedAt - oursMs;
  }
}
