import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function start(env: Record<string, string> = {}) {
  const child = fork(join(__dirname, 'process.fixture.ts'), [], {
    env: { PATH: process.env['PATH'], ...env },
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  started.push(child);
  const output = { text: '' };
  const written = [child.stdout, child.stderr].flatMap((stream) => {
    stream?.on('data', (chunk: Buffer) => (output.text += chunk.toString()));
    return stream ? [once(stream, 'end')] : [];
  });
  // What it wrote last may arrive after its exit. Node emits no `close` after a disconnect.
  const ended = Promise.all([once(child, 'exit'), ...written]).then(([exit]) => exit as unknown);
  return { child, ended, output };
}

test.each(['SIGTERM', 'SIGINT', 'disconnect'])('%s closes it, whatever is left open', async (how) => {
  const { child, ended, output } = start();
  expect(await once(child, 'message')).toEqual([{ listening: 'http://here' }, undefined]);
  if (how === 'disconnect') child.disconnect();
  else child.kill(how as NodeJS.Signals);
  expect(await ended).toEqual([0, null]);
  expect(output.text.trim().split('\n')).toEqual([
    '{"message":"Listening","listening":"http://here","more":1}',
    JSON.stringify({ message: 'Stopping', reason: how }),
    '{"message":"Stopped"}',
  ]);
});

test('a stop during the start gives it up without complaint', async () => {
  const { child, ended, output } = start({ MODE: 'slow start' });
  await once(child.stdout as NodeJS.EventEmitter, 'data');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(output.text).toBe('starting\n');
});

test('one that does not close is ended', async () => {
  const { child, ended, output } = start({ MODE: 'stuck' });
  await once(child, 'message');
  child.kill('SIGTERM');
  expect(await ended).toEqual([1, null]);
  expect(output.text).toMatch(/It did not close within 0\.3 s and is ended\.\n$/);
});

test('wrong settings have an exit code of their own', async () => {
  const { ended, output } = start({ MODE: 'misconfigured' });
  expect(await ended).toEqual([78, null]);
  expect(output.text).toMatch(/THING is missing/);
});

test('a port in use is named', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { ended, output } = start({ PORT: String(port) });
  expect(await ended).toEqual([1, null]);
  expect(output.text).toBe(`Port ${port} is in use by another program.\n`);
  other.close();
});
