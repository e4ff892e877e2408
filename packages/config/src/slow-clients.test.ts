/** Clients that take their time, on real sockets: each is cut off, and nobody else waits for them. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { limitClients, serverOptions, type Patience } from './slow-clients.ts';

const short: Patience = { headersMs: 200, requestMs: 400, stalledMs: 60_000, checkEveryMs: 50 };
const open: { close(): void }[] = [];
afterEach(() => open.splice(0).forEach((each) => each.close()));

async function serve(patience: Patience, answer: RequestListener): Promise<Server & { port: number }> {
  const server = createServer(serverOptions(patience), answer);
  limitClients(server, patience);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => (server.closeAllConnections(), server.close()) });
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

/** Far beyond any of the limits: only a server without one lets it pass. @returns whether it came before */
async function within(cut: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), 20_000)));
  const isCut = await Promise.race([cut.then(() => true), late]);
  clearTimeout(timer);
  return isCut;
}

/** Sends a piece every so often, for ever. @returns what it heard until it was cut off */
async function dribble(port: number, begin: string, piece: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  socket.write(begin);
  const timer = setInterval(() => socket.write(piece), 20);
  const isCut = await within(new Promise<void>((resolve) => socket.once('close', () => resolve())));
  clearInterval(timer);
  socket.destroy();
  return isCut ? heard : 'nobody cut it off';
}

test.each([
  ['headers', 'GET / HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n'],
  ['a body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n', 'x'],
  [
    'a body of unknown length',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    '1\r\nx\r\n',
  ],
])(
  'whoever sends %s a piece at a time is cut off, and fifty of them keep nobody waiting',
  async (_name, begin, piece) => {
    const server = await serve(short, (request, response) => {
      request.resume();
      request.once('end', () => response.end('ok'));
    });
    const slow = Promise.all(Array.from({ length: 50 }, () => dribble(server.port, begin, piece)));
    const other = await fetch(`http://127.0.0.1:${server.port}/`);
    expect(await other.text()).toBe('ok');
    for (const heard of await slow) expect(heard).toMatch(/^(HTTP\/1\.1 408 |$)/);
  },
);

test('whoever does not read an answer is cut off', async () => {
  const cut = new Promise<void>((resolve) => {
    void serve({ ...short, stalledMs: 200 }, (_request, response) => {
      response.once('close', resolve);
      // More than both ends buffer.
      response.write(Buffer.alloc(64 * 1024 * 1024));
    }).then(({ port }) => {
      const socket: Socket = connect(port, '127.0.0.1');
      open.push({ close: () => socket.destroy() });
      socket.on('error', () => undefined);
      socket.pause();
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    });
  });
  expect(await within(cut)).toBe(true);
});
