/**
 * The only home of Prisma. A {@link Database} hands out transactions, each as one of the two roles; outside of a
 * transaction the login sees no user's row.
 */
import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../generated/client';
import { runTransaction, type Transaction, type TransactionOptions } from './transaction.ts';

export interface Database {
  /** @see TransactionOptions. Rolls back and rethrows whatever `work` throws. */
  transaction<T>(options: TransactionOptions, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Whether Postgres answers within the connection time-out. */
  isReady(): Promise<boolean>;
  /** Whether the login could look past row-level security. */
  loginIsTooPowerful(): Promise<boolean>;
  /** Name of the newest migration that is applied, null without any. Fails where there is no such function yet. */
  schemaVersion(): Promise<string | null>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `postgresql://user:password@host:port/database` of the application's login. */
  url: string;
  /** Connections at most. */
  poolSize: number;
  /** Shown in `pg_stat_activity`. */
  applicationName: string;
  /** A transaction is ended by the server after this time without a statement; 15 s keeps the feed's horizon near. */
  idleInTransactionMs?: number;
}

/**
 * Statements are parsed once per connection. They are templates, so there are some two hundred of them; their names are
 * their hashes. They are planned each time, see transaction.ts.
 */
const statementName = (sql: string): string => createHash('sha1').update(sql).digest('base64url');

export function openDatabase(options: DatabaseOptions): Database {
  const adapter = new PrismaPg(
    {
      connectionString: options.url,
      max: options.poolSize,
      application_name: options.applicationName,
      connectionTimeoutMillis: 5_000,
      // A connection option, since settings of a role do not act on SET ROLE.
      idle_in_transaction_session_timeout: options.idleInTransactionMs ?? 15_000,
      // No statement of ours should take longer; a server that stopped answering must not hold a worker for ever.
      statement_timeout: 120_000,
      query_timeout: 125_000,
      keepAlive: true,
    },
    {
      onPoolError: () => undefined,
      onConnectionError: () => undefined,
      statementNameGenerator: ({ sql }) => statementName(sql),
    },
  );
  const prisma = new PrismaClient({ adapter, errorFormat: 'minimal' });
  return {
    transaction: (transaction, work) => runTransaction(prisma, transaction, work),
    isReady: () =>
      prisma.$queryRaw`select 1`.then(
        () => true,
        () => false,
      ),
    loginIsTooPowerful: async () => {
      const rows = await prisma.$queryRaw<{ powerful: boolean }[]>`
        select rolsuper or rolbypassrls as powerful from pg_roles where rolname = session_user`;
      return rows[0]?.powerful ?? true;
    },
    schemaVersion: async () => {
      const rows = await prisma.$queryRaw<{ version: string | null }[]>`
        select calfleet_schema_version() as version`;
      return rows[0]?.version ?? null;
    },
    close: () => prisma.$disconnect(),
  };
}
