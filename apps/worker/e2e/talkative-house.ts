/**
 * Ingress, API and worker as processes that say all they can, beside a collector of traces and an ear at Redis; and every
 * secret that any of them is told or given, to be looked for in what they say and keep.
 */
import { randomBytes } from 'node:crypto';
import type { AccountId } from '@calfleet/domain';
import { sandboxClient } from '@calfleet/sandbox';
import {
  createTestDatabase,
  createTestRedis,
  startTraceReceiver,
  type TestDatabase,
  type TestRedis,
  type TraceReceiver,
} from '@calfleet/testkit';
import { createVault } from '@calfleet/vault';
import { checkedFetch } from '../../api/src/testing/checked-fetch.ts';
import { freePort } from '../../../packages/embedded/src/free-port.ts';
import { listening } from './balancer.ts';
import { bundleProgram, type Program, type RunningProgram } from './bundle.ts';
import { tapRedis, type RedisTap } from './everything-kept.ts';
import { openHouse, type House } from './house.ts';

type Role = 'ingress' | 'api' | 'worker';
export const roles: readonly Role[] = ['ingress', 'api', 'worker'];

export interface Reply {
  status: number;
  body: Record<string, unknown> & { items: Record<string, unknown>[] };
}

interface Ask {
  body?: unknown;
  bearer?: string;
  key?: string;
}

export class TalkativeHouse {
  readonly adminKey = `admin-${randomBytes(24).toString('base64url')}`;
  readonly jwtSecret = randomBytes(32).toString('base64url');
  /** By what they are. */
  readonly secrets = new Map<string, string>();
  /** Bodies of answers that are no success. */
  readonly refusals: string[] = [];
  private readonly running: { role: Role; program: Program; process: RunningProgram; url: string }[] = [];

  private constructor(
    readonly house: House,
    readonly database: TestDatabase,
    readonly redis: TestRedis,
    readonly traces: TraceReceiver,
    readonly tap: RedisTap,
  ) {}

  static async open(): Promise<TalkativeHouse> {
    const [database, redis, traces] = await Promise.all([
      createTestDatabase(),
      createTestRedis(),
      startTraceReceiver(),
    ]);
    const tap = await tapRedis(redis.url);
    const services = { databaseUrl: database.url, redisUrl: redis.url, redisPrefix: redis.prefix };
    const house = await openHouse(services, { drainSeconds: 1 });
    const all = new TalkativeHouse(house, database, redis, traces, tap);
    const apiPort = await freePort();
    await all.start('ingress', {});
    const environment = {
      API_BASE_URL: all.urlOf('ingress'),
      API_PORT: String(apiPort),
      API_PUBLIC_URL: `http://127.0.0.1:${apiPort}`,
      CALFLEET_ADMIN_KEY: all.adminKey,
      AUTH_JWT_SECRET: all.jwtSecret,
      GOOGLE_AUTH_URL: `${house.sandbox.googleRootUrl}oauth2/auth`,
      OAUTH_REDIRECT_URIS: `${house.sandbox.url}/healthz`,
    };
    await Promise.all([all.start('api', environment), all.start('worker', environment)]);
    for (const [name, secret] of [
      ['token encryption key', all.ringKey('TOKEN_ENCRYPTION_KEYS')],
      ['signing key', all.ringKey('CHANNEL_SIGNING_KEYS')],
      ['client secret', sandboxClient.secret],
      ['admin key', all.adminKey],
      ['secret of tokens of users', all.jwtSecret],
      ['password of the database', new URL(database.url).password],
    ] as const) {
      all.secrets.set(name, secret);
    }
    return all;
  }

  urlOf(role: Role): string {
    return this.running.find((each) => each.role === role)?.url ?? '';
  }

  /** What a process has said so far, on both streams. */
  outputOf(role: Role): string {
    return this.running.find((each) => each.role === role)?.process.output() ?? '';
  }

  metricsOf = async (role: Role): Promise<string> => (await fetch(`${this.urlOf(role)}/metrics`)).text();

  /** Remembers a secret under a name of its own. */
  note(what: string, secret: string | null | undefined): void {
    if (secret != null) this.secrets.set(`${what} ${this.secrets.size}`, secret);
  }

  ask = async (
    userId: string,
    line: `${string} /${string}`,
    { body, bearer = this.adminKey, key }: Ask = {},
  ): Promise<Reply> => {
    const [method = 'GET', path = ''] = line.split(' ');
    const response = await checkedFetch('api')(`${this.urlOf('api')}/integrations/calendar${path}`, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(!bearer.startsWith('ey') && { 'x-user-id': userId }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) this.refusals.push(text);
    return { status: response.status, body: JSON.parse(text) as Reply['body'] };
  };

  /** Whatever is stored sealed just now is looked for later, opened. */
  async noteTokens(): Promise<void> {
    const key = Buffer.from(this.ringKey('TOKEN_ENCRYPTION_KEYS'), 'base64');
    const vault = createVault([{ id: 'e2e', key }]);
    const rows = await this.house.db.transaction(
      { role: 'worker' },
      (tx) =>
        tx.$queryRaw<
          {
            id: AccountId;
            data_key: Uint8Array;
            refresh_token: Uint8Array;
            access_token: Uint8Array | null;
          }[]
        >`select id, data_key, refresh_token, access_token from calendar_accounts where length(refresh_token) > 0`,
    );
    for (const { id, data_key, ...fields } of rows) {
      for (const [field, sealed] of Object.entries(fields)) {
        if (!sealed) continue;
        const of = { accountId: id, dataKey: Buffer.from(data_key), field };
        const token = vault.open({ ...of, sealed: Buffer.from(sealed) });
        // A part of it would be as bad; a JWT's first parts are no secret by themselves.
        this.note(field, token.split('.').at(-1)?.slice(0, 40));
      }
    }
  }

  /** What channels prove themselves with; the ids before it are no secret. */
  noteChannels(): void {
    const { push, microsoft } = this.house.sandbox;
    for (const { token } of push.channels.all()) this.note('channel token', token?.split('.').at(-1));
    for (const { clientState } of microsoft.subscriptions.allLiving()) {
      this.note('client state', clientState?.split('.').at(-1));
    }
  }

  /** With all that they say on their way out. */
  async stop(): Promise<void> {
    for (const { process } of this.running) process.process.kill('SIGTERM');
    await Promise.all(this.running.map(({ process }) => process.ended));
  }

  async close(): Promise<void> {
    for (const { process } of this.running) process.process.kill('SIGKILL');
    await Promise.all(this.running.map(({ program }) => program.remove()));
    this.tap.close();
    await this.house.close();
    await this.traces.close();
    await this.redis.clear();
    await this.database.drop();
  }

  private async start(role: Role, changes: Record<string, string>): Promise<void> {
    const program = await bundleProgram(`apps/${role}/src/main.ts`);
    const process = program.start(
      this.house.environment({
        LOG_LEVEL: 'debug',
        OTEL_EXPORTER_OTLP_ENDPOINT: this.traces.url,
        OTEL_BSP_SCHEDULE_DELAY: '20',
        ...changes,
      }),
    );
    const { url } = await listening(process);
    this.running.push({ role, program, process, url });
  }

  private ringKey(setting: string): string {
    return this.house.environment()[setting]?.split(':')[1] ?? '';
  }
}
