/** Queues, jobs and ticks. */
import type { Declare } from './declare.ts';
import { ageStates, jobOutcomes, jobs, queues, queueStates, tickOutcomes, ticks } from './labels.ts';

export const declareJobs = ({ counter, gauge, histogram }: Declare) => ({
  queueJobs: gauge('queue_jobs', 'Jobs in a queue.', { queue: queues, state: queueStates }),
  queueOldestAge: gauge(
    'queue_oldest_age_seconds',
    'How long the job at the head of a state could have run already; of active ones, for how long it has been running.',
    { queue: queues, state: ageStates },
  ),
  jobDead: gauge('job_dead', 'Jobs that have failed for good and are kept for a person.', { queue: queues }),
  jobWait: histogram('job_wait_seconds', 'From when a job could have run to its first start.', {
    labels: { queue: queues },
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300],
  }),
  jobRuns: counter('job_runs_total', 'Runs of jobs, by how they ended.', {
    queue: queues,
    name: jobs,
    outcome: jobOutcomes,
  }),
  jobRefused: counter(
    'job_refused_total',
    'Jobs that a tick could not plan: their payload is not what the catalogue says.',
    {
      name: jobs,
    },
  ),
  jobStalled: counter('job_stalled_total', 'Jobs that lost their worker and run again.', { queue: queues }),
  tickRuns: counter('tick_runs_total', 'Runs of scheduled jobs.', { tick: ticks, outcome: tickOutcomes }),
  tickDuration: histogram('tick_duration_seconds', 'Of a run of a scheduled job.', {
    labels: { tick: ticks },
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 900],
  }),
  tickLastSuccess: gauge(
    'tick_last_success_timestamp_seconds',
    'When a scheduled job last ended well, on whichever worker; absent until it has.',
    { tick: ticks },
  ),
  cleanupRows: counter('cleanup_rows_total', 'Rows deleted, and partitions dropped, by cleanup.', {
    table: 24,
  }),
});
