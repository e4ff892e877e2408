/**
 * The loop brake. Our own echoes are recognised and lead to no write (I9); somebody else's loop is not ours to see: two
 * programs that answer each other's changes, two calendars mirrored into each other. Far above what is usual, the event
 * rests, or its whole account, says so, and waits for a person.
 */
import {
  heldCode,
  hasSentBeside,
  hasSentOfAccount,
  holdWrite,
  stopAccountWrites,
  type PushLease,
  type Transaction,
  type WriteRow,
} from '@calfleet/db';
import type { SyncDeps } from './deps.ts';

/** Writes that may be sent within an hour. */
export interface WriteBrake {
  perEvent: number;
  perAccount: number;
}

/** As the settings of packages/config. */
const asShipped: WriteBrake = { perEvent: 60, perAccount: 10_000 };
const hourMs = 3_600_000;

/** Asked once per job, so up to a job's worth of writes per calendar may still leave. @returns whether the account rests now */
export async function brakeAccount(
  deps: SyncDeps,
  tx: Transaction,
  { accountId }: Pick<PushLease, 'accountId'>,
): Promise<boolean> {
  const at = deps.clock.now();
  const { perAccount: writes } = brakeOf(deps);
  if (!(await hasSentOfAccount(tx, { accountId, since: hourBefore(at), writes }))) return false;
  const reason = `${writes} writes were sent within an hour`;
  await stopAccountWrites(tx, { id: accountId, reason, at });
  deps.metrics.writeBrakes.inc({ scope: 'account' });
  deps.logger.error(
    'The account writes far more than usual: nothing is written for it until a person resumes',
    {
      account_id: accountId,
      writes_per_hour: writes,
    },
  );
  return true;
}

/** @param write taken in this transaction. @returns whether it was laid down instead of leaving */
export async function brakeWrite(deps: SyncDeps, tx: Transaction, write: WriteRow): Promise<boolean> {
  const at = deps.clock.now();
  const { perEvent: writes } = brakeOf(deps);
  if (!(await hasSentBeside(tx, write, { since: hourBefore(at), writes }))) return false;
  const message = `${writes} writes about the event were sent within an hour: the next one waits for a person to retry it`;
  await holdWrite(tx, write.id, { message, at });
  deps.metrics.writeBrakes.inc({ scope: 'event' });
  deps.logger.warn('An event is written far more often than usual: its next write waits for a person', {
    write_id: write.id,
    event_id: write.event_id,
    writes_per_hour: writes,
  });
  return true;
}

/**
 * Whether the brake laid it down. Later wishes for the event go with it, so that a loop leaves one write behind and not one
 * for each of its turns.
 */
export const isHeld = ({ state, error }: Pick<WriteRow, 'state' | 'error'>): boolean =>
  state === 'parked' && error?.code === heldCode;

const brakeOf = ({ settings }: SyncDeps): WriteBrake => settings.writeBrake ?? asShipped;
const hourBefore = (at: Date): Date => new Date(at.getTime() - hourMs);
