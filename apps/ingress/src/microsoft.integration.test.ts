import { Agent, request } from 'node:http';
import { newId } from '@calfleet/domain';
import { createChannelSigner } from '@calfleet/vault';
import type { TestRedis } from '@calfleet/testkit';
import { Redis } from 'ioredis';
import { microsoftPath } from './application.ts';
import { bodyBytesMax } from './body-cap.ts';
import { useIngress, type House } from './ingress.fixture.ts';

let redis: TestRedis;
let house: House;
useIngress((opened) => ({ redis, house } = opened));

interface StoredJob {
  watchId: string;
  event: string;
  resourceId: string | null;
  expiresAt: string | null;
  receivedAt: string;
}

async function jobs(): Promise<StoredJob[]> {
  const client = new Redis(redis.url);
  try {
    const keys = await client.keys(`${redis.prefix}:webhooks:[0-9]*`);
    const texts = await Promise.all(keys.map((key) => client.hget(key, 'data')));
    return texts.map((text) => JSON.parse(text ?? '') as StoredJob);
  } finally {
    client.disconnect();
  }
}

const storedWatches = async (): Promise<string[]> => (await jobs()).map(({ watchId }) => watchId).sort();

/** Notifications of this kind that ended so, by the ingress' own count. */
async function counted(kind: string, outcome: string): Promise<number> {
  const metrics = await (await fetch(`${house.url}/metrics`)).text();
  const labels = `{provider="microsoft",kind="${kind}",outcome="${outcome}"}`;
  const [, value = '0'] =
    new RegExp(`^calfleet_notification_received_total${labels} (\\d+)$`, 'm').exec(metrics) ?? [];
  return Number(value);
}

const watches = (count: number): string[] => Array.from({ length: count }, () => newId()).sort();

test('I4: every item of a batch counts, each with a job of its own, the fiftieth like the first', async () => {
  const named = watches(50);
  const response = await house.post({ value: named.map((watch) => house.item({}, watch)) });
  expect(response.status).toBe(202);
  expect(await response.text()).toBe('');
  expect(await storedWatches()).toEqual(named);
  expect(await counted('change', 'accepted')).toBe(50);
});

test('as many items as fit a body are stored', async () => {
  const named = watches(1_400);
  const value = named.map((watch) => ({
    subscriptionId: newId(),
    changeType: 'updated',
    clientState: house.signer.signClientState(watch).token,
  }));
  expect((await house.post({ value })).status).toBe(202);
  expect(await storedWatches()).toEqual(named);
});

test('the job holds what the item said, and neither its secret nor its content', async () => {
  const response = await house.post({ value: [house.item({}, house.watchId)] });
  expect(await jobs()).toEqual([
    {
      watchId: house.watchId,
      event: 'change',
      resourceId: '7f105c7d-2dc5-4530-97cd-4e7ae6534c07',
      expiresAt: '2026-11-27T18:23:45.935Z',
      receivedAt: house.clock.now().toISOString(),
      requestId: response.headers.get('x-request-id'),
    },
  ]);
});

test.each([
  ['reauthorizationRequired', 'reauthorization_required'],
  ['subscriptionRemoved', 'subscription_removed'],
  ['missed', 'missed'],
])('the lifecycle event %s is the job %s, beside a change and never instead of it', async (said, event) => {
  const lifecycle = house.item(
    { lifecycleEvent: said, changeType: undefined, resource: undefined, resourceData: undefined },
    house.watchId,
  );
  const response = await house.post({ value: [house.item({}, house.watchId), lifecycle] });
  expect(response.status).toBe(202);
  expect((await jobs()).map((job) => job.event).sort()).toEqual(['change', event].sort());
  expect(await counted(event, 'accepted')).toBe(1);
});

test('an expiry that cannot be read costs the item nothing', async () => {
  await house.post({ value: [house.item({ subscriptionExpirationDateTime: 'next week' }, house.watchId)] });
  expect(await jobs()).toMatchObject([{ watchId: house.watchId, expiresAt: null }]);
});

const forged = (watch: string): string => `v1.k1.${watch}.${'A'.repeat(43)}`;

test.each<[string, string, string, (watch: string) => unknown]>([
  ['null', 'unknown', 'malformed', () => null],
  ['no object', 'unknown', 'malformed', () => 'change'],
  ['no subscription', 'unknown', 'malformed', (watch) => house.item({ subscriptionId: undefined }, watch)],
  ['no change', 'unknown', 'malformed', (watch) => house.item({ changeType: undefined }, watch)],
  [
    'an unknown lifecycle event',
    'unknown',
    'unknown_event',
    (watch) => house.item({ lifecycleEvent: 'retired' }, watch),
  ],
  ['no client state', 'change', 'bad_token', (watch) => house.item({ clientState: undefined }, watch)],
  ['a client state of null', 'change', 'bad_token', (watch) => house.item({ clientState: null }, watch)],
  [
    'a client state of any length',
    'change',
    'bad_token',
    () => house.item({ clientState: 'x'.repeat(10_000) }),
  ],
  ['a forged signature', 'change', 'bad_token', (watch) => house.item({ clientState: forged(watch) })],
  [
    'the signature of another watch',
    'change',
    'bad_token',
    (watch) => {
      const { clientState } = house.item({}, newId());
      return house.item({ clientState: String(clientState).replace(/[0-9a-f-]{36}/, watch) });
    },
  ],
  [
    'a token in the form of Google',
    'change',
    'bad_token',
    (watch) => house.item({ clientState: house.signer.sign(watch).token }),
  ],
])('an item with %s is dropped and counted; the rest counts', async (_, kind, outcome, bad) => {
  const good = watches(3);
  const [first, second, third] = good.map((watch) => house.item({}, watch));
  const victim = newId();
  const response = await house.post({ value: [first, bad(victim), second, bad(victim), third] });
  expect(response.status).toBe(202);
  expect(await storedWatches()).toEqual(good);
  expect(await counted(kind, outcome)).toBe(2);
  expect(await counted('change', 'accepted')).toBe(3);
});

