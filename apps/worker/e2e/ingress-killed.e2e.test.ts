/**
 * The ingress is killed while notifications come in, at whatever instruction it is: between a write and its answer, directly
 * after an answer, in the middle of a request. Whatever was answered with 200 lies in Redis.
 */
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { Redis } from 'ioredis';
import { newId } from '@calfleet/domain';
import { googlePath } from '@calfleet/ingress';
import { createTestRedis, eventually, type TestRedis } from '@calfleet/testkit';
import { createChannelSigner } from '@calfleet/vault';
import { bundleProgram, type Program, type RunningProgram } from './bundle.ts';

const lives = Number(process.env['INGRESS_KILLS'] ?? 20);
const senders = 8;
/** The dying process takes a few more with it, or not; that is what is tried. */
const killAfterMax = 300;

let redis: TestRedis;
let client: Redis;
let program: Program;
const key = randomBytes(32);
const signer = createChannelSigner([{ id: 'k1', key }]);

beforeAll(async () => {
  redis = await createTestRedis();
  client = new Redis(redis.url);
  program = await bundleProgram('apps/ingress/src/main.ts');
});
afterAll(async () => {
  await client.quit();
  await program.remove();
  await redis.clear();
});

async function start(): Promise<{ running: RunningProgram; url: string }> {
  const running = program.start({
    LOG_LEVEL: 'info',
    INGRESS_PORT: '0',
    REDIS_URL: redis.url,
    REDIS_PREFIX: redis.prefix,
    CHANNEL_SIGNING_KEYS: `k1:${key.toString('base64')}`,
  });
  const url = await eventually(() => /"listening":"([^"]+)"/.exec(running.output())?.[1] ?? false);
  return { running, url };
}

/** @returns the status; null: the connection broke */
const notify = (url: string, agent: Agent, watchId: string): Promise<number | null> =>
  new Promise((resolve) => {
    const headers = {
      'X-Goog-Channel-ID': watchId,
      'X-Goog-Channel-Token': signer.sign(watchId).token,
      'X-Goog-Resource-State': 'exists',
      'X-Goog-Resource-ID': 'resource',
      'X-Goog-Message-Number': '2',
    };
    const asked = request(url + googlePath, { method: 'POST', headers, agent }, (response) => {
      response.resume();
      resolve(response.statusCode ?? null);
    });
    asked.once('error', () => resolve(null));
    asked.end();
  });

/** Watches whose notification Redis holds. */
async function stored(): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const keys of client.scanStream({ match: `${redis.prefix}:webhooks:*`, count: 1_000 })) {
    for (const name of keys as string[]) {
      if ((await client.type(name)) !== 'hash') continue;
      const data = await client.hget(name, 'data');
      if (data !== null) found.add((JSON.parse(data) as { watchId: string }).watchId);
    }
  }
  return found;
}

test(`killed ${lives} times: nothing that was acknowledged is lost`, async () => {
  const acknowledged: string[] = [];
  let broken = 0;
  for (let life = 0; life < lives; life += 1) {
    const { running, url } = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: senders });
    const killAfter = 1 + Math.floor(Math.random() * killAfterMax);
    let answered = 0;
    const send = async (): Promise<void> => {
      for (;;) {
        const watchId = newId<string>();
        const status = await notify(url, agent, watchId);
        if (status === 200) acknowledged.push(watchId);
        if (status === null) return void (broken += 1);
        if ((answered += 1) === killAfter) running.process.kill('SIGKILL');
      }
    };
    await Promise.all(Array.from({ length: senders }, send));
    expect(await running.ended).toMatchObject({ signal: 'SIGKILL' });
    agent.destroy();
  }
  const kept = await stored();
  expect(acknowledged.filter((watchId) => !kept.has(watchId))).toEqual([]);
  // Every life ended in the middle of its work.
  expect(broken).toBe(lives * senders);
  expect(acknowledged.length).toBeGreaterThan(lives * 10);
});
