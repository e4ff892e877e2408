/**
 * Many calendars of both providers over simulated weeks: the real providers and the sandbox speak HTTP, Postgres is
 * real; time and the queue are in the test's hands. Only channels are looked after: pulls are taken as done.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { api, ensureChangePartitions, openDatabase, type Database } from '@calfleet/db';
import {
  asSyncError,
  newId,
  ZoneTable,
  type AccountId,
  type CalendarId,
  type ProviderName,
  type WatchId,
} from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { createProviders } from '@calfleet/providers';
import { startSandbox, type Sandbox } from '@calfleet/sandbox';
import {
  Courtesy,
  createSessions,
  discoverAccount,
  drainWebhooks,
  ensureWatch,
  planWatches,
  stopWatch,
  type SyncDeps,
} from '@calfleet/sync';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { ManualClock } from '@calfleet/testkit';
import { createChannelSigner, createVault } from '@calfleet/vault';
import { googleDialect } from './google-dialect.ts';
import { openGraphDialect } from './graph-dialect.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
const minuteMs = 60_000;
export const start = new Date('2026-11-10T09:00:00Z');

/** The process died: what it held in memory is gone, its transaction never began, and it does nothing more. */
class Crash extends Error {}

/** Each job and each tick is a process of its own. */
const processes = new AsyncLocalStorage<{ isDead: boolean }>();

interface Waiting {
  job: JobRequest;
  dueAt: number;
  attempts: number;
}

/** Jobs at once. */
const places = 8;
const attemptsMax = 8;
/** A process that died is noticed after this time. https://docs.bullmq.io/guide/jobs/stalled */
const stalledMs = 30_000;

export interface FleetSize {
  accounts: number;
  calendarsEach: number;
}

export class WatchFleet {
  private readonly queue = new Map<string, Waiting>();
  /** Of a transaction that is about to begin; true kills its process. */
  kill: () => boolean = () => false;
  private keys = [{ id: 'first', key: randomBytes(32) }];
  signer = createChannelSigner(this.keys);

  private constructor(
    readonly db: Database,
    readonly clock: ManualClock,
    readonly sandbox: Sandbox,
    readonly deps: SyncDeps,
    private readonly vault: ReturnType<typeof createVault>,
    private readonly end: () => unknown,
  ) {}

  static async open(databaseUrl: string): Promise<WatchFleet> {
    const clock = new ManualClock(start);
    const sandbox = await startSandbox({ time: { realNow: () => clock.now().getTime() } });
    const graph = await openGraphDialect();
    const db = openDatabase({ url: databaseUrl, poolSize: places + 2, applicationName: 'calfleet-watches' });
    const vault = createVault([{ id: 'fleet', key: randomBytes(32) }]);
    const off = { google: null, microsoft: null };
    const config = { ...off, ...googleDialect.config(sandbox), ...graph.config(sandbox) };
    const entries = [...createProviders({ clock, timeoutMs: 20_000, ...config })];
    const deps: SyncDeps = {
      db: { ...db, transaction: (options, work) => fleet.transact(() => db.transaction(options, work)) },
      clock,
      jobs: {
        enqueue: async (name, payload, options) =>
          fleet.enqueue([{ name, payload, ...(options && { options }) } as JobRequest]),
        enqueueMany: async (requests) => fleet.enqueue(requests),
      },
      providers: new Map(entries.map(([name, { provider }]) => [name, provider])),
      sessions: createSessions({
        db,
        clock,
        vault,
        tokenEndpoints: new Map(entries.map(([name, { tokens }]) => [name, tokens])),
      }),
      signer: {
        sign: (watchId) => fleet.signer.sign(watchId),
        signClientState: (watchId) => fleet.signer.signClientState(watchId),
        get signingKeyId() {
          return fleet.signer.signingKeyId;
        },
      },
      logger: createLogger({ service: 'watches', level: 'error' }),
      metrics: createMetrics(),
      zones: new ZoneTable(),
      courtesy: new Courtesy(),
      settings: {
        pastDays: 20,
        futureDays: 50,
        massDeleteMin: 10,
        massDeletePercent: 50,
        pageSize: 1_000,
        auditSamplePercent: 100,
        keptDays: { runs: 30, deletedEvents: 30, channels: 8, quarantine: 90, audits: 90, history: 90 },
        ingressUrl: graph.ingressUrl,
      },
    };
    const fleet = new WatchFleet(db, clock, sandbox, deps, vault, () => graph.close());
    await db.transaction({ role: 'worker' }, (tx) => ensureChangePartitions(tx, start, 12));
    return fleet;
  }

