/** An ingress on a test's Redis, and a notification that it accepts. */
import { randomBytes } from 'node:crypto';
import { newId } from '@calfleet/domain';
import { createProducer, type RedisAddress } from '@calfleet/jobs';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import { ManualClock } from '@calfleet/testkit';
import { createChannelSigner } from '@calfleet/vault';
import { Writable } from 'node:stream';
import { googlePath } from './application.ts';
import { startIngress } from './ingress.ts';
import type { RateCapOptions } from './rate-cap.ts';

export async function ingressOn(address: RedisAddress, { rateCap }: { rateCap?: RateCapOptions } = {}) {
  let log = '';
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      log += chunk.toString();
      done();
    },
  });
  const signer = createChannelSigner([{ id: 'k1', key: randomBytes(32) }]);
  const producer = createProducer({ ...address, onError: () => undefined });
  const metrics = createMetrics();
  const clock = new ManualClock();
  const ingress = await startIngress({
    config: { port: 0, host: '127.0.0.1', ...(rateCap ? { rateCap } : {}) },
    producer,
    signer,
    logger: createLogger({ service: 'ingress', level: 'debug', destination }),
    metrics,
    clock,
  });
  const watchId = newId();
  return {
    url: ingress.url,
    port: ingress.port,
    ingress,
    watchId,
    clock,
    signer,
    log: () => log,
    headers: (changes: Record<string, string | undefined> = {}): Record<string, string> => {
      const all: Record<string, string | undefined> = {
        'X-Goog-Channel-ID': watchId,
        'X-Goog-Channel-Token': signer.sign(watchId).token,
        'X-Goog-Resource-State': 'exists',
        'X-Goog-Resource-ID': 'resource-1',
        'X-Goog-Resource-URI': 'https://www.googleapis.com/calendar/v3/calendars/x/events?alt=json',
        'X-Goog-Message-Number': '7',
        ...changes,
      };
      return Object.fromEntries(
        Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
      );
    },
    notify: (headers: Record<string, string>, init: RequestInit = {}) =>
      fetch(`${ingress.url}${googlePath}`, { method: 'POST', ...init, headers }),
    close: async () => {
      await ingress.close({ timeoutMs: 500 });
      await producer.close();
    },
  };
}
