/**
 * Sends notifications over kept-alive connections, the next one when the last is answered. Requests are bytes made
 * beforehand and answers are read to their status line only, so that the load takes little of the machine it measures.
 */
import { createConnection } from 'node:net';
import { readFileSync } from 'node:fs';

interface Load {
  port: number;
  connections: number;
  requests: number;
  /** Whole requests, sent in turn. */
  texts: string[];
}

async function main(load: Load): Promise<void> {
  const texts = load.texts.map((text) => Buffer.from(text));
  let sent = 0;
  const latencies: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: load.connections }, () =>
      converse(
        load.port,
        (send) => {
          if (sent >= load.requests) return false;
          const text = texts[sent % texts.length];
          sent += 1;
          if (text) send(text);
          return true;
        },
        latencies,
      ),
    ),
  );
  const ms = performance.now() - startedAt;
  latencies.sort((one, other) => one - other);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  const figures = { p50Ms: at(0.5), p99Ms: at(0.99), longestMs: latencies.at(-1) ?? 0 };
  process.stdout.write(`${JSON.stringify({ done: true, answered: latencies.length, ms, ...figures })}\n`);
}

function converse(
  port: number,
  next: (send: (text: Buffer) => void) => boolean,
  latencies: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    let askedAt = 0;
    let answer = '';
    const ask = (): void => {
      askedAt = performance.now();
      if (!next((text) => socket.write(text))) socket.end(() => resolve());
    };
    socket.once('connect', ask);
    socket.once('error', reject);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (!answer.includes('\r\n\r\n')) return;
      if (!/^HTTP\/1\.1 20[02] /.test(answer)) return void reject(new Error(answer.slice(0, 200)));
      answer = '';
      latencies.push(performance.now() - askedAt);
      ask();
    });
  });
}

process.stdout.write(`${JSON.stringify({ listening: 'for work' })}\n`);
process.once('message', (file: string) => {
  main(JSON.parse(readFileSync(file, 'utf8')) as Load).then(
    () => process.disconnect(),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit(0));
