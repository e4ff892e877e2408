import { createMetrics } from '@calfleet/telemetry';
import { ManualClock } from '@calfleet/testkit';
import type { ChangesPage, RemoteItem } from '@calfleet/domain';
import type { CalendarInRound } from './apply.ts';
import type { SyncDeps } from './deps.ts';
import type { PullRequest } from './pull.ts';
import { countCoalesced, countPage, countRound } from './round-counts.ts';

const start = new Date('2026-11-22T12:00:00Z');
const minuteMs = 60_000;

/** A push-covered calendar that rests, and the round that was just finished. */
const rested = {
  provider: 'google',
  coverage: 'push',
  cursor: 'cursor',
  windowEnd: start,
  fullRequested: false,
  reading: 'changes',
  dirtySeq: 3n,
  syncedSeq: 3n,
  lookAgainAt: null,
  lastRoundStartedAt: start,
  round: { mode: 'incremental', trigger: 'schedule', startedAt: start },
} as unknown as CalendarInRound;

const end = { created: 1, updated: 2, deleted: 1 } as Parameters<typeof countRound>[3];
const notified: PullRequest = {
  calendarId: 'c' as PullRequest['calendarId'],
  reason: 'notify',
  requestedAt: start,
};

type Changes = Omit<Partial<CalendarInRound>, 'round'> & { round?: Partial<CalendarInRound['round']> };
const calendarWith = ({ round = {}, ...changes }: Changes): CalendarInRound => ({
  ...rested,
  ...changes,
  round: { ...rested.round, ...round },
});

function count(run: (deps: SyncDeps) => void): Promise<string[]> {
  const metrics = createMetrics();
  // Two seconds after the round began.
  const clock = new ManualClock(new Date(start.getTime() + 2_000));
  run({ metrics, clock } as unknown as SyncDeps);
  return metrics
    .exposition()
    .then(({ text }) => text.split('\n').filter((line) => /^calfleet_\w+(_total|_sum|_count)\{/.test(line)));
}
const afterRound = (changes: Changes, request: PullRequest = { ...notified, reason: 'schedule' }) =>
  count((deps) => countRound(deps, calendarWith(changes), request, end));

test('what a look of our own finds on a push-covered calendar was missed', async () => {
  expect(await afterRound({})).toContain('calfleet_missed_change_total{provider="google",found_by="poll"} 4');
});

test.each<[string, Changes]>([
  ['a notification was waiting', { dirtySeq: 4n }],
  ['it answers a notification', { round: { trigger: 'notify' } }],
  ['it is a later look after a notification', { lookAgainAt: start }],
  ['nobody tells of this calendar', { coverage: 'poll' }],
  ['everything was read', { round: { mode: 'full' } }],
])('nothing was missed where %s', async (_, changes) => {
  expect((await afterRound(changes)).join('\n')).not.toMatch(/missed_change/);
});

test.each<[string | null, Changes]>([
  ['first', { windowEnd: null, cursor: null }],
  ['manual', { fullRequested: true }],
  ['audit', { round: { trigger: 'audit' } }],
  ['view', { reading: 'view' }],
  ['window', {}],
  // Counted when it died.
  [null, { cursor: null }],
])('a full round is counted as %s', async (reason, changes) => {
  const { round = {}, ...rest } = changes;
  const lines = await afterRound({ ...rest, round: { mode: 'full', ...round } });
  const counted = lines.filter((line) => line.startsWith('calfleet_full_sync_total'));
  expect(counted).toEqual(
    reason === null ? [] : [`calfleet_full_sync_total{provider="google",reason="${reason}"} 1`],
  );
  expect(lines).toContain('calfleet_sync_total{provider="google",mode="full"} 1');
});

test('lag is told from the receipt, the age of a round from its start', async () => {
  const lines = await afterRound({}, { ...notified, requestedAt: new Date(start.getTime() - 1_000) });
  expect(lines).toEqual(
    expect.arrayContaining([
      'calfleet_notification_to_store_seconds_sum{provider="google"} 3',
      'calfleet_sync_duration_seconds_sum{provider="google",mode="incremental"} 2',
    ]),
  );
  expect((await afterRound({})).join('\n')).not.toMatch(/notification_to_store/);
});

test('polls that a push-covered calendar did not need are saved calls', async () => {
  const saved = async (changes: Changes) =>
    (await afterRound(changes)).filter((line) => line.startsWith('calfleet_api_calls_saved_total'));
  const lastRoundStartedAt = new Date(start.getTime() - 65 * minuteMs);
  // Every ten minutes: six, one of which is this round.
  const five = 'calfleet_api_calls_saved_total{provider="google",cause="polling_baseline"} 5';
  expect(await saved({ lastRoundStartedAt })).toEqual([five]);
  expect(await saved({ lastRoundStartedAt, coverage: 'poll' })).toEqual([]);
  expect(await saved({ lastRoundStartedAt: new Date(start.getTime() - 15 * minuteMs) })).toEqual([]);
  expect(await saved({ lastRoundStartedAt: null })).toEqual([]);
  expect(await count((deps) => countCoalesced(deps, rested))).toEqual([
    'calfleet_api_calls_saved_total{provider="google",cause="coalesced"} 1',
  ]);
});

test('the newest change of a notified page tells how late it is', async () => {
  const event = (updated: string | null) =>
    ({ type: 'event', event: { providerUpdatedAt: updated } }) as unknown as RemoteItem;
  const page = (...items: RemoteItem[]) => ({ items }) as ChangesPage;
  const told = async (of: ChangesPage, changes: Changes = { round: { trigger: 'notify' } }) =>
    (await count((deps) => countPage(deps, calendarWith(changes), of))).filter((line) =>
      line.includes('_sum'),
    );
  const both = page(event('2026-11-22T11:00:00Z'), event('2026-11-22T11:59:59.500Z'), event(null));
  expect(await told(both)).toEqual(['calfleet_change_to_store_seconds_sum{provider="google"} 2.5']);
  // A provider's clock may run ahead of ours.
  expect(await told(page(event('2026-11-22T12:30:00Z')))).toEqual([
    'calfleet_change_to_store_seconds_sum{provider="google"} 0',
  ]);
  expect(await told(page(event(null)))).toEqual([]);
  expect(await told(both, {})).toEqual([]);
});
