import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { endProcess, identify, isAlive, parseIdentity, sendSignal } from './process-identity.ts';

const sleeper = async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = identify(child.pid ?? 0);
  if (identity === undefined) throw new Error('sleep did not start');
  return { child, identity };
};

test('a process is itself until it ends', async () => {
  const { child, identity } = await sleeper();
  expect(isAlive(identity)).toBe(true);
  await endProcess(identity, [{ signal: 'SIGTERM', graceMs: 5_000 }]);
  expect(isAlive(identity)).toBe(false);
  expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGTERM');
});

test('another process with the same pid is never signalled', async () => {
  const { child, identity } = await sleeper();
  const former = { pid: identity.pid, startedAt: 'another-boot:1' };
  expect(isAlive(former)).toBe(false);
  expect(sendSignal(former, 'SIGKILL')).toBe(false);
  expect(isAlive(identity)).toBe(true);
  child.kill('SIGKILL');
});

test('only what this package wrote is taken for an identity', () => {
  expect(parseIdentity({ pid: 17, startedAt: 'a' })).toEqual({ pid: 17, startedAt: 'a' });
  // 0 and negative pids address whole process groups, 1 is init.
  for (const bad of [
    null,
    'text',
    {},
    { pid: 0, startedAt: 'a' },
    { pid: -7, startedAt: 'a' },
    { pid: 17 },
  ]) {
    expect(parseIdentity(bad)).toBeUndefined();
  }
});
