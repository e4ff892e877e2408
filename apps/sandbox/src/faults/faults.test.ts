import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { CalendarOwner } from '../control/calendar-owner.ts';
import { meeting, reasonOf, Visitor } from '../google/visitor.ts';

const CALENDAR = 'ada@example.test';
let sandbox: Sandbox;
let owner: CalendarOwner;
let visitor: Visitor;

beforeEach(async () => {
  sandbox = await startSandbox();
  const account = sandbox.google.createAccount({ email: CALENDAR });
  owner = account.createCalendar({ primary: true });
  visitor = new Visitor(sandbox, account.accessToken());
});

afterEach(() => sandbox.close());

const count = (): number => owner.truth().events.length;

describe('cut connections', () => {
  it('drops before the commit', async () => {
    sandbox.faults.add({ operation: 'events.insert', effect: { kind: 'drop_before' } });
    await expect(visitor.insert(CALENDAR, meeting(0))).rejects.toThrow();
    expect(count()).toBe(0);
    expect((await visitor.insert(CALENDAR, meeting(0))).status).toBe(200);
  });

  it('drops after the commit', async () => {
    sandbox.faults.add({ operation: 'events.insert', effect: { kind: 'drop_after' } });
    await expect(visitor.insert(CALENDAR, meeting(0, { id: 'abcdef' }))).rejects.toThrow();
    expect(count()).toBe(1);
    expect((await visitor.insert(CALENDAR, meeting(0, { id: 'abcdef' }))).status).toBe(409);
  });

  it.each([
    ['hang_before', 0],
    ['hang_after', 1],
  ] as const)('says nothing: %s leaves %i', async (kind, left) => {
    const fault = sandbox.faults.add({ operation: 'events.insert', effect: { kind } });
    const leaving = new AbortController();
    const silence = fetch(`${sandbox.googleRootUrl}calendar/v3/calendars/primary/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${visitor.accessToken}` },
      body: JSON.stringify(meeting(0)),
      signal: leaving.signal,
    });
    const isStruck = (): boolean =>
      sandbox.faults.list().some(({ id, struck }) => id === fault && struck === 1);
    // Each look is a request behind the one that hangs.
    for (let looks = 0; looks < 1_000 && !isStruck(); looks += 1) await visitor.list(CALENDAR);
    await visitor.list(CALENDAR);
    leaving.abort();
    await expect(silence).rejects.toThrow('aborted');
    expect(count()).toBe(left);
  });

  it('lets somebody else write first, each time: who wrote upon the old version is refused', async () => {
    const { id, etag } = owner.insert(meeting(0));
    sandbox.faults.add({ operation: 'events.patch', count: 2, effect: { kind: 'overtaken' } });
    const change = (ifMatch: string) =>
      visitor.event('PATCH', CALENDAR, id, { body: { summary: 'x' }, ifMatch });
    const seen = new Set([etag]);
    for (let times = 0; times < 2; times += 1) {
      expect((await change([...seen].at(-1) ?? '')).status).toBe(412);
      seen.add(owner.get(id)?.etag ?? '');
    }
    expect(seen.size).toBe(3);
    expect((await change([...seen].at(-1) ?? '')).status).toBe(200);
    expect(owner.get(id)).toMatchObject({ summary: 'x', description: `Changed after ${[...seen].at(-2)}` });
  });

  it('tears a body in half', async () => {
    owner.insertMany([meeting(0), meeting(1)]);
    sandbox.faults.add({ operation: 'events.list', effect: { kind: 'torn_body' } });
    const response = await fetch(`${sandbox.googleRootUrl}calendar/v3/calendars/primary/events`, {
      headers: { authorization: `Bearer ${visitor.accessToken}` },
    });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });
});

describe('errors on order', () => {
  it.each([
    [403, 'rateLimitExceeded', 'usageLimits'],
    [403, 'userRateLimitExceeded', 'usageLimits'],
    [403, 'quotaExceeded', 'usageLimits'],
    [429, 'rateLimitExceeded', 'usageLimits'],
    [403, 'insufficientPermissions', 'global'],
    [410, 'fullSyncRequired', 'calendar'],
    [410, 'updatedMinTooLongAgo', 'calendar'],
    [401, 'authError', 'global'],
    [412, 'conditionNotMet', 'global'],
    [500, 'backendError', 'global'],
    [503, 'backendError', 'global'],
  ])('answers %i %s in the shape of %s', async (status, reason, domain) => {
    sandbox.faults.add({ effect: { kind: 'status', status, reason } });
    const { body, status: answered } = await visitor.list(CALENDAR);
    expect([answered, body.error?.code, body.error?.errors?.[0]]).toMatchObject([
      status,
      status,
      { reason, domain },
    ]);
  });

  it('names the usual reason, and sends Retry-After when asked to', async () => {
    sandbox.faults.add({ effect: { kind: 'status', status: 429, retryAfterSeconds: 7 } });
    const answer = await visitor.list(CALENDAR);
    expect([reasonOf(answer), answer.headers.get('retry-after')]).toEqual(['rateLimitExceeded', '7']);
  });
});

