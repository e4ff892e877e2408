/** What comes in from outside: requests, and the notifications among them. */
import type { Declare } from './declare.ts';
import { methods, notificationKinds, notificationOutcomes, providers, statusClasses } from './labels.ts';

/** The ingress alone. */
export const declareNotifications = ({ counter, histogram }: Declare) => ({
  notificationReceived: counter('notification_received_total', 'Notifications by what became of them.', {
    provider: providers,
    kind: notificationKinds,
    outcome: notificationOutcomes,
  }),
  /** Up to 3 s: the time that Microsoft grants, the stricter of the two. */
  ingressAckDuration: histogram('ingress_ack_duration_seconds', 'From request to answer.', {
    labels: { provider: providers },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3],
  }),
});

/** Every process that answers HTTP. */
export const declareRequests = ({ histogram }: Declare) => ({
  httpRequestDuration: histogram(
    'http_request_duration_seconds',
    'From request to answer, by the pattern of the route. A request that waits on purpose is as long as its wait.',
    {
      // A little more than there are routes.
      labels: { route: 64, method: methods, status_class: statusClasses },
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    },
  ),
});
