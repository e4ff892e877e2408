/**
 * Graph's batches: how long an answer takes, and how many notifications they bring a second, beside a bare Express
 * route with one BullMQ `addBulk`. Postgres may stand still meanwhile: the ingress has none.
 */
import { Redis } from 'ioredis';
import { newId } from '@calfleet/domain';
import { createChannelSigner } from '@calfleet/vault';
import type { Child } from '../child.ts';
import type { Figure } from '../figures.ts';
import type { Ground } from '../ground.ts';
import { loadNotifications, type LoadFigures } from '../notification-load.ts';
import { median, spread } from '../statistics.ts';

const connections = 16;
const itemsPerBatch = 50;
const bodies = 200;
const watches = 2_500;
const aimMs = 250;

export async function benchBatches(ground: Ground): Promise<Figure[]> {
  const requests = ground.quick ? 400 : 2_000;
  const times = ground.quick ? 1 : 3;
  const redis = new Redis(ground.redisUrl);
  const ingress = await ground.start('ingress', {
    env: { ...ground.settings, INGRESS_PORT: '0', LOG_LEVEL: 'info' },
  });
  const bare = await ground.start('bare-ingress', { env: { REDIS_URL: ground.redisUrl } });
  const texts = batches(ground);
  const samples = new Map<Child, LoadFigures[]>([
    [bare, []],
    [ingress, []],
  ]);
  try {
    // The first round only warms: code, connections, Lua scripts.
    for (let time = 0; time <= times; time += 1) {
      for (const [target, figures] of samples) {
        await redis.flushall();
        const measured = await loadNotifications(ground, target, { connections, requests, texts });
        if (time > 0) figures.push(measured);
      }
    }
  } finally {
    redis.disconnect();
    await Promise.all([ingress.stop(), bare.stop()]);
  }
  const of = (child: Child, figure: keyof LoadFigures): number[] =>
    (samples.get(child) ?? []).map((measured) => measured[figure]);
  const [ours, floor] = [median(of(ingress, 'p99Ms')), median(of(bare, 'p99Ms'))];
  const rate = (child: Child): number => median(of(child, 'perSecond')) * itemsPerBatch;
  return [
    {
      what: `Graph batches of ${itemsPerBatch}, p99`,
      ours,
      unit: 'ms',
      floor,
      ratio: floor / ours,
      aim: { text: `< ${aimMs} ms`, met: ours < aimMs },
      note:
        `${connections} connections, ${times} × ${requests} batches in turn, ${watches} watches; ours p50 ` +
        `${median(of(ingress, 'p50Ms')).toFixed(0)} ms, longest ${Math.max(...of(ingress, 'longestMs')).toFixed(0)} ms, ` +
        `p99 ${spread(of(ingress, 'p99Ms'))} ms; floor: Express and one addBulk, nothing checked`,
    },
    {
      what: 'Graph notifications accepted, in batches',
      ours: rate(ingress),
      unit: '/s',
      floor: rate(bare),
      ratio: rate(ingress) / rate(bare),
      aim: null,
      note: 'the same runs; the floor makes a job of each item, ours one for each watch that has none waiting',
    },
  ];
}

/** Whole requests with items as real ones are, about 800 bytes each. */
function batches(ground: Ground): string[] {
  const [id = '', key = ''] = (ground.settings['CHANNEL_SIGNING_KEYS'] ?? '').split(':');
  const signer = createChannelSigner([{ id, key: Buffer.from(key, 'base64') }]);
  const items = Array.from({ length: watches }, (_, index) => {
    const resource = `Users/ddfcd489-628b-40d7-b48b-57002df800e5/Events/${`event-${index}`.padEnd(152, 'A')}`;
    return {
      subscriptionId: newId(),
      subscriptionExpirationDateTime: '2099-01-01T00:00:00.0000000+00:00',
      changeType: 'updated',
      resource,
      resourceData: {
        '@odata.type': '#Microsoft.Graph.Event',
        '@odata.id': resource,
        '@odata.etag': 'W/"DwAAABYAAADqhYf1bSx7Q6zGqM7XJ9cVAAAB"',
        id: resource.slice(-152),
      },
      clientState: signer.signClientState(newId()).token,
      tenantId: '84bd8158-6d4d-4958-8b9f-9d6445542f95',
    };
  });
  return Array.from({ length: bodies }, (_, index) => {
    const from = (index * itemsPerBatch) % watches;
    const body = JSON.stringify({ value: items.slice(from, from + itemsPerBatch) });
    return [
      'POST /integrations/calendar/webhooks/microsoft HTTP/1.1',
      'Host: 127.0.0.1',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n');
  });
}
