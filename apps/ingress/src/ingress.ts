/** The ingress as a server: limits on how slowly and how much a client may send, and a stop that answers everyone. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { prepareDeparture, type DepartureOptions } from '@calfleet/config';
import type { Clock } from '@calfleet/domain';
import type { Producer } from '@calfleet/jobs';
import type { Logger, Metrics } from '@calfleet/telemetry';
import type { ChannelSigner } from '@calfleet/vault';
import { createApplication } from './application.ts';
import { storingMaxDefault } from './microsoft-batch.ts';
import { createRateCap, rateCapDefault, type RateCapOptions } from './rate-cap.ts';
import { refuseUnreadable } from './unreadable.ts';

export interface IngressOptions {
  /** `host` left out: all interfaces. Port 0: any free one. */
  config: { port: number; host?: string; rateCap?: RateCapOptions; storingMax?: number };
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

export async function startIngress(options: IngressOptions): Promise<Ingress> {
  const { config, clock } = options;
  let stopping = false;
  const application = createApplication({
    ...options,
    withinCap: createRateCap(clock, config.rateCap ?? rateCapDefault),
    storingMax: config.storingMax ?? storingMaxDefault,
    isStopping: () => stopping,
  });
  const server = createServer(
    {
      // Google sends about 1 KiB of headers, tokens of at most 256 characters included.
      maxHeaderSize: 16 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      connectionsCheckingInterval: 5000,
      // Longer than the idle time of common load balancers (60 s), which must not meet a closing connection.
      keepAliveTimeout: 65_000,
      noDelay: true,
    },
    application,
  );
  const depart = prepareDeparture(server);
  server.maxHeadersCount = 100;
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
