import { newMailbox, startGraph, type GraphAnswer, type GraphFixture } from './subscriptions.fixture.ts';

let fixture: GraphFixture;
let ada: ReturnType<typeof newMailbox>;

beforeEach(async () => {
  fixture = await startGraph();
  ada = newMailbox(fixture, 'ada');
});

afterEach(() => fixture.close());

const complaint = ({ status, body }: GraphAnswer): unknown[] => [
  status,
  body.error?.code,
  body.error?.message,
];

it('asks both addresses before it answers, each with a token of its own', async () => {
  const known: number[] = [];
  fixture.receiver.validationAnswer = () => {
    known.push(fixture.owner.subscriptions.report().length);
    return {};
  };
  expect((await ada.visitor.subscribe()).status).toBe(201);
  const { validations } = fixture.receiver;
  expect(validations.map(({ path }) => path).sort()).toEqual(['/hook', '/lifecycle']);
  expect(validations.map(({ contentType }) => contentType)).toEqual(
    Array(2).fill('text/plain; charset=utf-8'),
  );
  expect(new Set(validations.map(({ token }) => token)).size).toBe(2);
  expect(known).toEqual([0, 0]);
});

it('asks the same address twice, and at the same time', async () => {
  const waiting: (() => void)[] = [];
  fixture.receiver.validationAnswer = async () => {
    // Neither is answered before both are there.
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 2) for (const go of waiting) go();
    });
    return {};
  };
  const both = `${fixture.receiver.url}/hook`;
  const answer = await ada.visitor.subscribe({ notificationUrl: both, lifecycleNotificationUrl: both });
  expect(answer.status).toBe(201);
  expect(fixture.receiver.validations).toHaveLength(2);
});

it('sends a token that has to be decoded once and no more, behind the query of the address', async () => {
  await ada.visitor.subscribe({
    notificationUrl: `${fixture.receiver.url}/hook?env=a%2Bb`,
    lifecycleNotificationUrl: undefined,
  });
  const [validation] = fixture.receiver.validations;
  expect(validation?.path).toBe('/hook?env=a%2Bb');
  expect(validation?.token).toMatch(
    /^Validation: Testing client application reachability for subscription Request-Id: [0-9a-f-]{36} \+%2B %41 100% &=#\/\? ä€日本$/,
  );
  expect(validation?.rawToken).toContain('Validation%3A+Testing+client');
  fixture.owner.setQuirks({ validationTokenSpaces: 'percent' });
  await ada.visitor.subscribe({ changeType: 'created' });
  expect(fixture.receiver.validations.at(-1)?.rawToken).toContain('Validation%3A%20Testing%20client');
});

it.each([
  [{ status: 404 }, "must respond with 200 OK to validation request. HTTP status code is 'NotFound'."],
  [{ status: 202 }, 'Notification endpoint must respond with 200 OK to validation request.'],
  [{ contentType: 'application/json' }, 'Validation response must have the content type text/plain.'],
  [{ contentType: 'text/plainish' }, 'Validation response must have the content type text/plain.'],
  [{ body: 'something else' }, 'Response must exactly match validationToken query parameter.'],
  [{ delayMs: 400 }, 'Subscription validation request timed out.'],
])('refuses when one address answers %j', async (wrong, why) => {
  // Only where an answer is waited for in vain: a busy machine may be slower than this.
  if ('delayMs' in wrong) fixture.owner.setQuirks({ validationTimeoutMs: 150 });
  fixture.receiver.validationAnswer = ({ path }) => (path === '/lifecycle' ? wrong : {});
  const answer = await ada.visitor.subscribe();
  expect(complaint(answer)).toEqual([400, 'InvalidRequest', expect.stringContaining(why) as string]);
  expect(answer.body.error?.message).toMatch(/^Subscription validation request failed\. /);
  expect(fixture.owner.subscriptions.report()).toEqual([]);
});

it('does not take the escaped or doubly decoded token for the right one', async () => {
  fixture.receiver.validationAnswer = ({ rawToken }) => ({ body: rawToken });
  expect((await ada.visitor.subscribe()).status).toBe(400);
  fixture.receiver.validationAnswer = ({ token }) => ({
    body: token.replaceAll('%2B', '+').replaceAll('%41', 'A'),
  });
  expect((await ada.visitor.subscribe()).status).toBe(400);
});

it('refuses an address where nobody listens', async () => {
  const answer = await ada.visitor.subscribe({ notificationUrl: 'http://127.0.0.1:9/hook' });
  expect(complaint(answer).slice(0, 2)).toEqual([400, 'InvalidRequest']);
});

it('asks a changed address again, and keeps the old one when it fails', async () => {
  const { body } = await ada.visitor.subscribe();
  const patch = (notificationUrl: string): Promise<GraphAnswer> =>
    ada.visitor.call('PATCH', `subscriptions/${String(body.id)}`, { body: { notificationUrl } });
  const before = fixture.receiver.validations.length;
  expect((await patch(`${fixture.receiver.url}/hook`)).status).toBe(200);
  expect(fixture.receiver.validations).toHaveLength(before);
  fixture.receiver.validationAnswer = () => ({ status: 500 });
  expect((await patch(`${fixture.receiver.url}/new`)).status).toBe(400);
  expect(fixture.owner.subscriptions.report()).toMatchObject([
    { notificationUrl: `${fixture.receiver.url}/hook` },
  ]);
  fixture.receiver.validationAnswer = () => ({});
  expect((await patch(`${fixture.receiver.url}/new`)).body.notificationUrl).toBe(
    `${fixture.receiver.url}/new`,
  );
});
