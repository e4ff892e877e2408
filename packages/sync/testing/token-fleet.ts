/**
 * Workers as far as tokens are concerned: sessions with their own pools on one database, and the sandbox' token
 * endpoints over HTTP behind a gate.
 */
import { randomBytes } from 'node:crypto';
import { api, openDatabase, type Database } from '@calfleet/db';
import { newId, type AccountId, type ProviderName, type TokenEndpoint } from '@calfleet/domain';
import { createProviders } from '@calfleet/providers';
import { sandboxClient, startSandbox, type Sandbox } from '@calfleet/sandbox';
import { ManualClock } from '@calfleet/testkit';
import { createVault, type Vault } from '@calfleet/vault';
import { createSessions, type Sessions } from '../src/index.ts';
import { startTokenGate, type TokenGate } from './token-gate.ts';

export interface StoredTokens {
  accessToken: string | null;
  refreshToken: string;
  isLeased: boolean;
  failure: string | null;
}

export class TokenFleet {
  readonly clock = new ManualClock(new Date('2026-11-20T09:00:00Z'));
  private readonly workers: Database[] = [];

  private constructor(
    private readonly databaseUrl: string,
    readonly db: Database,
    readonly vault: Vault,
  ) {}

  sandbox!: Sandbox;
  gate!: TokenGate;
  private endpoints!: ReadonlyMap<ProviderName, TokenEndpoint>;

  static async open(databaseUrl: string): Promise<TokenFleet> {
    const db = openDatabase({ url: databaseUrl, poolSize: 2, applicationName: 'calfleet-test-looks' });
    const vault = createVault([{ id: 'test', key: randomBytes(32) }]);
    const fleet = new TokenFleet(databaseUrl, db, vault);
    fleet.sandbox = await startSandbox({ time: { realNow: () => fleet.clock.now().getTime() } });
    fleet.gate = await startTokenGate(fleet.sandbox.url);
    fleet.endpoints = fleet.endpointsOf(fleet.gate.url);
    return fleet;
  }

  /** One more worker. */
  sessions(options: Partial<Parameters<typeof createSessions>[0]> = {}): Sessions {
    const applicationName = 'calfleet-test-worker';
    const db = openDatabase({ url: this.databaseUrl, poolSize: 4, applicationName });
    this.workers.push(db);
    const { clock, vault, endpoints: tokenEndpoints } = this;
    return createSessions({ db, clock, vault, tokenEndpoints, ...options });
  }

  /** An account that holds the refresh token, and no access token yet. */
  async connect(provider: 'google' | 'microsoft', refreshToken: string): Promise<AccountId> {
    const id = newId<AccountId>();
    const userId = `user-${id}`;
    const dataKey = this.vault.newDataKey(id);
    const sealed = this.vault.seal({
      accountId: id,
      dataKey,
      field: 'refresh_token',
      plaintext: refreshToken,
    });
    const now = this.clock.now();
    const row = { id, userId, provider, scopes: [], dataKey, refreshToken: sealed, now };
    await this.db.transaction({ role: 'api', userId }, (tx) => api.insertAccount(tx, row));
    return id;
  }

  async stored(id: AccountId): Promise<StoredTokens> {
    const { row, leased } = await this.db.transaction({ role: 'worker' }, async (tx) => {
      const rows = await tx.$queryRaw<(Sealed & { leased: boolean })[]>`
        select data_key, refresh_token, access_token, token_failure, token_lease_until is not null as leased
        from calendar_accounts where id = ${id}::uuid`;
      if (!rows[0]) throw new Error('The account is gone.');
      return { row: rows[0], leased: rows[0].leased };
    });
    const opened = (field: string, sealed: Uint8Array): string =>
      this.vault.open({
        accountId: id,
        dataKey: Buffer.from(row.data_key),
        field,
        sealed: Buffer.from(sealed),
      });
    return {
      accessToken: row.access_token && opened('access_token', row.access_token),
      refreshToken: opened('refresh_token', row.refresh_token),
      isLeased: leased,
      failure: row.token_failure,
    };
  }

  /** A person connects the mailbox again: another grant, and nothing of the old one is left. */
  async reconnect(id: AccountId, refreshToken: string): Promise<void> {
    await this.db.transaction({ role: 'worker' }, async (tx) => {
      const [row] = await tx.$queryRaw<
        Sealed[]
      >`select data_key from calendar_accounts where id = ${id}::uuid`;
      if (!row) throw new Error('The account is gone.');
      const dataKey = Buffer.from(row.data_key);
      const sealed = this.vault.seal({
        accountId: id,
        dataKey,
        field: 'refresh_token',
        plaintext: refreshToken,
      });
      await tx.$executeRaw`
        update calendar_accounts set status = 'active', refresh_token = ${sealed}, access_token = null,
          access_token_expires_at = null where id = ${id}::uuid`;
    });
  }

  /** The lease of a worker that died runs out. */
  async expireLease(id: AccountId): Promise<void> {
    await this.db.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`
        update calendar_accounts set token_lease_until = clock_timestamp() - interval '1 s'
         where id = ${id}::uuid and token_lease_until is not null`;
    });
  }

  async nameMailbox(id: AccountId, providerAccountId: string): Promise<void> {
    await this.db.transaction({ role: 'worker' }, async (tx) => {
      await tx.$executeRaw`
        update calendar_accounts set provider_account_id = ${providerAccountId} where id = ${id}::uuid`;
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.db, ...this.workers].map((db) => db.close()));
    await this.gate.close();
    await this.sandbox.close();
  }

  private endpointsOf(url: string): ReadonlyMap<ProviderName, TokenEndpoint> {
    const client = { clientId: sandboxClient.id, clientSecret: sandboxClient.secret };
    const providers = createProviders({
      clock: this.clock,
      timeoutMs: 30_000,
      google: {
        ...client,
        rootUrl: `${url}/google/`,
        tokenUrl: `${url}/google/oauth2/token`,
        revokeUrl: `${url}/google/oauth2/revoke`,
      },
      microsoft: {
        ...client,
        tenant: 'common',
        graphRootUrl: `${url}/microsoft/v1.0`,
        loginRootUrl: `${url}/microsoft/login`,
      },
    });
    return new Map([...providers].map(([name, { tokens }]) => [name, tokens]));
  }
}

interface Sealed {
  data_key: Uint8Array;
  refresh_token: Uint8Array;
  access_token: Uint8Array | null;
  token_failure: string | null;
}
