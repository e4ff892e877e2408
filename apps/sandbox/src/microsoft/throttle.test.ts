import { newMailbox, startGraph, type GraphAnswer, type GraphFixture } from './subscriptions.fixture.ts';

let fixture: GraphFixture;
let ada: ReturnType<typeof newMailbox>;

beforeEach(async () => {
  fixture = await startGraph();
  ada = newMailbox(fixture, 'ada');
});

afterEach(() => fixture.close());

const list = (): Promise<GraphAnswer> => ada.visitor.call('GET', 'subscriptions');
const many = (requests: number): Promise<GraphAnswer[]> =>
  Promise.all(Array.from({ length: requests }, list));
const statuses = (answers: GraphAnswer[]): number[] => answers.map(({ status }) => status).sort();

it('takes four requests of a mailbox at once', async () => {
  fixture.owner.setQuirks({ minServiceMs: 400, concurrencyRetryAfterSeconds: 3 });
  const noor = newMailbox(fixture, 'noor');
  const [answers, hers] = await Promise.all([many(6), noor.visitor.call('GET', 'subscriptions')]);
  expect(statuses(answers)).toEqual([200, 200, 200, 200, 429, 429]);
  expect(hers.status).toBe(200);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body.error).toMatchObject({
    code: 'ApplicationThrottled',
    message: 'Application is over its MailboxConcurrency limit.',
  });
  expect(refused?.headers.get('retry-after')).toBe('3');
  expect(ada.owner.throttle()).toMatchObject({ inFlight: 0, maxInFlight: 4, requests: 6, rejected: 2 });
  expect(noor.owner.throttle()).toMatchObject({ maxInFlight: 1, rejected: 0 });
});

it('has a free place again as soon as an answer is there', async () => {
  fixture.owner.setQuirks({ mailboxConcurrencyMax: 1, minServiceMs: 5 });
  for (let i = 0; i < 10; i += 1) expect((await list()).status).toBe(200);
});

it('has no limit when told so', async () => {
  fixture.owner.setQuirks({ mailboxConcurrencyMax: null, minServiceMs: 400 });
  expect(statuses(await many(8))).toEqual(Array(8).fill(200));
  expect(ada.owner.throttle().maxInFlight).toBe(8);
});

it('counts who does not wait for the end of a Retry-After', async () => {
  ada.owner.refuseNext(1, 30);
  expect((await list()).headers.get('retry-after')).toBe('30');
  fixture.clock.advance(29_999);
  expect((await list()).status).toBe(200);
  expect(ada.owner.throttle()).toMatchObject({ rejected: 1, earlyRetries: 1 });
  fixture.clock.advance(1);
  await list();
  expect(ada.owner.throttle()).toMatchObject({ requests: 3, earlyRetries: 1 });
  ada.owner.resetThrottle();
  expect(ada.owner.throttle()).toEqual({
    inFlight: 0,
    maxInFlight: 0,
    requests: 0,
    rejected: 0,
    earlyRetries: 0,
  });
});

it('can refuse them again', async () => {
  fixture.owner.setQuirks({ enforceRetryAfter: true });
  ada.owner.refuseNext(1, 30);
  await list();
  fixture.clock.advance(10_000);
  const again = await list();
  expect([again.status, again.headers.get('retry-after')]).toEqual([429, '20']);
  fixture.clock.advance(20_000);
  expect((await list()).status).toBe(200);
});

it('refuses the next requests of one mailbox alone', async () => {
  const noor = newMailbox(fixture, 'noor');
  ada.owner.refuseNext(2, 0);
  expect((await noor.visitor.call('GET', 'subscriptions')).status).toBe(200);
  expect([(await list()).status, (await list()).status, (await list()).status]).toEqual([429, 429, 200]);
});

it('keeps a quota of ten minutes, in which refused requests count', async () => {
  fixture.owner.setQuirks({ requestsPer10Minutes: 2 });
  expect((await list()).status).toBe(200);
  fixture.clock.advance(540_000);
  expect((await list()).status).toBe(200);
  const refused = await list();
  expect([refused.status, refused.body.error?.code]).toEqual([429, 'TooManyRequests']);
  expect(refused.headers.get('retry-after')).toBe('60');
  fixture.clock.advance(60_000);
  expect((await list()).status).toBe(200);
});

it('does not count requests without a token', async () => {
  ada.visitor.accessToken = 'nobody';
  expect((await list()).status).toBe(401);
  expect(ada.owner.throttle().requests).toBe(0);
});
