/** A run with known happenings: every counter has the value that follows from them, and the provider's own count agrees. */
import { Client } from 'pg';
import { eventually } from '@calfleet/testkit';
import type { AccountOwner, CalendarOwner, FaultPlan } from '@calfleet/sandbox';
import { createMetrics, type ProcessName } from '@calfleet/telemetry';
import { openTelemetryHouse, type TelemetryHouse } from './telemetry-house.ts';

let house: TelemetryHouse;
let ada: AccountOwner;
let owner: CalendarOwner;

beforeAll(async () => {
  house = await openTelemetryHouse();
  ada = house.sandbox.google.createAccount({ email: 'ada@example.test' });
  owner = ada.createCalendar({ primary: true });
  owner.insertMany([timed('one'), timed('two'), timed('three')]);
  await house.connect({ provider: 'google', refreshToken: ada.refreshTokens[0] });
  await house.settled(1);
});
afterAll(() => house.close());

const timed = (summary: string) => ({
  summary,
  start: { dateTime: '2026-12-01T10:00:00Z' },
  end: { dateTime: '2026-12-01T11:00:00Z' },
});

type Series = [process: ProcessName, name: string, labels?: Record<string, string>];
const google = { provider: 'google' };
const requests = (reason: string, status_class: string): Series => [
  'worker',
  'calfleet_provider_requests_total',
  { ...google, reason, status_class },
];
const runs = (name: string, outcome: string): Series => [
  'worker',
  'calfleet_job_runs_total',
  { name, outcome },
];
const incremental: Series = ['worker', 'calfleet_sync_total', { ...google, mode: 'incremental' }];
const full: Series = ['worker', 'calfleet_sync_total', { ...google, mode: 'full' }];

/** What the act changes each of these series by, once everything is at rest again. */
async function expectCounts(act: () => unknown, counts: [Series, number][]): Promise<void> {
  const read = () => Promise.all(counts.map(([series]) => house.sum(...series)));
  const before = await read();
  await act();
  await eventually(async () => {
    const after = await read();
    expect(after.map((value, index) => value - (before[index] ?? 0))).toEqual(
      counts.map(([, count]) => count),
    );
  });
  await house.settled(1);
  const after = await read();
  expect(after.map((value, index) => value - (before[index] ?? 0))).toEqual(counts.map(([, count]) => count));
}

const withFault =
  (effect: FaultPlan['effect'], operation: FaultPlan['operation'] = 'events.list') =>
  () => {
    house.sandbox.faults.add({ operation, effect });
    owner.insert(timed('a change'));
  };

test('an account connected: one refresh, one list of calendars, one channel, one first mirror', async () => {
  expect(await house.sum('worker', 'calfleet_token_refresh_total', { ...google, result: 'refreshed' })).toBe(
    1,
  );
  expect(await house.sum(...full)).toBe(1);
  expect(await house.sum('worker', 'calfleet_full_sync_total', { ...google, reason: 'first' })).toBe(1);
  expect(await house.sum('worker', 'calfleet_channel_renewals_total', { ...google, result: 'created' })).toBe(
    1,
  );
  expect(
    await house.sum('ingress', 'calfleet_notification_received_total', { kind: 'sync', outcome: 'accepted' }),
  ).toBe(1);
  expect(await house.sum(...runs('discover-account', 'done'))).toBe(1);
});

test('a notified change: one of each, from receipt to row', async () => {
  await expectCounts(
    () => owner.insert(timed('pushed')),
    [
      [
        [
          'ingress',
          'calfleet_notification_received_total',
          { ...google, kind: 'change', outcome: 'accepted' },
        ],
        1,
      ],
      [['ingress', 'calfleet_ingress_ack_duration_seconds_count', google], 1],
      [['worker', 'calfleet_notification_to_store_seconds_count', google], 1],
      [['worker', 'calfleet_change_to_store_seconds_count', google], 1],
      [['worker', 'calfleet_sync_duration_seconds_count', { ...google, mode: 'incremental' }], 1],
      [incremental, 1],
      [full, 0],
      [requests('ok', '2xx'), 1],
      [runs('receive-notification', 'done'), 1],
      [runs('pull-calendar', 'done'), 1],
      [['worker', 'calfleet_job_wait_seconds_count', { queue: 'pull' }], 1],
      [['worker', 'calfleet_missed_change_total', google], 0],
    ],
  );
});

