import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { prepareDeparture } from './departure.ts';

/** Far more than any of these takes: a departure that waits for it has failed. */
const timeoutMs = 60_000;

let server: Server;

async function serve(application: RequestListener) {
  server = createServer(application);
  const depart = prepareDeparture(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { depart, port: (server.address() as AddressInfo).port };
}

afterEach(() => void server.close().closeAllConnections());

test('a connection that asked nothing is dropped, not waited for', async () => {
  const { depart, port } = await serve((_request, response) => response.end());
  const accepted = once(server, 'connection');
  const socket = connect(port, '127.0.0.1');
  const dropped = once(socket, 'close');
  await accepted;
  await depart({ timeoutMs });
  await dropped;
  expect(socket.bytesRead).toBe(0);
}, 10_000);

test('what is being answered is answered, and its connection closed', async () => {
  let answer = (): void => undefined;
  const { depart, port } = await serve((_request, response) => {
    answer = () => response.end('told');
  });
  const asked = once(server, 'request');
  const asking = request({ port, host: '127.0.0.1', headers: { connection: 'keep-alive' } }).end();
  const answered = once(asking, 'response');
  await asked;
  const gone = depart({ timeoutMs });
  answer();
  const [response] = (await answered) as [IncomingMessage];
  expect([response.headers.connection, await text(response)]).toEqual(['close', 'told']);
  await gone;
}, 10_000);

test('what is never answered is cut off in the end', async () => {
  const { depart, port } = await serve(() => undefined);
  const asked = once(server, 'request');
  const asking = request({ port, host: '127.0.0.1' }).end();
  const failed = once(asking, 'error');
  await asked;
  await depart({ timeoutMs: 1 });
  expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
}, 10_000);
