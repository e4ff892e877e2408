import type { Transaction } from '../transaction.ts';

/** Every time zone that this server can place times in; reads the server's zone files, so keep the answer. */
export async function zoneNames(tx: Transaction): Promise<string[]> {
  const rows = await tx.$queryRaw<{ name: string }[]>`select name from pg_timezone_names`;
  return rows.map(({ name }) => name);
}
