/**
 * A whole engine over the memory provider and a real Postgres, with time, queue and misfortune in the test's hands.
 * Jobs wait in a list that coalesces as the real queue does; every transaction is a point where something may happen.
 */
import { ensureChangePartitions, openDatabase, type Database, type Transaction } from '@calfleet/db';
import {
  asSyncError,
  newId,
  ZoneTable,
  type AccountId,
  type CalendarId,
  type RemoteItem,
  type WatchId,
  type WrittenEvent,
} from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import { MemoryCloud, createMemoryProvider, type MemoryNotification } from '@calfleet/providers';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { ManualClock } from '@calfleet/testkit';
import {
  Courtesy,
  auditCalendar,
  checkRedisMemory,
  drainWebhooks,
  ensureWatch,
  leaveAccount,
  planDuePulls,
  pullCalendar,
  pushCalendar,
  receiveNotification,
  recheckEvents,
  type AuditOutcome,
  type SyncDeps,
} from '../src/index.ts';

/** The process died: whatever it held in memory is gone, its transaction rolled back. */
export class Crash extends Error {}

export type Point = 'before' | 'inside' | 'after';
/** What happens at a point of a transaction; throwing {@link Crash} ends the process there. */
export type StepHook = (point: Point) => Promise<void>;

export class World {
  readonly clock = new ManualClock(new Date('2026-11-20T09:00:00Z'));
  readonly cloud: MemoryCloud;
  readonly calendarId = newId<CalendarId>();
  readonly accountId = newId<AccountId>();
  readonly userId: string;
  readonly providerCalendarId: string;
  /** Notifications that the provider sent and that nobody delivered yet. */
  readonly letters: MemoryNotification[] = [];
  readonly jobs: JobRequest[] = [];
  /** Accounts whose grant was ended at the provider. */
  readonly revoked: AccountId[] = [];
  /** Whose jobs were taken out of the queues. */
  readonly forgotten: string[] = [];
  readonly deps: SyncDeps;
  /** How many pages were asked for. */
  pagesAsked = 0;
  /** What the owner does at the moment a page is asked for. */
  onAsk: (() => void) | null = null;
  /** What the owner does at the moment a write arrives. */
  onWrite: ((event: WrittenEvent | null) => void) | null = null;
  /** A write changed something at the provider, whether or not its answer comes. */
  onWritten: ((before: readonly RemoteItem[]) => void) | null = null;
  hook: StepHook | null = null;
  /** A process that crashed does nothing more, not even tidy up. */
  private isDead = false;

  private constructor(
    readonly real: Database,
    settings: Partial<SyncDeps['settings']>,
  ) {
    this.userId = `user-${this.accountId}`;
    this.providerCalendarId = `calendar-${this.calendarId}`;
    this.cloud = new MemoryCloud({ onNotification: (letter) => void this.letters.push(letter) });
    this.cloud.createCalendar({ providerCalendarId: this.providerCalendarId });
    const provider = createMemoryProvider(this.cloud);
    this.deps = {
      db: { ...real, transaction: (options, work) => this.transact(options, work) },
      clock: this.clock,
      jobs: {
        enqueue: async (name, payload, options) =>
          this.enqueue([{ name, payload, ...(options && { options }) } as JobRequest]),
        enqueueMany: async (requests) => this.enqueue(requests),
      },
      providers: new Map([
        [
          'memory',
          {
            ...provider,
            listChanges: (session, request) => {
              this.pagesAsked += 1;
              this.onAsk?.();
              return provider.listChanges(session, request);
            },
            createEvent: (session, request) => this.write(null, () => provider.createEvent(session, request)),
            updateEvent: (session, request) =>
              this.write(request.event, () => provider.updateEvent(session, request)),
            deleteEvent: (session, request) =>
              this.write(request.event, () => provider.deleteEvent(session, request)),
          },
        ],
      ]),
      sessions: {
        open: ({ accountId }, onRequest) => ({
          accountId,
          accessToken: async () => 'memory',
          ...(onRequest && { onRequest }),
        }),
        reseal: () => Buffer.alloc(0),
        revoke: async ({ id }) => void this.revoked.push(id),
      },
      signer: { sign: tokenFor, signClientState: tokenFor, signingKeyId: 'test' },
      logger: createLogger({ service: 'test', level: 'error' }),
      metrics: createMetrics(),
      zones: new ZoneTable(),
      courtesy: new Courtesy(),
      settings: {
        pastDays: 30,
        futureDays: 60,
        massDeleteMin: 20,
        massDeletePercent: 50,
        pageSize: 2_500,
        auditSamplePercent: 100,
        keptDays: { runs: 30, deletedEvents: 30, channels: 8, quarantine: 90, audits: 90, history: 90 },
        ingressUrl: 'https://ingress.test',
        ...settings,
      },
    };
  }

