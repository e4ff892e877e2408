/**
 * The floor of the ingress: an Express route for each provider that adds to BullMQ and answers. No checks, no coalescing.
 */
import type { AddressInfo } from 'node:net';
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';

const { REDIS_URL = '', AUTO_PIPELINE } = process.env;
const connection = new Redis(REDIS_URL, {
  maxRetriesPerRequest: null,
  enableAutoPipelining: AUTO_PIPELINE === '1',
});
const queue = new Queue('bare', { connection });
const app = express();
app.post('/integrations/calendar/webhooks/google', async (request, response) => {
  await queue.add(
    'notification',
    { watchId: request.headers['x-goog-channel-id'], receivedAt: new Date().toISOString() },
    { removeOnComplete: true },
  );
  response.status(200).end();
});
app.post(
  '/integrations/calendar/webhooks/microsoft',
  express.json({ limit: '256kb' }),
  async (request, response) => {
    const { value } = request.body as { value: { subscriptionId: string }[] };
    const receivedAt = new Date().toISOString();
    await queue.addBulk(
      value.map(({ subscriptionId }) => ({
        name: 'notification',
        data: { subscriptionId, receivedAt },
        opts: { removeOnComplete: true },
      })),
    );
    response.status(202).end();
  },
);
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ listening: `http://127.0.0.1:${port}` })}\n`);
});
const close = (): void => process.exit(0);
process.once('SIGTERM', close);
process.once('disconnect', close);
