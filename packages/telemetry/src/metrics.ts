/** Every metric, declared once. Base units, few labels, never a user, e-mail address or calendar id among them. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** The metrics of one process, in a registry of their own, so that several processes can live in one test. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name: `calfleet_${name}`, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name: `calfleet_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    { labelNames, buckets }: { labelNames: readonly Label[]; buckets: number[] },
  ) => new Histogram({ name: `calfleet_${name}`, help, labelNames, buckets, registers });

  return {
    /** What a scrape answers, and its content type. */
    exposition: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),

    notificationReceived: counter('notification_received_total', 'Notifications by what became of them.', [
      'provider',
      'kind',
      'outcome',
    ]),
    /** Up to 3 s: the time that Microsoft grants, the stricter of the two. */
    ingressAckDuration: histogram('ingress_ack_duration_seconds', 'From request to answer.', {
      labelNames: ['provider'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3],
    }),
    notificationToStore: histogram(
      'notification_to_store_seconds',
      'From the receipt of a notification to the commit of what it announced.',
      { labelNames: ['provider'], buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900] },
    ),
    sync: counter('sync_total', 'Finished rounds.', ['provider', 'mode']),
    fullSync: counter('full_sync_total', 'Full rounds by what made them necessary.', ['provider', 'reason']),
    listLoops: counter(
      'list_loops_total',
      'Lists of changes that went round in circles, by what is read instead.',
      ['provider', 'reading'],
    ),
    providerRequests: counter('provider_requests_total', 'Requests to providers by class of answer.', [
      'provider',
      'status_class',
    ]),
    quarantined: counter('quarantined_total', 'Items that could not be stored, by reason.', ['code']),
    deletesHeld: counter('deletes_held_total', 'Rounds whose deletes wait for a person.', ['provider']),
    queueJobs: gauge('queue_jobs', 'Jobs in a queue.', ['queue', 'state']),
    queueOldestAge: gauge(
      'queue_oldest_age_seconds',
      'How long the head of a queue could have run already.',
      ['queue'],
    ),
    jobWait: histogram('job_wait_seconds', 'From when a job could have run to its first start.', {
      labelNames: ['queue'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300],
    }),
  };
}
