import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@calfleet/testkit';
import { startProcess, type FleetProcess, type ProcessSpec } from './process.ts';

let folder: string;
let spec: ProcessSpec;
let lines: string[];
let started: FleetProcess | undefined;
const launcher = {
  say: (line: string) => void lines.push(line),
  now: () => performance.now(),
  stop: new AbortController().signal,
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'calfleet process '));
  lines = [];
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  spec = {
    name: 'thing',
    file: join(__dirname, 'process.fixture.cjs'),
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
    logFile: join(folder, 'thing.log'),
    readyUrl: `http://127.0.0.1:${port}/`,
  };
});
afterEach(async () => {
  await started?.stop();
  started = undefined;
  await rm(folder, { recursive: true });
});

const answer = async (): Promise<string> => (await fetch(spec.readyUrl)).text();

test('a process that is killed is started again, and that is said', async () => {
  let restarts = 0;
  started = await startProcess({ ...spec, onRestarted: async () => void (restarts += 1) }, launcher);
  const first = started.pid() ?? 0;
  expect(await answer()).toBe(String(first));
  process.kill(first, 'SIGKILL');
  await eventually(() => lines.includes('thing is back.'));
  expect(lines[0]).toMatch(
    /^thing ended by itself \(SIGKILL\); starting it again in 0\.5 s\. Log: .*thing\.log$/,
  );
  expect(await answer()).toBe(String(started.pid()));
  expect(started.pid()).not.toBe(first);
  expect(restarts).toBe(1);
  expect(await readFile(spec.logFile, 'utf8')).toBe(
    `serving as ${first}\nserving as ${started.pid() ?? ''}\n`,
  );
});

test('one that is stopped stays stopped', async () => {
  started = await startProcess(spec, launcher);
  await started.stop();
  await expect(answer()).rejects.toThrow();
  expect(lines).toEqual([]);
});

test('one that does not come up says why', async () => {
  const failing = startProcess({ ...spec, env: { ...spec.env, FAILS: '1' } }, launcher);
  await expect(failing).rejects.toThrow(/thing did not start:\n {2}no reason to live/);
});

test('another program that answers at its port is not taken for it', async () => {
  const asked: unknown[] = [];
  const other = createHttpServer((request, response) => {
    asked.push(request.url);
    response.end('ready');
  }).listen(Number(spec.env['PORT']), '127.0.0.1');
  await once(other, 'listening');
  await expect(startProcess(spec, launcher)).rejects.toThrow(/thing did not start:[\s\S]*EADDRINUSE/);
  expect(asked).toEqual([]);
  other.close();
});

test('a stop while it starts ends it', async () => {
  const stop = new AbortController();
  const starting = startProcess(
    { ...spec, env: { ...spec.env, SILENT: '1' } },
    { ...launcher, stop: stop.signal },
  );
  const pid = Number(await eventually(answer));
  stop.abort(new Error('stopped'));
  await expect(starting).rejects.toThrow('stopped');
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
});