  static async create(db: Database, settings: Partial<SyncDeps['settings']> = {}): Promise<World> {
    const world = new World(db, settings);
    const at = world.clock.now();
    await db.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`
        insert into calendar_accounts (id, user_id, provider, data_key, refresh_token, calendars_listed_at,
          created_at, updated_at)
        values (${world.accountId}::uuid, ${world.userId}, 'memory', '\\x00', '\\x00', ${at}, ${at}, ${at})`;
      await tx.$executeRaw`
        insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
          dirty_seq, next_pull_at, created_at, updated_at)
        values (${world.calendarId}::uuid, ${world.userId}, ${world.accountId}::uuid, 'memory',
          ${world.providerCalendarId}, 'Model', 'UTC', 'owner', 1, ${at}, ${at}, ${at})`;
      await ensureChangePartitions(tx, at, 8);
    });
    return world;
  }

  /** Runs the oldest waiting job, as a worker would; what it throws goes where the queue would send it. */
  async runJob(signal = new AbortController().signal): Promise<string> {
    const job = this.jobs.shift();
    if (!job) return 'idle';
    try {
      return await this.perform(job, signal);
    } catch (error) {
      if (this.isDead) {
        // A stalled job runs again, in another process.
        this.isDead = false;
        this.enqueue([job]);
        return 'crashed';
      }
      const { code } = asSyncError(error);
      if (code === 'bug') throw error;
      if (code === 'provider_unavailable' || code === 'rate_limited') this.enqueue([job]);
      return code;
    }
  }

  private async perform(job: JobRequest, signal: AbortSignal): Promise<string> {
    switch (job.name) {
      case 'pull-calendar': {
        const { reason, requestedAt } = job.payload;
        const calendarId = job.payload.calendarId as CalendarId;
        return pullCalendar(this.deps, { calendarId, reason, requestedAt: new Date(requestedAt) }, signal);
      }
      case 'ensure-watch':
        return ensureWatch(this.deps, job.payload.calendarId as CalendarId, {
          mustRenew: job.payload.renew ?? false,
          ahead: job.payload.ahead ?? false,
        });
      case 'recheck-events':
        return `rechecked ${await recheckEvents(this.deps, job.payload.calendarId as CalendarId, signal)}`;
      case 'push-calendar':
        return pushCalendar(this.deps, job.payload.calendarId as CalendarId, signal);
      case 'leave-account':
        return leaveAccount(this.deps, job.payload.accountId as AccountId, {
          signal,
          forgetJobs: async (ids) => void this.forgotten.push(...ids),
        });
      case 'receive-notification':
      case 'discover-account':
      case 'stop-watch':
      case 'audit-calendar':
      case 'auto-sync':
      case 'webhook-drain':
      case 'conflict-resolution':
      case 'cleanup':
      case 'incremental-pull':
      case 'watch-renewal':
      case 'mirror-audit':
        return 'ignored';
    }
  }

  /** Hands a letter to the engine, as ingress and the webhooks queue would. */
  async deliver(letter: MemoryNotification): Promise<void> {
    try {
      await receiveNotification(this.deps, {
        watchId: letter.watchId as never,
        event: letter.state === 'sync' ? 'sync' : 'change',
        resourceId: letter.resourceId,
        expiresAt: new Date(letter.expiresAt),
        receivedAt: this.clock.now(),
      });
    } catch (error) {
      if (!this.isDead) throw error;
      // Acknowledged to the provider before it died: the queue still has it.
      this.isDead = false;
      this.letters.push(letter);
    }
  }

  /** Forgets what runs out by itself: the leases of a worker that died. */
  async expireLease(): Promise<void> {
    await this.real.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`
        update calendars set lease_until = clock_timestamp() - interval '1 s'
         where id = ${this.calendarId}::uuid and lease_until is not null`;
      await tx.$executeRaw`
        update calendars set push_until = clock_timestamp() - interval '1 s'
         where id = ${this.calendarId}::uuid and push_until is not null`;
    });
  }

  async tick(): Promise<void> {
    await drainWebhooks(this.deps);
    await planDuePulls(this.deps);
  }

  async loseRedis(): Promise<void> {
    this.jobs.length = 0;
    await checkRedisMemory(
      this.deps,
      { read: async () => null, write: async () => undefined },
      async () => undefined,
    );
  }

  /** Nothing goes wrong any more and time passes: after this the mirror must be exact. */
  async settle(): Promise<void> {
    this.hook = null;
    this.cloud.faults.clear();
    await this.expireLease();
    for (let rounds = 0; rounds < 6; rounds += 1) {
      // Longer than the longest beat of a calendar that push covers.
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

  /** The audit's own job, by hand. */
  async audit(signal = new AbortController().signal): Promise<AuditOutcome> {
    this.clock.advance(1_000);
    const wish = { calendarId: this.calendarId, requestedAt: this.clock.now(), asked: false };
    return auditCalendar(this.deps, wish, signal);
  }

  /** The next process begins. */
  revive(): void {
    this.isDead = false;
  }

  /** Leaves nothing behind for the ticks of the next world to find. */
  async end(): Promise<void> {
    await this.real.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`delete from calendar_sync_channels where account_id = ${this.accountId}::uuid`;
      await tx.$executeRaw`delete from calendar_accounts where id = ${this.accountId}::uuid`;
    });
  }

  /** A person looks at what the brake holds and says: delete it. */
  async agreeToHeldDeletes(): Promise<boolean> {
    return this.real.transaction({ role: 'worker' }, async (tx) => {
      const agreed = await tx.$executeRaw`
        update calendars set full_requested = true, dirty_seq = dirty_seq + 1, held_apply_seq = dirty_seq + 1,
          held_apply_until = (select max(held_at) from calendar_events e where e.calendar_id = calendars.id)
         where id = ${this.calendarId}::uuid
           and exists (select from calendar_events e where e.calendar_id = calendars.id and e.held_at is not null)`;
      return agreed > 0;
    });
  }

  private async write<T>(event: WrittenEvent | null, send: () => Promise<T>): Promise<T> {
    this.onWrite?.(event);
    const before = this.cloud.truth(this.providerCalendarId);
    const { log } = this.cloud.calendars.get(this.providerCalendarId) ?? {};
    const seq = log?.seq;
    try {
      return await send();
    } finally {
      if (log?.seq !== seq) this.onWritten?.(before);
    }
  }

  /** As the real queue: a job that already waits is the same job; one that runs gets one more run. */
  private enqueue(requests: readonly JobRequest[]): void {
    for (const request of requests) {
      // Ticks select over the whole fleet; a test's world answers for its own calendar.
      if ('calendarId' in request.payload && request.payload.calendarId !== this.calendarId) continue;
      if (!this.jobs.some((job) => idOf(job) === idOf(request))) this.jobs.push(request);
    }
  }

  private async transact<T>(
    options: Parameters<Database['transaction']>[0],
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    if (this.isDead) throw new Crash();
    await this.reach('before');
    const result = await this.real.transaction(options, async (tx) => {
      const value = await work(tx);
      await this.reach('inside');
      return value;
    });
    await this.reach('after');
    return result;
  }

  private async reach(point: Point): Promise<void> {
    try {
      await this.hook?.(point);
    } catch (error) {
      this.isDead = error instanceof Crash;
      throw error;
    }
  }
}

/** The catalogue's own rule for what is the same job. */
function idOf(job: JobRequest): string {
  const reason = 'reason' in job.payload ? job.payload.reason : '';
  const subject = 'calendarId' in job.payload ? job.payload.calendarId : JSON.stringify(job.payload);
  return `${job.name}.${subject}.${reason}`;
}

export const openTestDatabase = (url: string): Database =>
  openDatabase({ url, poolSize: 6, applicationName: 'calfleet-test' });

const tokenFor = (watchId: WatchId) => ({ token: `token-${watchId}`, keyId: 'test' });
