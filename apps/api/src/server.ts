/** The API as a server: limits on slow clients, and a stop that answers everyone who is waiting. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { AddressInfo, Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { refuseOlderSchema } from '@calfleet/db';
import {
  limitClients,
  prepareDeparture,
  serverOptions,
  type DepartureOptions,
  type Patience,
} from '@calfleet/config';
import { ZoneTable } from '@calfleet/domain';
import { createApplication } from './application.ts';
import { createIdentify } from './auth/caller.ts';
import { createRefusals } from './auth/refusals.ts';
import type { ApiDeps, Context } from './context.ts';
import { createPlaceableZones } from './placeable-zones.ts';
import { problemBody, RequestProblem } from './problems.ts';

export interface ApiOptions extends Omit<ApiDeps, 'config'> {
  /** `host` left out: all interfaces. Port 0: any free one. */
  config: ApiDeps['config'] & {
    port: number;
    /** Of administrators alone; left out or null: `port` is for everybody. */
    adminPort?: number | null;
    host?: string;
    allowSuperuser: boolean;
    patience?: Patience;
  };
}

export interface Api {
  port: number;
  /** Without a slash at its end. */
  url: string;
  /** Where the queue board and the admin endpoints are; the same unless they have a port of their own. */
  adminUrl: string;
  /**
   * Says that it goes and, if `linger` is given, serves on while balancers look elsewhere; then takes no new request,
   * answers what it has, and drops what is left after `timeoutMs`. Database and producer stay open.
   */
  close(options?: DepartureOptions): Promise<void>;
}

/** @throws when the login could look past row-level security, the schema is older than this program, or the port is taken */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { config, db } = options;
  if (!config.allowSuperuser && (await db.loginIsTooPowerful())) {
    throw new Error(
      'DATABASE_URL names a superuser or a login with BYPASSRLS: row-level security would be off. ' +
        'Use a plain login, or set CALFLEET_ALLOW_SUPERUSER=1',
    );
  }
  await refuseOlderSchema(db);
  const stopping = new AbortController();
  const zones = new ZoneTable();
  const refusals = createRefusals(options);
  const jwt = config.jwt ?? noTokens;
  const context: Context = {
    ...options,
    zones,
    placeableZones: createPlaceableZones(db, zones),
    identify: createIdentify({ ...options, config: { adminKey: config.adminKey, jwt }, refusals }),
    refusals,
    stopping: stopping.signal,
  };
  const { adminPort = null } = config;
  const main = await open(createApplication(context, adminPort === null ? 'all' : 'callers'), config);
  const admin = adminPort === null ? null : await openBeside(main, context, { ...config, port: adminPort });
  return {
    port: main.port,
    url: main.url,
    adminUrl: (admin ?? main).url,
    close: async (options) => {
      stopping.abort();
      await Promise.all([main.depart(options), admin?.depart(options)]);
      // A database that is away must not hold the process.
      await Promise.race([refusals.flush(), pause(flushMs, undefined, { ref: false })]);
    },
  };
}

interface Door {
  port: number;
  url: string;
  depart(options?: DepartureOptions): Promise<void>;
}

async function open(
  application: RequestListener,
  {
    port: wanted,
    host,
    patience = patienceDefault,
  }: Pick<ApiOptions['config'], 'port' | 'host' | 'patience'>,
): Promise<Door> {
  const server = createServer(serverOptions(patience), application);
  const depart = prepareDeparture(server);
  limitClients(server, patience);
  server.on('clientError', refuseUnreadable);
  await listen(server, { port: wanted, ...(host !== undefined && { host }) });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://${host ?? '127.0.0.1'}:${port}`, depart };
}

/** A port that is taken must not leave the other one open. */
async function openBeside(main: Door, context: Context, config: ApiOptions['config']): Promise<Door> {
  try {
    return await open(createApplication(context, 'administrators'), config);
  } catch (error) {
    await main.depart({ timeoutMs: 0 });
    throw error;
  }
}

const flushMs = 1_000;

/** Answers that wait for something begin within 30 s; exports go on for as long as they are read. */
const patienceDefault: Patience = {
  headersMs: 10_000,
  requestMs: 30_000,
  stalledMs: 120_000,
  checkEveryMs: 5_000,
};

const noTokens = { secret: null, keySetUrl: null, issuer: null, audience: null };

function listen(server: Server, { port, host }: { port: number; host?: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** What Node could not read as HTTP never reaches Express: too many headers, a broken request line. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const problem = new RequestProblem('invalid_input', 'The request is not readable as HTTP', { status });
  const body = JSON.stringify(problemBody(problem, randomUUID()));
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
