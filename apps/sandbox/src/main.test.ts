import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const main = join(__dirname, 'main.ts');

async function start(): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(main, {
    env: { ...process.env, SANDBOX_PORT: '0', SANDBOX_SEED: 'demo' },
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return { child, url: (JSON.parse(line.toString()) as { listening: string }).listening };
}

it.each([
  ['SIGTERM', (child: ChildProcess) => void child.kill('SIGTERM')],
  ['the end of its parent', (child: ChildProcess) => child.disconnect()],
])('runs as a process and ends cleanly on %s', async (_name, end) => {
  const { child, url } = await start();
  const health = await fetch(`${url}/healthz`);
  expect(await health.json()).toEqual({ status: 'ok' });
  const accounts = await fetch(`${url}/control/accounts`);
  expect(await accounts.json()).toMatchObject({
    accounts: ['ada@example.test', 'noor@example.test', 'yuki@example.test'],
  });
  const ended = once(child, 'exit');
  end(child);
  expect(await ended).toEqual([0, null]);
});
