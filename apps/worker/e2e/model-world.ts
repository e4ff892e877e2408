/**
 * An engine over one of the sandbox' dialects: the real provider and the sandbox speak HTTP, Postgres is real; time and
 * the queue are in the test's hands, so that a history can be replayed from its seed.
 */
import { randomBytes } from 'node:crypto';
import { api, ensureChangePartitions, openDatabase, requestFullRound, type Database } from '@calfleet/db';
import {
  asSyncError,
  newId,
  ZoneTable,
  type AccountId,
  type CalendarId,
  type CalendarProvider,
  type WatchId,
  type WrittenEvent,
} from '@calfleet/domain';
import type { JobRequest, NotificationEvent } from '@calfleet/jobs';
import { createProviders, type ProvidersConfig } from '@calfleet/providers';
import { startSandbox, type Sandbox } from '@calfleet/sandbox';
import {
  Courtesy,
  auditCalendar,
  checkRedisMemory,
  createSessions,
  discoverAccount,
  drainWebhooks,
  ensureWatch,
  planDuePulls,
  pullCalendar,
  pushCalendar,
  receiveNotification,
  recheckEvents,
  type AuditOutcome,
  type SyncDeps,
} from '@calfleet/sync';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { ManualClock } from '@calfleet/testkit';
import { createChannelSigner, createVault } from '@calfleet/vault';

/** A notification of the sandbox, to be carried, lost or doubled by the test. */
export interface Letter {
  watchId: WatchId;
  event: NotificationEvent;
  resourceId: string;
  expiresAt: Date;
}

/** What a history needs to know of a provider. */
export interface Dialect<Owner> {
  provider: 'google' | 'microsoft';
  /** Where the sandbox answers as this provider. */
  config(sandbox: Sandbox): Partial<ProvidersConfig>;
  /** A new owner with a calendar to mirror and a grant; notifications are held back from here on. */
  begin(sandbox: Sandbox): { owner: Owner; refreshToken: string; providerCalendarId: string };
  /** All notifications so far, oldest first. */
  letters(sandbox: Sandbox): (Letter | null)[];
  /** Whatever troubles the provider ends. */
  calm(sandbox: Sandbox): void;
  /** Base of the address for notifications; answers what the provider asks of it. */
  ingressUrl: string;
}

const start = new Date('2026-11-10T09:00:00Z');

export class ModelWorld<Owner> {
  readonly jobs: JobRequest[] = [];
  calendarId!: CalendarId;
  owner!: Owner;
  accountId = newId<AccountId>();
  /** What the owner does at the moment a page is asked for … */
  onAsk: (() => void) | null = null;
  /** … or a write arrives. */
  onWrite: ((event: WrittenEvent | null) => void) | null = null;
  /** A write was sent, whether or not its answer came. */
  onWritten: ((before: string) => void) | null = null;
  /** All that the provider shows. */
  shown: () => string = () => '';
  /** Places of the notifications that were delivered or lost already. */
  private readonly carried = new Set<number>();

  private constructor(
    readonly db: Database,
    readonly clock: ManualClock,
    readonly sandbox: Sandbox,
    private readonly vault: ReturnType<typeof createVault>,
    readonly deps: SyncDeps,
    private readonly dialect: Dialect<Owner>,
  ) {}

