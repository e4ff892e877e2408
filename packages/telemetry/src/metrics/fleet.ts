/**
 * The state of the whole fleet, read from Postgres by every worker: the same series from each of them, so queries take
 * the `max` over instances and never the sum. Absent when it could not be read.
 */
import type { Declare } from './declare.ts';
import {
  ages,
  calendarStates,
  channelStates,
  connectionStates,
  coverages,
  plans,
  providers,
  quarantineCodes,
} from './labels.ts';

export const declareFleet = ({ gauge }: Declare) => ({
  calendars: gauge('calendars', 'Calendars that are wanted (active), by state and coverage.', {
    provider: providers,
    state: calendarStates,
    coverage: coverages,
  }),
  calendarsStale: gauge(
    'calendars_stale',
    'Calendars that are to be pulled, by the time since they were last verified: 5m up to five minutes, 15m from there ' +
      'to fifteen, and so on. plan is how they are meant to be covered.',
    { provider: providers, plan: plans, bucket: ages },
  ),
  channelCoverage: gauge(
    'channel_coverage_ratio',
    'Calendars with a live channel among those that should have one; absent where none should.',
    { provider: providers },
  ),
  channels: gauge('channels', 'Channels by state.', { provider: providers, state: channelStates }),
  channelsPerKey: gauge('channels_per_key', 'Channels that are still heard, by the key that signed them.', {
    provider: providers,
    // Rotation keeps two or three at a time.
    key_id: 16,
  }),
  channelExpiryMin: gauge(
    'channel_expiry_seconds_min',
    'Until the first of the wanted channels runs out; below 0 once it has. Absent where there is none.',
    { provider: providers },
  ),
  channelOrphans: gauge(
    'channel_orphans',
    'Channels that may still speak although nobody wants them: abandoned, or of a calendar that is not there any more.',
    { provider: providers },
  ),
  connectionState: gauge('connection_state', 'Accounts by state.', {
    provider: providers,
    state: connectionStates,
  }),
  divergence: gauge(
    'divergence_ratio',
    'Items that differed among those that the audits of the last day compared.',
    { provider: providers },
  ),
  quarantineRows: gauge('quarantined', 'Items that are in quarantine now.', { code: quarantineCodes }),
  feedHorizonLag: gauge(
    'feed_horizon_lag_seconds',
    'For how long the oldest running transaction has been seen holding back the readers of the feed.',
    {},
  ),
});
