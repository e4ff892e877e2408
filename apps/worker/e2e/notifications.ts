/** Google's notification as a request, and two senders: one that measures each answer, one that floods. */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { googlePath } from '@calfleet/ingress';
import type { Sandbox } from '@calfleet/sandbox';

/** Headers that the ingress accepts, of the one open channel of a calendar. */
export function notificationHeaders(sandbox: Sandbox, providerCalendarId: string): Record<string, string> {
  const open = sandbox.push.channels
    .all()
    .find(({ calendarId, stoppedAtMs }) => calendarId === providerCalendarId && stoppedAtMs === null);
  if (open?.token == null) throw new Error('The calendar has no channel.');
  return {
    'x-goog-channel-id': open.id,
    'x-goog-channel-token': open.token,
    'x-goog-channel-expiration': new Date(open.expiresAtMs).toUTCString(),
    'x-goog-resource-id': open.resourceId,
    'x-goog-resource-state': 'exists',
    'x-goog-message-number': '2',
    'content-length': '0',
  };
}

export interface Answers {
  /** How often each status came; 0 stands for no answer. */
  statuses: Record<number, number>;
  slowestMs: number;
}

export interface SendOptions {
  count: number;
  /** Requests under way at the same time. */
  atOnce: number;
}

/** One after the other on each connection. */
export async function sendNotifications(
  ingress: { url: string },
  headers: Record<string, string>,
  { count, atOnce }: SendOptions,
): Promise<Answers> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const answers: Answers = { statuses: {}, slowestMs: 0 };
  let sent = 0;
  const work = async (): Promise<void> => {
    while (sent < count) {
      sent += 1;
      const startedAt = performance.now();
      const status = await post(ingress, headers, agent);
      answers.statuses[status] = (answers.statuses[status] ?? 0) + 1;
      answers.slowestMs = Math.max(answers.slowestMs, performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  agent.destroy();
  return answers;
}

const post = (ingress: { url: string }, headers: Record<string, string>, agent: Agent): Promise<number> =>
  new Promise((resolve) => {
    const options = { method: 'POST', headers, agent, timeout: 30_000 };
    const sending = request(`${ingress.url}${googlePath}`, options, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', () => resolve(0));
    });
    sending.on('timeout', () => sending.destroy());
    sending.on('error', () => resolve(0));
    sending.end();
  });

/** Connections of a flood. */
const sockets = 16;
/** Unanswered on each connection: enough to keep the receiver busy, few enough for the slowest one to answer in time. */
const ahead = 16;

/**
 * Pipelined and nearly free for the sender, so that the receiver's speed is what counts: each answer brings the next.
 * @returns the statuses, each with how often it came
 */
export async function floodNotifications(
  ingress: { url: string },
  headers: Record<string, string>,
  count: number,
): Promise<Record<number, number>> {
  const { hostname, port } = new URL(ingress.url);
  const lines = Object.entries({ host: `${hostname}:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const message = `${[`POST ${googlePath} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
  const statuses: Record<number, number> = {};
  const flood = (share: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port) });
      let left = share;
      let unsent = share;
      let rest = '';
      const send = (wanted: number): void => {
        const sending = Math.min(wanted, unsent);
        unsent -= sending;
        if (sending > 0) socket.write(message.repeat(sending));
      };
      socket.setTimeout(30_000, () => socket.destroy(new Error('No answer within 30 s.')));
      socket.on('error', reject);
      socket.on('close', () => (left === 0 ? resolve() : reject(new Error(`${left} answers did not come.`))));
      socket.on('data', (chunk: Buffer) => {
        const answers = (rest + chunk.toString('latin1')).split(/(?=HTTP\/1\.1 \d{3} )/);
        // The last one may still be under way: it counts when its head has ended.
        rest = answers.at(-1)?.includes('\r\n\r\n') ? '' : (answers.pop() ?? '');
        const before = left;
        for (const [, status = ''] of answers.flatMap((answer) => [
          /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [],
        ])) {
          if (status === '') continue;
          statuses[Number(status)] = (statuses[Number(status)] ?? 0) + 1;
          left -= 1;
        }
        send(before - left);
        if (left === 0) socket.end();
      });
      send(ahead);
    });
  const share = (n: number): number => Math.floor(count / sockets) + (n < count % sockets ? 1 : 0);
  await Promise.all(Array.from({ length: sockets }, (_, n) => flood(share(n))));
  return statuses;
}
