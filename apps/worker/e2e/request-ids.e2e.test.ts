/** One request, one id: in the line of whoever took it, and in every line of the jobs that it led to. */
import { eventually } from '@calfleet/testkit';
import type { CalendarOwner } from '@calfleet/sandbox';
import { openTelemetryHouse, type Line, type TelemetryHouse } from './telemetry-house.ts';

let house: TelemetryHouse;
let owner: CalendarOwner;

const timed = (summary: string) => ({
  summary,
  start: { dateTime: '2026-12-01T10:00:00Z' },
  end: { dateTime: '2026-12-01T11:00:00Z' },
});

beforeAll(async () => {
  house = await openTelemetryHouse();
  const ada = house.sandbox.google.createAccount({ email: 'ada@example.test' });
  owner = ada.createCalendar({ primary: true });
  await house.connect({ provider: 'google', refreshToken: ada.refreshTokens[0] });
  await house.settled(1);
});
afterAll(() => house.close());

const said = (message: string, facts: Partial<Line> = {}): Line[] =>
  house
    .lines()
    .filter((line) => line.message === message)
    .filter((line) => Object.entries(facts).every(([name, value]) => line[name] === value));

test('connecting an account: its list, its first pull and its channel belong to that request', async () => {
  await eventually(() => {
    const [first] = said('Calendar list read');
    expect(first?.['request_id']).toBe('connecting-1');
    expect(said('Pulled', { request_id: 'connecting-1', trigger: 'backfill' })).toHaveLength(1);
    expect(said('Watch ensured', { request_id: 'connecting-1' })).toHaveLength(1);
  });
});

test('a notification: ingress, the job that took it and the pull that it led to say the same id', async () => {
  const before = said('A notification was stored').length;
  owner.insert(timed('a change'));
  await eventually(() => expect(said('A notification was stored').length).toBe(before + 1));
  const stored = said('A notification was stored').at(-1);
  const requestId = stored?.['request_id'];
  expect(stored).toMatchObject({ service: 'ingress', event: 'change' });
  expect(requestId).toMatch(/^[\w-]{36}$/);
  await eventually(() => expect(said('Pulled', { request_id: requestId })).toHaveLength(1));
  const [received] = said('Received', { request_id: requestId });
  expect(received).toMatchObject({
    service: 'worker',
    job: 'receive-notification',
    watch_id: stored?.['watch_id'],
  });
  const [pulled] = said('Pulled', { request_id: requestId });
  expect(pulled).toMatchObject({ service: 'worker', job: 'pull-calendar', trigger: 'notify', created: 1 });
});

test('POST /sync: the caller names the request, and the pull says so', async () => {
  const answer = await house.ask('POST', '/sync', { body: {}, headers: { 'x-request-id': 'user-asks-1' } });
  expect(answer.status).toBe(202);
  await eventually(() =>
    expect(said('Pulled', { request_id: 'user-asks-1', trigger: 'user' })).toHaveLength(1),
  );
});

test('every line of a pull names its job, its calendar and its account, also when it fails', async () => {
  house.sandbox.faults.add({ operation: 'events.list', effect: { kind: 'status', status: 500 } });
  owner.insert(timed('while the provider is in trouble'));
  await eventually(() => expect(said('A pull failed')).toHaveLength(1));
  await eventually(() =>
    expect(said('Pulled', { request_id: requestIdOf('A pull failed') })).toHaveLength(1),
  );
  expect(said('Failed, will run again', { job: 'pull-calendar' })).toHaveLength(1);
  const lines = house.lines().filter(({ job }) => job === 'pull-calendar');
  expect(lines.length).toBeGreaterThan(6);
  const [first] = lines;
  for (const line of lines) {
    expect(line).toMatchObject({
      job_id: expect.stringMatching(/./) as string,
      calendar_id: first?.['calendar_id'],
      account_id: first?.['account_id'],
    });
  }
});

const requestIdOf = (message: string): unknown => said(message)[0]?.['request_id'];
