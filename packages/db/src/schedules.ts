/** The last run of each schedule, for whoever asks whether the fleet still ticks. */
import type { Transaction } from './transaction.ts';

export async function beginSchedule(tx: Transaction, run: { name: string; at: Date }): Promise<void> {
  await tx.$executeRaw`
    insert into calendar_schedules (name, started_at, outcome) values (${run.name}, ${run.at}, 'running')
    on conflict (name) do update
      set started_at = excluded.started_at, ended_at = null, outcome = 'running', counts = '{}', error = null`;
}

export async function endSchedule(
  tx: Transaction,
  run: { name: string; at: Date; counts: Record<string, number>; error: string | null },
): Promise<void> {
  await tx.$executeRaw`
    update calendar_schedules
       set ended_at = ${run.at}, outcome = ${run.error === null ? 'completed' : 'failed'},
           succeeded_at = case when ${run.error === null} then ${run.at}::timestamptz else succeeded_at end,
           counts = ${JSON.stringify(run.counts)}::jsonb, error = ${run.error}
     where name = ${run.name}`;
}

export interface ScheduleRun {
  name: string;
  started_at: Date;
  ended_at: Date | null;
  /** Of the last run that ended well. */
  succeeded_at: Date | null;
  outcome: 'running' | 'completed' | 'failed';
  counts: Record<string, number>;
  error: string | null;
}

export async function listSchedules(tx: Transaction): Promise<ScheduleRun[]> {
  return tx.$queryRaw<ScheduleRun[]>`
    select name, started_at, ended_at, succeeded_at, outcome, counts, error from calendar_schedules order by name`;
}
