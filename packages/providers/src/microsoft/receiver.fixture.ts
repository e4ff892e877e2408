/** Where the sandbox sends what it tells subscribers: it repeats validation tokens and keeps what arrives. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HarnessNotification } from '../conformance/harness.ts';

export interface Receiver {
  /** The one address that answers validations, with any query. */
  url: string;
  arrived: HarnessNotification[];
  close(): Promise<void>;
}

interface Item {
  subscriptionId: string;
  clientState: string | null;
  changeType?: string;
  lifecycleEvent?: string;
}

export async function openReceiver(): Promise<Receiver> {
  const arrived: HarnessNotification[] = [];
  const server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const url = new URL(request.url ?? '', 'http://receiver');
      const watchId = url.searchParams.get('watch') ?? '';
      const validationToken = url.searchParams.get('validationToken');
      if (url.pathname !== '/hooks') return response.writeHead(404).end();
      if (validationToken !== null)
        return response.writeHead(200, { 'content-type': 'text/plain' }).end(validationToken);
      const { value } = JSON.parse(text) as { value: Item[] };
      for (const { subscriptionId, clientState, changeType, lifecycleEvent } of value) {
        const state = changeType ?? lifecycleEvent ?? '';
        arrived.push({ watchId, token: clientState, resourceId: subscriptionId, state });
      }
      return response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    arrived,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
