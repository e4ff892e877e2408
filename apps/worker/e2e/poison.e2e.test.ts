/**
 * A row that nobody can read or serve, in every table, among healthy ones: each tick ends well and serves the others, and
 * the broken row is named in the log, the metrics and the API. It is not tried again and again.
 */
import { tickNames } from '@calfleet/jobs';
import { eventually } from '@calfleet/testkit';
import { attemptsOn, meeting, openPoisonHouse, type PoisonHouse, type Row } from './poison-house.ts';
import { poisonAccount, poisonFleet, poisonRows } from './poison-rows.ts';

const drains = 20;
const drainMs = 30_000;
/** First listing of the healthy, then the whole of it. */
const patienceMs = 240_000;

let house: PoisonHouse;
let healthy: Row[];
let broken: Row[];
let account: Awaited<ReturnType<typeof poisonAccount>>;
const outcomes: Record<string, string> = {};

beforeAll(async () => {
  house = await openPoisonHouse();
  await house.start();
  // Ids are in the order of their birth, so that healthy ones stand before and behind the broken ones in each selection.
  const before = await house.mailbox('before');
  broken = await Promise.all(poisonRows.map((_, index) => house.mailbox(`broken-${index}`)));
  healthy = [before, await house.mailbox('behind')];
  await house.stopWorkers();
  for (const [index, row] of poisonRows.entries()) await row.plant(house, broken[index] ?? before);
  await poisonFleet(house, before);
  account = await poisonAccount(house);
  // Nobody rings: the ticks alone find that there is work.
  for (const { owner } of [...healthy, ...broken]) owner.insert(meeting('after'));
  await house.sql(
    (tx) =>
      tx.$executeRaw`update calendars set dirty_seq = dirty_seq + 1, next_pull_at = ${house.clock.now()}`,
  );
  await house.start();
  house.lines.length = 0;
  for (const name of tickNames) {
    outcomes[name] = await house.tick(name);
    if (name === 'webhook-drain') await house.settle();
  }
  await house.settle();
}, patienceMs);

afterAll(() => house.close());

const eventsOf = (row: Row, summary = 'after'): Promise<number> =>
  house.sql(async (tx) => {
    const [found] = await tx.$queryRaw<{ n: number }[]>`
      select count(*)::int as n from calendar_events
       where calendar_id = ${row.calendarId}::uuid and summary = ${summary} and deleted_at is null`;
    return found?.n ?? 0;
  });

test('every tick ends well', () => {
  expect(outcomes).toEqual(Object.fromEntries(tickNames.map((name) => [name, 'completed'])));
});

test('every healthy neighbour is served', async () => {
  for (const row of healthy) await eventually(async () => expect(await eventsOf(row)).toBe(1));
});

test.each(poisonRows.map((row, index) => ({ ...row, index })))(
  '$name: ends as $ends.as',
  async ({ ends, index }) => {
    const row = broken[index];
    if (!row) throw new Error('It was not planted.');
    const items = async (path: string): Promise<Record<string, unknown>[]> =>
      (await house.get(path, row.userId))['items'] as Record<string, unknown>[];
    const named = (): unknown[] =>
      house.lines.filter(
        ({ level, facts }) =>
          (level === 'warn' || level === 'error') &&
          (facts['calendar_id'] === row.calendarId || facts['account_id'] === row.accountId),
      );
    switch (ends.as) {
      case 'heals':
        expect(await eventsOf(row)).toBe(1);
        expect(await items('/sync/status')).toMatchObject([{ failures: 0, last_error: null }]);
        break;
      case 'calendar': {
        const [status] = await items('/sync/status');
        expect(JSON.stringify(status?.['last_error'])).toMatch(ends.error);
        expect(status?.['failures']).toBeGreaterThan(0);
        expect(named()).not.toEqual([]);
        break;
      }
      case 'account':
        expect(await items('/accounts')).toMatchObject([
          { status: ends.status, status_reason: expect.stringMatching(ends.reason) as string },
        ]);
        expect(named()).not.toEqual([]);
        break;
      case 'quarantine':
        expect((await items('/quarantine')).map(({ code }) => code)).toContain(ends.code);
        expect(await eventsOf(row)).toBe(1);
    }
  },
);

test('an account of a provider that is switched off says so, and its calendars are not asked for with every drain', async () => {
  const { items } = await house.get('/accounts', account.userId);
  expect(items).toMatchObject([
    { status: 'active', status_reason: 'The provider microsoft is switched off.' },
  ]);
});

test('a job that the catalogue refuses is named and counted', async () => {
  const refused = house.lines.find(({ message }) => message === 'A job cannot be planned');
  expect(refused?.facts).toMatchObject({ job: 'stop-watch', code: 'invalid_input' });
  expect(await house.metrics()).toMatch(/calfleet_job_refused_total\{name="stop-watch"\} [1-9]/);
});

test('what is broken is counted', async () => {
  const metrics = await house.metrics();
  expect(metrics).toMatch(/calfleet_job_dead\{queue="pull"\} [1-9]/);
  expect(metrics).toMatch(/calfleet_token_invalidated_total\{provider="google",reason="\w+"\} 1/);
  expect(metrics).toMatch(/calfleet_quarantined\{code="recurrence_unreadable"\} 1/);
});

test('ten minutes of drains try a broken row a few times, ever more seldom, and the healthy ones are served', async () => {
  const start = house.lines.length;
  for (let drain = 0; drain < drains; drain += 1) {
    house.clock.advance(drainMs);
    expect(await house.tick('webhook-drain')).toBe('completed');
    await house.settle();
  }
  const lines = house.lines.slice(start);
  const ids = [...broken.map(({ calendarId }) => calendarId), account.accountId];
  const attempts = ids.map((id) => attemptsOn({ lines }, id));
  // Two lines of an attempt: 1, 2, 4 and 8 minutes after the first one.
  expect(Math.max(...attempts)).toBeLessThan(drains / 2);
  for (const { owner } of healthy) owner.insert(meeting('later'));
  for (const row of healthy) await eventually(async () => expect(await eventsOf(row, 'later')).toBe(1));
  expect(healthy.map(({ calendarId }) => attemptsOn({ lines }, calendarId))).toEqual([0, 0]);
});