test('a 500, a 429, a cut connection: each by its name, each tried again', async () => {
  await expectCounts(withFault({ kind: 'status', status: 500 }), [
    [requests('provider_unavailable', '5xx'), 1],
    [requests('ok', '2xx'), 1],
    [runs('pull-calendar', 'retried'), 1],
    [incremental, 1],
  ]);
  const tooMany = { kind: 'status', status: 429, reason: 'rateLimitExceeded', retryAfterSeconds: 1 } as const;
  await expectCounts(withFault(tooMany), [
    [requests('rate_limited', '4xx'), 1],
    [runs('pull-calendar', 'retried'), 0],
    [incremental, 1],
  ]);
  expect(await house.sum('worker', 'calfleet_provider_throttle_wait_seconds_total', google)).toBeGreaterThan(
    0,
  );
  await expectCounts(withFault({ kind: 'drop_before' }), [
    [requests('network', 'none'), 1],
    [incremental, 1],
  ]);
});

test('a dead cursor: a full round, and why', async () => {
  await expectCounts(() => {
    owner.expireSyncTokens();
    owner.insert(timed('after the cursor died'));
  }, [
    [requests('cursor_expired', '4xx'), 1],
    [['worker', 'calfleet_full_sync_total', { ...google, reason: 'cursor_expired' }], 1],
    [full, 1],
    [incremental, 0],
  ]);
});

test('an event that Postgres refuses is counted, and the rest goes on', async () => {
  const admin = new Client({ connectionString: house.database.adminUrl });
  await admin.connect();
  await admin.query(
    `alter table calendar_events add constraint poison check (summary is distinct from 'poison')`,
  );
  await admin.end();
  await expectCounts(
    () => owner.insertMany([timed('poison'), timed('beside it')]),
    [
      [['worker', 'calfleet_quarantined_total', { code: 'unstorable' }], 1],
      [runs('pull-calendar', 'parked'), 0],
    ],
  );
});

test.each(['ingress', 'api', 'worker'] as const)('the %s exports what is its own', async (process) => {
  const declared = (text: string) =>
    [...text.matchAll(/^# TYPE (calfleet_\w+|process_\w+|nodejs_\w+) /gm)].map(([, name]) => name).sort();
  const wanted = declared((await createMetrics(process).exposition()).text);
  expect(declared(await house.metricsOf(process))).toEqual(wanted);
  expect(wanted).toContain('process_cpu_seconds_total');
});

test("POST /sync and a scrape are counted by their routes' patterns", async () => {
  const route = '/integrations/calendar/events/:id';
  const notFound: Series = [
    'api',
    'calfleet_http_request_duration_seconds_count',
    { route, status_class: '4xx' },
  ];
  await house.ask('GET', '/events/0190a0a0-0000-7000-8000-000000000000');
  await house.ask('GET', '/no-such-address/with/ada@example.test');
  await eventually(async () => expect(await house.sum(...notFound)).toBe(1));
  const text = await house.metricsOf('api');
  expect(text).toMatch(/route="unmatched",method="GET",status_class="4xx"\} 1/);
  expect(text).toMatch(/route="\/integrations\/calendar\/accounts",method="POST",status_class="2xx"\} 1/);
  expect(text).not.toMatch(/0190a0a0|no-such-address|ada@/);
});

test("the provider's own count of our requests agrees with ours, class by class", async () => {
  const { byStatus, requests } = house.sandbox.usage.report();
  const total = 'calfleet_provider_requests_total';
  expect(await house.sum('worker', total)).toBe(requests);
  for (const status_class of ['2xx', '4xx', '5xx', 'none']) {
    const told = Object.entries(byStatus)
      .filter(([status]) => (status === '0' ? 'none' : `${status[0]}xx`) === status_class)
      .reduce((sum, [, count]) => sum + count, 0);
    expect([status_class, await house.sum('worker', total, { status_class })]).toEqual([status_class, told]);
  }
});

test('a revoked grant: the token endpoint says so once, and the account waits for its user', async () => {
  await expectRevoked();
  expect(
    await house.sum('worker', 'calfleet_token_invalidated_total', { ...google, reason: 'invalid_grant' }),
  ).toBe(1);
  expect(await house.sum('worker', 'calfleet_token_refresh_total', { result: 'credentials_revoked' })).toBe(
    1,
  );
  expect(await house.sum(...runs('pull-calendar', 'dropped'))).toBe(1);
});

async function expectRevoked(): Promise<void> {
  ada.revoke();
  owner.insert(timed('nobody may read it'));
  await eventually(async () => expect(await house.sum(...runs('pull-calendar', 'dropped'))).toBe(1));
}
