/** A gate before Postgres: closed, it takes what a client sends and hands nothing on, as a network does that has just failed. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface PostgresGate {
  /** The same database, through the gate. */
  url: string;
  /** From now on nothing that clients send arrives. */
  shut(): void;
  /** Bytes that came since it was shut. */
  kept(): number;
  close(): Promise<void>;
}

export async function startPostgresGate(databaseUrl: string): Promise<PostgresGate> {
  const origin = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isShut = false;
  let kept = 0;
  const server = createServer((client) => {
    const postgres = connect({ host: origin.hostname, port: Number(origin.port) });
    for (const socket of [client, postgres]) {
      sockets.add(socket);
      // One side that is gone takes the other one along.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        postgres.destroy();
      });
    }
    postgres.pipe(client);
    client.on('data', (chunk: Buffer) => {
      if (isShut) kept += chunk.length;
      else postgres.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    shut: () => {
      isShut = true;
    },
    kept: () => kept,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