  /** @param window days around the start that are promised */
  static async open<Owner>(
    databaseUrl: string,
    dialect: Dialect<Owner>,
    window: { pastDays: number; futureDays: number } = { pastDays: 20, futureDays: 50 },
  ): Promise<ModelWorld<Owner>> {
    const clock = new ManualClock(start);
    const sandbox = await startSandbox({ time: { realNow: () => clock.now().getTime() } });
    const db = openDatabase({ url: databaseUrl, poolSize: 4, applicationName: 'calfleet-model' });
    const vault = createVault([{ id: 'model', key: randomBytes(32) }]);
    const off = { google: null, microsoft: null };
    const entries = [...createProviders({ clock, timeoutMs: 5_000, ...off, ...dialect.config(sandbox) })];
    const deps: SyncDeps = {
      db,
      clock,
      jobs: {
        enqueue: async (name, payload) => world.enqueue([{ name, payload } as JobRequest]),
        enqueueMany: async (requests) => world.enqueue(requests),
      },
      providers: new Map(entries.map(([name, { provider }]) => [name, watched(provider, () => world)])),
      sessions: createSessions({
        db,
        clock,
        vault,
        tokenEndpoints: new Map(entries.map(([name, { tokens }]) => [name, tokens])),
      }),
      signer: createChannelSigner([{ id: 'model', key: randomBytes(32) }]),
      logger: createLogger({ service: 'model', level: 'error' }),
      metrics: createMetrics(),
      zones: new ZoneTable(),
      courtesy: new Courtesy(),
      settings: {
        ...window,
        massDeleteMin: 10,
        massDeletePercent: 50,
        pageSize: 2_500,
        auditSamplePercent: 100,
        keptDays: { runs: 30, deletedEvents: 30, channels: 8, quarantine: 90, audits: 90, history: 90 },
        ingressUrl: dialect.ingressUrl,
      },
    };
    const world = new ModelWorld(db, clock, sandbox, vault, deps, dialect);
    await db.transaction({ role: 'worker' }, (tx) => ensureChangePartitions(tx, start, 12));
    return world;
  }