test('a batch without a good item, or without any, is acknowledged', async () => {
  for (const value of [[null, house.item({ clientState: forged(newId()) })], []]) {
    expect((await house.post({ value })).status).toBe(202);
  }
  expect(await jobs()).toEqual([]);
});

test('an item by an unknown key cannot be judged: the others are stored, and all are asked for again', async () => {
  const stranger = createChannelSigner([{ id: 'k9', key: Buffer.alloc(32) }]);
  const good = watches(2);
  const [first, second] = good.map((watch) => house.item({}, watch));
  const unknown = house.item({ clientState: stranger.signClientState(newId()).token });
  const value = [first, unknown, second];
  const response = await house.post({ value });
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('5');
  expect(await response.json()).toMatchObject({ code: 'misconfigured' });
  expect(await storedWatches()).toEqual(good);
  expect(await counted('change', 'unknown_key')).toBe(1);
  // Graph's next try.
  expect((await house.post({ value })).status).toBe(503);
  expect(await storedWatches()).toEqual(good);
  expect(house.log()).toContain('CHANNEL_SIGNING_KEYS');
});

test('repeated items of one watch are one job for each event, within a batch and across them', async () => {
  const [one = '', other = ''] = watches(2);
  const value = [
    ...Array.from({ length: 20 }, () => house.item({}, one)),
    ...['created', 'updated', 'deleted'].map((changeType) => house.item({ changeType }, other)),
    ...Array.from({ length: 2 }, () => house.item({ lifecycleEvent: 'missed' }, other)),
  ];
  const answers = await Promise.all(Array.from({ length: 100 }, () => house.post({ value })));
  expect(answers.every(({ status }) => status === 202)).toBe(true);
  expect((await jobs()).map(({ watchId, event }) => `${watchId}.${event}`).sort()).toEqual(
    [`${one}.change`, `${other}.change`, `${other}.missed`].sort(),
  );
  expect(await counted('change', 'accepted')).toBe(2_300);
});

test.each([
  ['no body', '', 'body'],
  ['text', 'validationToken', 'body'],
  ['half a body', '{"value":[', 'body'],
  ['a list', '[]', 'body'],
  ['no items', '{}', 'value'],
  ['items that are no list', '{"value":{"0":{}}}', 'value'],
  ['more items than can be', JSON.stringify({ value: Array(3_000).fill(0) }), 'value'],
])('%s is malformed, and the field is named', async (_, body, path) => {
  const response = await house.post(body);
  expect(response.status).toBe(400);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(await response.json()).toMatchObject({
    code: 'invalid_input',
    status: 400,
    request_id: response.headers.get('x-request-id'),
    errors: [{ path, message: expect.any(String) as string }],
  });
  expect(await counted('batch', 'malformed')).toBe(1);
});

test('a body may fill its cap and not pass it', async () => {
  const full = JSON.stringify({ value: [house.item()] }).padEnd(bodyBytesMax);
  expect((await house.post(full)).status).toBe(202);
  const response = await house.post(`${full} `);
  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ code: 'too_large' });
  expect(await jobs()).toHaveLength(1);
});

test('a connection serves many batches, whatever the last answer was', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (body: string, query = ''): Promise<{ status: number; reused: boolean }> =>
    new Promise((resolve, reject) => {
      const asking = request(
        `${house.url}${microsoftPath}${query}`,
        { method: 'POST', agent },
        (response) => {
          response.resume();
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, reused: asking.reusedSocket }),
          );
        },
      );
      asking.once('error', reject);
      asking.end(body);
    });
  const good = (): string => JSON.stringify({ value: [house.item()] });
  const answers = [];
  for (const [body, query] of [
    [good()],
    ['{'],
    [good()],
    ['', '?validationToken=x'],
    ['ignored', '?validationToken='],
    [good()],
  ] as const) {
    answers.push(await ask(body, query));
  }
  agent.destroy();
  expect(answers.map(({ status }) => status)).toEqual([202, 400, 202, 200, 400, 202]);
  expect(answers.map(({ reused }) => reused)).toEqual([false, true, true, true, true, true]);
  expect(await jobs()).toHaveLength(3);
});

test('neither secrets nor contents reach the log, nor answers what was sent', async () => {
  const good = house.item({ resource: 'canary-resource' });
  const canary = [good, house.item({ clientState: `v1.k9.${newId()}.${'Z'.repeat(43)}` }), 'canary-item'];
  const answers = [
    await house.post({ value: canary }),
    await house.post('{"canary-body'),
    await house.post({ value: 'canary-value' }),
  ];
  const said = (await Promise.all(answers.map((answer) => answer.text()))).join('') + house.log();
  expect(said).not.toMatch(/canary|ZZZ/);
  expect(said).not.toContain(String(good['clientState']));
});

test('the time to the answer is measured', async () => {
  await house.post({ value: [house.item()] });
  const metrics = await (await fetch(`${house.url}/metrics`)).text();
  expect(metrics).toContain('calfleet_ingress_ack_duration_seconds_count{provider="microsoft"} 1');
});
