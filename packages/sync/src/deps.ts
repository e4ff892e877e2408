import type { CalendarProvider, Clock, ProviderName, WatchId, ZoneTable } from '@calfleet/domain';
import type { Database } from '@calfleet/db';
import type { Producer } from '@calfleet/jobs';
import type { Logger, Metrics } from '@calfleet/telemetry';
import type { Courtesy } from './courtesy.ts';
import type { Pace } from './pace.ts';
import type { Sessions } from './sessions.ts';
import type { WriteBrake } from './write-brake.ts';

export interface SyncSettings {
  /** Occurrences are kept from this many days before now … */
  pastDays: number;
  /** … to this many after it. */
  futureDays: number;
  /** The brake holds deletions that are at least this many … */
  massDeleteMin: number;
  /** … and more than this share of the live events, per cent. */
  massDeletePercent: number;
  /** Items asked for per page. */
  pageSize: number;
  /** Share of the active calendars that one run of the mirror audit plans, per cent. */
  auditSamplePercent: number;
  /** For how many days what has ended is kept. */
  keptDays: {
    runs: number;
    deletedEvents: number;
    channels: number;
    quarantine: number;
    audits: number;
    history: number;
  };
  /** Public base of the ingress, without a slash at its end. */
  ingressUrl: string;
  /** Absent: as in pace.ts. */
  pace?: Pace;
  /** Absent: as in write-brake.ts. */
  writeBrake?: WriteBrake;
}

/** Everything the engine needs from outside. Wired in `main.ts`, and in tests with the real parts. */
export interface SyncDeps {
  db: Database;
  clock: Clock;
  jobs: Pick<Producer, 'enqueue' | 'enqueueMany'>;
  providers: ReadonlyMap<ProviderName, CalendarProvider>;
  sessions: Sessions;
  /** Proves to ingress that a message belongs to a watch, in the form that the provider can carry. */
  signer: {
    sign(watchId: WatchId): { token: string; keyId: string };
    signClientState(watchId: WatchId): { token: string; keyId: string };
    /** The key that signs now. */
    readonly signingKeyId: string;
  };
  logger: Logger;
  metrics: Metrics;
  zones: ZoneTable;
  /** One per process: who gives way to whom. */
  courtesy: Courtesy;
  settings: SyncSettings;
}
