/** The ingress as a server: limits on how slowly and how much a client may send, and a stop that answers everyone. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  limitClients,
  prepareDeparture,
  serverOptions,
  type DepartureOptions,
  type Patience,
} from '@calfleet/config';
import type { Clock } from '@calfleet/domain';
import type { Producer } from '@calfleet/jobs';
import type { Logger, Metrics } from '@calfleet/telemetry';
import type { ChannelSigner } from '@calfleet/vault';
import { createApplication } from './application.ts';
import { storingMaxDefault } from './microsoft-batch.ts';
import { channelCapDefault, createRateCap, rateCapDefault, type RateCapOptions } from './rate-cap.ts';
import { refuseUnreadable } from './unreadable.ts';

export interface IngressOptions {
  /** `host` left out: all interfaces. Port 0: any free one. */
  config: {
    port: number;
    host?: string;
    rateCap?: RateCapOptions;
    channelCap?: RateCapOptions;
    storingMax?: number;
    patience?: Patience;
  };
  producer: Producer;
  signer: ChannelSigner;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
}

export interface Ingress {
  port: number;
  /** Without a slash at its end. */
  url: string;
  /**
   * Says that it goes and, if `linger` is given, serves on while balancers look elsewhere; then takes no new request,
   * answers what it has, and drops what is left after `timeoutMs`. The producer stays open.
   */
  close(options?: DepartureOptions): Promise<void>;
}

const patienceDefault: Patience = {
  headersMs: 10_000,
  requestMs: 15_000,
  stalledMs: 120_000,
  checkEveryMs: 5_000,
};

export async function startIngress(options: IngressOptions): Promise<Ingress> {
  const { config, clock } = options;
  let stopping = false;
  const application = createApplication({
    ...options,
    withinCap: createRateCap(clock, config.rateCap ?? rateCapDefault),
    withinChannelCap: createRateCap(clock, config.channelCap ?? channelCapDefault),
    storingMax: config.storingMax ?? storingMaxDefault,
    isStopping: () => stopping,
  });
  const patience = config.patience ?? patienceDefault;
  const server = createServer(serverOptions(patience), application);
  const depart = prepareDeparture(server);
  limitClients(server, patience);
  server.on('clientError', refuseUnreadable);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: config.port, host: config.host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;

  return {
    port,
    url: `http://${config.host ?? '127.0.0.1'}:${port}`,
    close: (options) => {
      stopping = true;
      return depart(options);
    },
  };
}
