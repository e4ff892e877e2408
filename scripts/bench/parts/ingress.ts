/**
 * Notifications accepted per second by the real ingress, beside a bare Express route with one BullMQ `add`. Same
 * requests, same load, in turn; every process on the machine's cores together, as everywhere in this table.
 */
import { Redis } from 'ioredis';
import { newId } from '@calfleet/domain';
import { createChannelSigner } from '@calfleet/vault';
import type { Child } from '../child.ts';
import type { Figure } from '../figures.ts';
import type { Ground } from '../ground.ts';
import { loadNotifications } from '../notification-load.ts';
import { median, spread } from '../statistics.ts';

const connections = 64;
const watches = 500;

export async function benchIngress(ground: Ground): Promise<Figure[]> {
  const requests = ground.quick ? 4_000 : 10_000;
  const times = ground.quick ? 2 : 5;
  const redis = new Redis(ground.redisUrl);
  const bareEnv = { REDIS_URL: ground.redisUrl };
  const ingress = await ground.start('ingress', {
    env: { ...ground.settings, INGRESS_PORT: '0', LOG_LEVEL: 'info' },
  });
  const bare = await ground.start('bare-ingress', { env: bareEnv });
  const piped = await ground.start('bare-ingress', { env: { ...bareEnv, AUTO_PIPELINE: '1' } });
  const texts = notifications(ground);
  const rates = new Map<Child, number[]>([
    [bare, []],
    [ingress, []],
    [piped, []],
  ]);
  const late: number[] = [];
  try {
    // The first round only warms: code, connections, Lua scripts.
    for (let time = 0; time <= times; time += 1) {
      for (const [target, samples] of rates) {
        await redis.flushall();
        const { perSecond, p99Ms } = await loadNotifications(ground, target, {
          connections,
          requests,
          texts,
        });
        if (time === 0) continue;
        samples.push(perSecond);
        if (target === ingress) late.push(p99Ms);
      }
    }
  } finally {
    redis.disconnect();
    await Promise.all([ingress.stop(), bare.stop(), piped.stop()]);
  }
  const of = (child: Child): number[] => rates.get(child) ?? [];
  const ours = median(of(ingress));
  const floor = median(of(bare));
  const pipedFloor = median(of(piped));
  return [
    {
      what: 'ingress accepted',
      ours,
      unit: '/s',
      floor,
      ratio: ours / floor,
      aim: { text: '≥ 0.8', met: ours / floor >= 0.8 },
      note:
        `${connections} connections, ${watches} watches with valid signatures, ${times} × ${requests} requests in turn; ` +
        `ours ${spread(of(ingress))}, p99 ${median(late).toFixed(0)} ms; floor ${spread(of(bare))}: Express and one ` +
        `BullMQ add, nothing checked`,
    },
    {
      what: 'ingress accepted, pipelined floor',
      ours,
      unit: '/s',
      floor: pipedFloor,
      ratio: ours / pipedFloor,
      aim: null,
      note: `the same bare route with the auto-pipelining that our producer uses (${spread(of(piped))})`,
    },
  ];
}

function notifications(ground: Ground): string[] {
  const [id = '', key = ''] = (ground.settings['CHANNEL_SIGNING_KEYS'] ?? '').split(':');
  const signer = createChannelSigner([{ id, key: Buffer.from(key, 'base64') }]);
  const expiration = new Date(Date.now() + 86_400_000).toUTCString();
  return Array.from({ length: watches }, (_, index) => {
    const watchId = newId();
    return [
      'POST /integrations/calendar/webhooks/google HTTP/1.1',
      'Host: 127.0.0.1',
      'Accept: */*',
      'Content-Type: application/json; utf-8',
      'Content-Length: 0',
      'User-Agent: APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)',
      `X-Goog-Channel-ID: ${watchId}`,
      `X-Goog-Message-Number: ${index + 2}`,
      `X-Goog-Resource-ID: resource-${index}`,
      'X-Goog-Resource-State: exists',
      `X-Goog-Resource-URI: https://www.googleapis.com/calendar/v3/calendars/calendar-${index}/events?alt=json`,
      `X-Goog-Channel-Expiration: ${expiration}`,
      `X-Goog-Channel-Token: ${signer.sign(watchId).token}`,
      '',
      '',
    ].join('\r\n');
  });
}
