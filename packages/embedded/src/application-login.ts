/** The login that Calfleet's processes use: weaker than any role that row-level security would not bind. */
import { Client } from 'pg';

/**
 * Creates the login, or gives an existing one this password and takes every power from it.
 * @param login.name a plain identifier
 */
export async function createApplicationLogin(
  adminUrl: string,
  login: { name: string; password: string },
): Promise<void> {
  const client = new Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const name = client.escapeIdentifier(login.name);
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [login.name]);
    await client.query(
      `${rowCount === 0 ? 'create' : 'alter'} role ${name} login nosuperuser nobypassrls nocreaterole nocreatedb ` +
        `noreplication password ${client.escapeLiteral(login.password)}`,
    );
  } finally {
    await client.end();
  }
}
