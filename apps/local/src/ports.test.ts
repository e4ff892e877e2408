import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { choosePorts, PortTaken } from './ports.ts';

let other: Server;
let taken: number;

beforeEach(async () => {
  other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  taken = (other.address() as AddressInfo).port;
});
afterEach(() => other.close());

test('the usual port where it is free', async () => {
  other.close();
  await once(other, 'close');
  const lines: string[] = [];
  const wish = { setting: 'API_PORT', usual: taken };
  expect(await choosePorts([wish], {}, (line) => lines.push(line))).toEqual({ API_PORT: String(taken) });
  expect(lines).toEqual([]);
});

test('another one, and a line that says so, where it is not', async () => {
  const lines: string[] = [];
  const ports = await choosePorts([{ setting: 'API_PORT', usual: taken }], {}, (line) => lines.push(line));
  expect(ports['API_PORT']).toMatch(/^\d+$/);
  expect(ports['API_PORT']).not.toBe(String(taken));
  expect(lines).toEqual([`Port ${taken} is in use: API_PORT is ${ports['API_PORT'] ?? ''} this time.`]);
});

test('a port that somebody asked for is never swapped', async () => {
  const env = { API_PORT: String(taken) };
  const choosing = choosePorts([{ setting: 'API_PORT', usual: 4001 }], env, () => undefined);
  await expect(choosing).rejects.toThrow(PortTaken);
});

test('0 asks for any, and no port is given twice', async () => {
  const wishes = ['A', 'B', 'C'].map((setting) => ({ setting, usual: taken }));
  const ports = await choosePorts(wishes, { A: '0', B: '0' }, () => undefined);
  const chosen = Object.values(ports);
  expect(new Set(chosen).size).toBe(3);
  expect(chosen).not.toContain('0');
  expect(chosen).not.toContain(String(taken));
});
