/** Processes of their own that ask the limiter, for tests of what a fleet shares. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Answer, Order } from './limiter-child.fixture.ts';

export type { Answer, Order } from './limiter-child.fixture.ts';

export interface AskedChild {
  kill(): void;
  answer: Answer;
}

/** @returns the process, once it has done what it was told; `started` gets it before that, to be killed */
export async function askChild(order: Order, started: Pick<AskedChild, 'kill'>[]): Promise<AskedChild> {
  const child = fork(join(__dirname, 'limiter-child.fixture.ts'), [], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  started.push({ kill });
  child.send(order);
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('It ended without an answer.')));
  const [answer] = (await Promise.race([once(child, 'message'), failed])) as [Answer];
  failed.catch(() => undefined);
  return { kill, answer };
}