describe('aim', () => {
  it('strikes the nth call of an operation, of an account, of a calendar, so many times', async () => {
    sandbox.faults.add({ account: 'somebody@else.test', effect: { kind: 'status', status: 500 } });
    sandbox.faults.add({ calendar: 'another', count: null, effect: { kind: 'status', status: 500 } });
    sandbox.faults.add({
      account: CALENDAR,
      calendar: CALENDAR,
      operation: ['events.list'],
      skip: 1,
      count: 2,
      effect: { kind: 'status', status: 503 },
    });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await visitor.list('primary')).status);
    expect(statuses).toEqual([200, 503, 503, 200]);
    expect(sandbox.faults.list().map(({ struck }) => struck)).toEqual([0, 0, 2]);
  });

  it('strikes by chance, the same way for the same seed', async () => {
    const run = async (): Promise<number[]> => {
      const twin = await startSandbox({ seed: 5 });
      const account = twin.google.createAccount({ email: CALENDAR });
      account.createCalendar({ primary: true });
      const guest = new Visitor(twin, account.accessToken());
      twin.faults.add({ rate: 0.5, effect: { kind: 'status', status: 500 } });
      const statuses: number[] = [];
      for (let i = 0; i < 20; i += 1) statuses.push((await guest.list(CALENDAR)).status);
      await twin.close();
      return statuses;
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set([200, 500]));
    expect(await run()).toEqual(first);
  });

  it('waits, and counts who waits together', async () => {
    sandbox.faults.add({ count: 3, effect: { kind: 'latency', ms: 30 } });
    const answers = await Promise.all([0, 1, 2].map(() => visitor.list(CALENDAR)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(sandbox.usage.report(CALENDAR)).toMatchObject({
      requests: 3,
      concurrentMax: 3,
      byOperation: { 'events.list': 3 },
      byStatus: { 200: 3 },
    });
  });
});

describe('quota', () => {
  it('slides over a minute of sandbox time', async () => {
    sandbox.clock.freeze();
    sandbox.setQuirks({ quotaPerUser: 2 });
    expect((await visitor.list(CALENDAR)).status).toBe(200);
    sandbox.clock.advance(30_000);
    expect((await visitor.list(CALENDAR)).status).toBe(200);
    const refused = await visitor.list(CALENDAR);
    expect([refused.status, reasonOf(refused)]).toEqual([403, 'rateLimitExceeded']);
    sandbox.clock.advance(30_001);
    expect((await visitor.list(CALENDAR)).status).toBe(200);
    sandbox.setQuirks({ quotaStatus: 429, quotaPerProject: 0, quotaPerUser: null });
    expect((await visitor.list(CALENDAR)).status).toBe(429);
  });

  it('can make a patch cost three', async () => {
    const { id } = owner.insert(meeting(0));
    sandbox.setQuirks({ quotaPerUser: 3, patchCost: 3 });
    expect((await visitor.event('PATCH', CALENDAR, id, { body: {} })).status).toBe(200);
    expect((await visitor.list(CALENDAR)).status).toBe(403);
  });
});

describe('nonsense', () => {
  it.each([
    ['GET', 'calendars/%E0%A4%A/events', 404],
    ['GET', 'calendars/nobody/events', 404],
    ['PURGE', 'calendars/primary/events', 404],
    ['GET', `calendars/primary/events?fields=${'a('.repeat(3000)}`, 400],
  ])('%s %s is answered', async (method, path, status) => {
    expect((await visitor.call(method, path)).status).toBe(status);
  });

  it('answers broken JSON like Google and goes on', async () => {
    const response = await fetch(`${sandbox.googleRootUrl}calendar/v3/calendars/primary/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${visitor.accessToken}` },
      body: '{"start":',
    });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { message: 'Parse Error' } },
    ]);
    expect((await visitor.list(CALENDAR)).status).toBe(200);
  });
});