  /** A new owner with a new calendar; what was before is forgotten. */
  async begin(): Promise<void> {
    await this.db.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`delete from calendar_sync_channels`;
      await tx.$executeRaw`delete from calendar_accounts`;
    });
    this.sandbox.reset();
    this.clock.set(start);
    this.jobs.length = 0;
    this.carried.clear();
    const { owner, refreshToken: plaintext, providerCalendarId } = this.dialect.begin(this.sandbox);
    this.owner = owner;
    this.accountId = newId<AccountId>();
    const id = this.accountId;
    const userId = userOf(id);
    const dataKey = this.vault.newDataKey(id);
    const refreshToken = this.vault.seal({ accountId: id, dataKey, field: 'refresh_token', plaintext });
    const row = {
      id,
      userId,
      provider: this.dialect.provider,
      scopes: [],
      dataKey,
      refreshToken,
      now: this.clock.now(),
    };
    await this.db.transaction({ role: 'api', userId }, (tx) => api.insertAccount(tx, row));
    await discoverAccount(this.deps, id);
    const [calendar] = await this.db.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`
        update calendars set active = false where account_id = ${id}::uuid and provider_calendar_id <> ${providerCalendarId}`;
      return tx.$queryRaw<{ id: CalendarId }[]>`
        select id from calendars where account_id = ${id}::uuid and active`;
    });
    if (!calendar) throw new Error('The calendar was not discovered.');
    this.calendarId = calendar.id;
    const others = this.jobs.splice(0);
    this.enqueue(
      others.filter(({ payload }) => 'calendarId' in payload && payload.calendarId === calendar.id),
    );
  }

  async close(): Promise<void> {
    await this.sandbox.close();
    await this.db.close();
  }

  /** Runs the oldest waiting job, as a worker would; what it throws goes where the queue would send it. */
  async runJob(): Promise<string> {
    const job = this.jobs.shift();
    if (!job) return 'idle';
    try {
      return await this.perform(job);
    } catch (error) {
      const { code } = asSyncError(error);
      if (code === 'bug') throw error;
      if (code === 'provider_unavailable' || code === 'rate_limited' || code === 'cursor_expired')
        this.enqueue([job]);
      return code;
    }
  }

  /** Carries one notification of the sandbox over, none of them, or twice. */
  async deliver({ nth, copies }: { nth: number; copies: number }): Promise<void> {
    const open = this.dialect
      .letters(this.sandbox)
      .map((letter, at) => ({ letter, at }))
      .filter(({ at }) => !this.carried.has(at));
    const chosen = open[nth % Math.max(1, open.length)];
    if (!chosen) return;
    this.carried.add(chosen.at);
    for (let copy = 0; copy < copies && chosen.letter; copy += 1) {
      await receiveNotification(this.deps, { ...chosen.letter, receivedAt: this.clock.now() });
    }
  }

  async tick(): Promise<void> {
    await drainWebhooks(this.deps);
    await planDuePulls(this.deps);
  }

  async askForFull(): Promise<void> {
    await this.db.transaction({ role: 'worker' }, (tx) => requestFullRound(tx, this.calendarId));
  }

  async loseRedis(): Promise<void> {
    this.jobs.length = 0;
    const memory = { read: async () => null, write: async () => undefined };
    await checkRedisMemory(this.deps, memory, async () => undefined);
  }

  /** Nothing goes wrong any more and time passes: after this the mirror must be exact. */
  async settle(): Promise<void> {
    this.dialect.calm(this.sandbox);
    this.sandbox.faults.clear();
    for (let rounds = 0; rounds < 8; rounds += 1) {
      // Longer than any back-off, and than the longest beat of a calendar that push covers.
      this.clock.advance(6 * 3_600_000 + 60_000);
      await this.tick();
      for (let steps = 0; this.jobs.length > 0; steps += 1) {
        if (steps > 200) throw new Error('The queue never comes to rest.');
        await this.runJob();
      }
      if (!(await this.agreeToHeldDeletes())) return;
    }
    throw new Error('The calendar never comes to rest.');
  }

  /** An audit of the calendar at rest. */
  async audit(): Promise<AuditOutcome> {
    this.clock.advance(1_000);
    const wish = { calendarId: this.calendarId, requestedAt: this.clock.now(), asked: false };
    return auditCalendar(this.deps, wish, new AbortController().signal);
  }

  /** A person looks at what the brake holds and says, through the API's own road: delete it. */
  private async agreeToHeldDeletes(): Promise<boolean> {
    const userId = userOf(this.accountId);
    const word = { userId, calendarId: this.calendarId, now: this.clock.now() };
    return this.db.transaction({ role: 'api', userId, calendars: [this.calendarId] }, async (tx) => {
      if (((await api.countHeld(tx, word)) ?? 0) === 0) return false;
      await api.requestHeldDeletes(tx, word);
      return true;
    });
  }

  private async perform(job: JobRequest): Promise<string> {
    switch (job.name) {
      case 'pull-calendar': {
        const { reason, requestedAt } = job.payload;
        const wish = { calendarId: this.calendarId, reason, requestedAt: new Date(requestedAt) };
        return pullCalendar(this.deps, wish, new AbortController().signal);
      }
      case 'ensure-watch':
        return ensureWatch(this.deps, this.calendarId, {
          mustRenew: job.payload.renew ?? false,
          ahead: job.payload.ahead ?? false,
        });
      case 'push-calendar':
        return pushCalendar(this.deps, this.calendarId, new AbortController().signal);
      case 'recheck-events':
        return `rechecked ${await recheckEvents(this.deps, this.calendarId, new AbortController().signal)}`;
      case 'discover-account':
        return `discovered ${await discoverAccount(this.deps, this.accountId)}`;
      default:
        return 'ignored';
    }
  }

  /** As the real queue: a job that already waits is the same job. */
  private enqueue(requests: readonly JobRequest[]): void {
    for (const request of requests) {
      if (!this.jobs.some((job) => JSON.stringify(keyOf(job)) === JSON.stringify(keyOf(request))))
        this.jobs.push(request);
    }
  }
}

type Watching = Pick<ModelWorld<unknown>, 'onAsk' | 'onWrite' | 'onWritten' | 'shown'>;

/** The provider, with somebody who looks at what comes and goes. */
function watched(provider: CalendarProvider, world: () => Watching): CalendarProvider {
  const write = async <T>(event: WrittenEvent | null, send: () => Promise<T>): Promise<T> => {
    const { onWrite, onWritten, shown } = world();
    onWrite?.(event);
    const before = shown();
    try {
      return await send();
    } finally {
      onWritten?.(before);
    }
  };
  return {
    ...provider,
    listChanges: (session, request) => {
      world().onAsk?.();
      return provider.listChanges(session, request);
    },
    createEvent: (session, request) => write(null, () => provider.createEvent(session, request)),
    updateEvent: (session, request) => write(request.event, () => provider.updateEvent(session, request)),
    deleteEvent: (session, request) => write(request.event, () => provider.deleteEvent(session, request)),
  };
}

const keyOf = ({ name, payload }: JobRequest): unknown => [
  name,
  'calendarId' in payload ? payload.calendarId : null,
  'reason' in payload ? payload.reason : null,
];

export const userOf = (accountId: AccountId): string => `user-${accountId}`;
