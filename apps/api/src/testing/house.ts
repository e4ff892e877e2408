/** The API over HTTP with a database and a Redis of its own, and a hand that writes rows as a worker would. */
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { Client, type QueryResultRow } from 'pg';
import { openDatabase, type Database } from '@calfleet/db';
import type { ApiConfig } from '@calfleet/config';
import {
  createCallerThrottle,
  createProducer,
  createQueueBoardSource,
  type Producer,
  type QueueBoardSource,
} from '@calfleet/jobs';
import { createLogger, createMetrics } from '@calfleet/telemetry';
import {
  createTestDatabase,
  createTestRedis,
  eventually,
  ManualClock,
  type TestDatabase,
} from '@calfleet/testkit';
import { createVault, type Vault } from '@calfleet/vault';
import type { Connect } from '../context.ts';
import { startApi, type Api } from '../index.ts';
import { checkedFetch } from './checked-fetch.ts';

export const adminKey = 'an-admin-key-of-more-than-32-characters';
export const prefix = '/integrations/calendar';

export interface Reply {
  status: number;
  type: string;
  headers: Headers;
  body: Body;
}

/** What tests look into, over all answers; which members are there is what they find out. */
export interface Body extends Record<string, unknown> {
  id: string;
  code: string;
  errors: { path: string; message: string }[];
  items: Body[];
  next_cursor: string | null;
  feed_cursor: string;
  cursor: string;
  event_id: string;
  occurrence_id: string;
  requests: { calendar_id: string; request_seq: number }[];
  calendars: { calendar_id: string; busy: { start: unknown; end: unknown }[] }[];
}

export interface Ask {
  user?: string | null;
  key?: string | null;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}

export interface House {
  api: Api;
  db: Database;
  database: TestDatabase;
  producer: Producer;
  queueBoard: QueueBoardSource;
  vault: Vault;
  clock: ManualClock;
  redisUrl: string;
  redisPrefix: string;
  /** Every log line that was written. */
  logs: string[];
  get(path: string, ask?: Ask): Promise<Reply>;
  send(method: string, path: string, body: unknown, ask?: Ask): Promise<Reply>;
  /** A statement as the worker's role. */
  worker<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Connections of the login to this database, by application; roles see only their own. */
  activity(applicationName: string): Promise<{ query: string; inTransaction: boolean }[]>;
  /** A connection of its own as the worker's role. */
  workerClient(): Promise<Client>;
  /**
   * Waits until readers of the feed may see all that was committed up to here. The horizon is the whole server's: a
   * transaction in any other test's database holds it back.
   */
  feedSettles(): Promise<void>;
  close(): Promise<void>;
}

export interface HouseOptions extends Partial<Pick<ApiConfig, 'jwt' | 'callerLimits'>> {
  redisUrl?: string;
  /** Left out: nobody connects by consent. */
  connect?: Connect;
}

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const database = await createTestDatabase();
  const redis = await createTestRedis();
  const redisUrl = options.redisUrl ?? redis.url;
  const db = openDatabase({ url: database.url, poolSize: 10, applicationName: 'api-test' });
  const producer = createProducer({
    redisUrl,
    prefix: redis.prefix,
    onError: () => undefined,
    // Where there is no Redis nobody should wait for it; where there is one, a slow machine still rings.
    timeoutMs: options.redisUrl === undefined ? 30_000 : 500,
  });
  const queueBoard = createQueueBoardSource({
    redisUrl,
    prefix: redis.prefix,
    onError: () => undefined,
  });
  const throttle = createCallerThrottle({ redisUrl, prefix: redis.prefix, onError: () => undefined });
  const { jwt, callerLimits } = options;
  const logs: string[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      logs.push(chunk.toString());
      done();
    },
  });
  const clock = new ManualClock('2026-11-20T12:00:00Z');
  const vault = createVault([{ id: 'k1', key: randomBytes(32) }]);
  const google = {
    clientId: 'id',
    clientSecret: 'secret',
    apiRootUrl: 'http://127.0.0.1:9/',
    authUrl: 'http://127.0.0.1:9/auth',
    tokenUrl: 'http://127.0.0.1:9/token',
    revokeUrl: 'http://127.0.0.1:9/revoke',
    userinfoUrl: 'http://127.0.0.1:9/userinfo',
  };
  const api = await startApi({
    config: {
      port: 0,
      host: '127.0.0.1',
      adminKey,
      allowSuperuser: false,
      providers: { google, microsoft: null },
      ...(jwt && { jwt }),
      ...(callerLimits && { callerLimits }),
    },
    db,
    producer,
    queueBoard,
    throttle,
    vault,
    ...(options.connect && { connect: options.connect }),
    logger: createLogger({ service: 'api', level: 'debug', destination }),
    metrics: createMetrics(),
    clock,
  });
  const workerClient = async (): Promise<Client> => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query('set role calfleet_worker');
    return client;
  };
  const hand = await workerClient();
  const eye = new Client({ connectionString: database.url });
  await eye.connect();
  const ask = (method: string, path: string, asked: Ask) => request(api.url, method, path, asked);
  return {
    api,
    db,
    database,
    producer,
    queueBoard,
    vault,
    clock,
    redisUrl,
    redisPrefix: redis.prefix,
    logs,
    get: (path, asked = {}) => ask('GET', path, asked),
    send: (method, path, body, asked = {}) => ask(method, path, { ...asked, body }),
    worker: async (text, values) => (await hand.query(text, values)).rows as never,
    activity: async (name) => {
      const { rows } = await eye.query<{ query: string; inTransaction: boolean }>(
        `select query, xact_start is not null as "inTransaction" from pg_stat_activity
         where application_name = $1 and datname = current_database()`,
        [name],
      );
      return rows;
    },
    workerClient,
    feedSettles: async () => {
      const horizon = async (end: 'xmin' | 'xmax') => {
        const { rows } = await hand.query<{ at: string }>(
          `select pg_snapshot_${end}(pg_current_snapshot())::text as at`,
        );
        return BigInt(rows[0]?.at ?? 0);
      };
      const committed = await horizon('xmax');
      await eventually(async () => (await horizon('xmin')) >= committed, {
        // A page's transaction may take a minute.
        timeoutMs: 90_000,
        describe: 'the older transactions of this server end',
      });
    },
    close: async () => {
      await api.close({ timeoutMs: 1000 });
      await hand.end();
      await eye.end();
      await producer.close();
      await queueBoard.close();
      await throttle.close();
      await db.close();
      await redis.clear();
      await database.drop();
    },
  };
}

async function request(url: string, method: string, path: string, ask: Ask): Promise<Reply> {
  const { user = 'ada', key = adminKey, headers = {}, body, signal } = ask;
  // A path after an exclamation mark lies outside the prefix.
  const address = path.startsWith('!') ? path.slice(1) : `${prefix}${path}`;
  const response = await checkedFetch('api')(`${url}${address}`, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(user === null ? {} : { 'x-user-id': user }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const isJson = /[/+]json\b/.test(type) && text !== '';
  return {
    status: response.status,
    type,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : { text }) as Body,
  };
}
