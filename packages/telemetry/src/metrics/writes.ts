/** Writing back: what leaves, counted where it is done, and what waits, read from Postgres by every worker. */
import type { Declare } from './declare.ts';
import { brakeScopes, providers, stopScopes, writeOutcomes, writeStates } from './labels.ts';

export const declareWrites = ({ counter, gauge }: Declare) => ({
  writesSent: counter('writes_sent_total', 'Writes that left, by what became of them.', {
    provider: providers,
    outcome: writeOutcomes,
  }),
  writeBrakes: counter('write_brakes_total', 'How often the loop brake stopped an event, or an account.', {
    scope: brakeScopes,
  }),
  writes: gauge('writes', 'Writes that are not done. conflict and parked wait for a person.', {
    provider: providers,
    state: writeStates,
  }),
  writesHeld: gauge(
    'writes_held',
    'Events that the loop brake stopped: each has a write that waits for a person to let it go. Among the parked ones.',
    { provider: providers },
  ),
  writeOldestAge: gauge(
    'write_oldest_age_seconds',
    'Since the oldest write was wished for that nothing but the queue or the provider keeps from leaving: its account is ' +
      'connected, its calendar is kept in step, and nobody has stopped writing. Absent where there is none.',
    { provider: providers },
  ),
  conflictsOpen: gauge('conflicts_open', 'Conflicts that wait for a person.', { provider: providers }),
  writesStopped: gauge('writes_stopped', 'Where writing is stopped: everywhere (0 or 1), and accounts.', {
    scope: stopScopes,
  }),
});
