/**
 * Keys of the API: made and revoked by operators in the workers' role, looked up by the API in its own. Of a key's secret
 * there is a hash only.
 */
import type { Transaction } from './transaction.ts';

export type ApiKeyScope = 'app' | 'admin';

export interface ApiKeyRow {
  id: string;
  name: string | null;
  scope: ApiKeyScope;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  /** To the minute. */
  last_used_at: Date | null;
}

export async function insertApiKey(
  tx: Transaction,
  key: Pick<ApiKeyRow, 'id' | 'name' | 'scope' | 'expires_at'> & { hash: Uint8Array; at: Date },
): Promise<void> {
  await tx.$executeRaw`
    insert into api_keys (id, name, scope, key_hash, created_at, expires_at)
    values (${key.id}, ${key.name}, ${key.scope}, ${key.hash}, ${key.at}, ${key.expires_at})`;
}

/** By id, which says nothing about age. Revoked and expired ones too: what was there is part of the answer. */
export async function listApiKeys(
  tx: Transaction,
  { after, limit }: { after: string | null; limit: number },
): Promise<ApiKeyRow[]> {
  return tx.$queryRaw<ApiKeyRow[]>`
    select id, name, scope, created_at, expires_at, revoked_at, last_used_at from api_keys
    where id > ${after ?? ''} order by id limit ${limit}`;
}

/** Again changes nothing. @returns since when it is revoked; null: there is no such key */
export async function revokeApiKey(
  tx: Transaction,
  { id, at }: { id: string; at: Date },
): Promise<Date | null> {
  const [row] = await tx.$queryRaw<{ revoked_at: Date }[]>`
    update api_keys set revoked_at = coalesce(revoked_at, ${at}) where id = ${id} returning revoked_at`;
  return row?.revoked_at ?? null;
}

export type ShownApiKey = Omit<ApiKeyRow, 'name' | 'created_at'> & { key_hash: Uint8Array };

/** What a shown key is compared with. */
export async function findApiKey(tx: Transaction, id: string): Promise<ShownApiKey | null> {
  const [row] = await tx.$queryRaw<ShownApiKey[]>`
    select id, scope, key_hash, expires_at, revoked_at, last_used_at from api_keys where id = ${id}`;
  return row ?? null;
}

/** Never back, and not again within a minute, whichever process asks. */
export async function noteApiKeyUse(tx: Transaction, { id, at }: { id: string; at: Date }): Promise<void> {
  await tx.$executeRaw`
    update api_keys set last_used_at = ${at}
     where id = ${id} and coalesce(last_used_at <= ${at}::timestamptz - interval '1 minute', true)`;
}
