/** A process that does as `MODE` says, for process.test.ts. */
import { createServer } from 'node:net';
import { ConfigError, runProcess } from './index.ts';

const write = (text: string) => void process.stdout.write(`${text}\n`);

runProcess(
  async (env, stop) => {
    if (env['MODE'] === 'misconfigured') throw new ConfigError(['THING is missing']);
    if (env['MODE'] === 'slow start') {
      write('starting');
      await new Promise((_, reject) => stop.addEventListener('abort', () => reject(new Error('given up'))));
    }
    // Never closed: the process has to end all the same.
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(env['PORT'] ?? 0), '127.0.0.1', resolve);
    });
    return {
      listening: 'http://here',
      facts: { more: 1 },
      logger: { info: (message, facts) => write(JSON.stringify({ message, ...facts })) },
      close: () => (env['MODE'] === 'stuck' ? new Promise(() => undefined) : Promise.resolve()),
    };
  },
  { closeMs: 300 },
);