  /** Connects so many accounts of each provider. Messages are held back, and Graph's words about tokens are not said. */
  async populate(size: FleetSize): Promise<void> {
    await this.db.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`delete from calendar_sync_channels`;
      await tx.$executeRaw`delete from calendar_accounts`;
    });
    this.sandbox.reset();
    this.queue.clear();
    this.kill = () => false;
    this.clock.set(start);
    this.sandbox.setQuirks({ pushHold: true, syncMessage: 'never' });
    this.sandbox.microsoft.setQuirks({
      notificationHold: true,
      tokenCoupling: false,
      reauthorizeBeforeExpiryMs: null,
      mailboxConcurrencyMax: null,
    });
    const numbers = Array.from({ length: size.calendarsEach }, (_, n) => n);
    for (let n = 0; n < size.accounts; n += 1) {
      const google = this.sandbox.google.createAccount({ email: `g${n}@example.test` });
      for (const number of numbers) google.createCalendar({ summary: `G ${number}`, primary: number === 0 });
      const microsoft = this.sandbox.microsoft.createMailbox({ email: `m${n}@example.test` });
      for (const number of numbers)
        microsoft.createCalendar({ name: `M ${number}`, isDefault: number === 0 });
      await this.connect('google', google.refreshTokens[0] ?? '');
      await this.connect('microsoft', microsoft.refreshTokens[0] ?? '');
    }
  }

  /** A key that signs from now on; the ones before it verify. */
  rotateKey(id: string): void {
    this.keys = [{ id, key: randomBytes(32) }, ...this.keys];
    this.signer = createChannelSigner(this.keys);
  }

  /**
   * Time passes in steps; the drain comes with every so many of them, the plan with each hour, and each job when it is
   * due.
   * @param options.meanwhile before each step's ticks
   */
  async pass(
    ms: number,
    {
      stepMs = hourMs,
      drainEvery = 1,
      meanwhile,
    }: { stepMs?: number; drainEvery?: number; meanwhile?: (step: number) => Promise<void> } = {},
  ): Promise<void> {
    for (let step = 0; step * stepMs < ms; step += 1) {
      const from = this.clock.now().getTime();
      await meanwhile?.(step);
      if (step % drainEvery === 0) await survive(() => drainWebhooks(this.deps));
      if ((step * stepMs) % hourMs === 0) await survive(() => planWatches(this.deps));
      await this.workUntil(from + stepMs);
      this.clock.set(new Date(from + stepMs));
    }
  }

  async close(): Promise<void> {
    this.end();
    await this.sandbox.close();
    await this.db.close();
  }

  /** Runs what is due, minute by minute. */
  private async workUntil(until: number): Promise<void> {
    for (let rounds = 0; ; rounds += 1) {
      if (rounds > 5_000) throw new Error('The queue never comes to rest.');
      const next = Math.min(...[...this.queue.values()].map(({ dueAt }) => dueAt));
      if (next >= until) return;
      const now = Math.max(next, this.clock.now().getTime());
      this.clock.set(new Date(now));
      const due = [...this.queue].filter(([, { dueAt }]) => dueAt <= now + minuteMs);
      for (const [key] of due) this.queue.delete(key);
      const work = due.map(([, waiting]) => waiting);
      await Promise.all(
        Array.from({ length: places }, async () => {
          for (let one = work.shift(); one; one = work.shift()) await this.run(one);
        }),
      );
    }
  }

  private async run({ job, attempts }: Waiting): Promise<void> {
    const process = { isDead: false };
    try {
      await processes.run(process, () => this.perform(job));
    } catch (error) {
      const now = this.clock.now().getTime();
      const { code } = asSyncError(error);
      const isRetried = process.isDead || code === 'provider_unavailable' || code === 'rate_limited';
      if (!isRetried && code === 'bug') throw error;
      const waitMs = process.isDead ? stalledMs : Math.min(30_000, 1_000 * 2 ** attempts);
      if (isRetried && attempts < attemptsMax) this.put(job, now + waitMs, attempts + 1);
    }
  }

  private async perform(job: JobRequest): Promise<void> {
    if (job.name === 'ensure-watch') {
      const { calendarId, renew = false, ahead = false } = job.payload;
      await ensureWatch(this.deps, calendarId as CalendarId, { mustRenew: renew, ahead });
    } else if (job.name === 'stop-watch') {
      const { watchId, resourceId } = job.payload;
      await stopWatch(this.deps, { watchId: watchId as WatchId, resourceId });
    } else if (job.name === 'discover-account' && !job.payload.daily) {
      await discoverAccount(this.deps, job.payload.accountId as AccountId);
    }
  }

  private enqueue(requests: readonly JobRequest[]): void {
    if (processes.getStore()?.isDead) throw new Crash();
    for (const request of requests) {
      const delayMs = request.options?.delayMs ?? 0;
      this.put(request, this.clock.now().getTime() + delayMs, 0);
    }
  }

  /** As the real queue: a job that already waits is the same job. */
  private put(job: JobRequest, dueAt: number, attempts: number): void {
    if (job.name === 'pull-calendar' || job.name === 'recheck-events') return;
    const key = JSON.stringify([job.name, job.payload]);
    if (!this.queue.has(key)) this.queue.set(key, { job, dueAt, attempts });
  }

  private async connect(provider: ProviderName, plaintext: string): Promise<void> {
    const id = newId<AccountId>();
    const userId = `user-${id}`;
    const dataKey = this.vault.newDataKey(id);
    const refreshToken = this.vault.seal({ accountId: id, dataKey, field: 'refresh_token', plaintext });
    const row = { id, userId, provider, scopes: [], dataKey, refreshToken, now: this.clock.now() };
    await this.db.transaction({ role: 'api', userId }, (tx) => api.insertAccount(tx, row));
    await discoverAccount(this.deps, id);
    await this.db.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`update calendars set synced_seq = dirty_seq, last_synced_at = ${start}, state = 'active'`;
      // The daily look at calendar lists is another test's.
      await tx.$executeRaw`update calendar_accounts set calendars_listed_at = ${start}::timestamptz + interval '1 year'`;
    });
  }

  private async transact<T>(work: () => Promise<T>): Promise<T> {
    const process = processes.getStore();
    if (process && !process.isDead) process.isDead = this.kill();
    if (process?.isDead) throw new Crash();
    return work();
  }
}

/** A tick that dies is followed by the next one. */
async function survive(tick: () => Promise<unknown>): Promise<void> {
  try {
    await processes.run({ isDead: false }, tick);
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
}
