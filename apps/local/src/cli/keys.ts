/** `keys`: makes, lists and revokes the keys of the API. */
import { appendAudit, insertApiKey, listApiKeys, revokeApiKey, type ApiKeyRow } from '@calfleet/db';
import { createApiKey } from '@calfleet/vault';
import type { Fleet } from './fleet.ts';
import type { KeysCommand } from './keys-command.ts';
import { operator } from './operator.ts';
import { everyPage } from './pages.ts';
import { table } from './table.ts';
import { UsageError } from './usage-error.ts';

type Create = Extract<KeysCommand, { name: 'keys create' }>;

/** The key stands on a line of its own, for scripts. */
export async function createKey({ db, clock, print }: Fleet, wish: Create): Promise<void> {
  const { id, text, hash } = createApiKey();
  const at = clock.now();
  const { scope, label: name } = wish;
  const expires_at = wish.expiresMs === null ? null : new Date(at.getTime() + wish.expiresMs);
  await db.transaction({ role: 'worker' }, async (tx) => {
    await insertApiKey(tx, { id, name, scope, hash, at, expires_at });
    const facts = { scope, expires_at };
    await appendAudit(tx, { ...operator(), at, action: 'key.created', target: `key:${id}`, facts });
  });
  const until = expires_at ? `until ${expires_at.toISOString().slice(0, 16)}Z` : 'until it is revoked';
  print(text);
  print(`Key ${id} with scope ${scope}, good ${until}. It is shown this once: only its hash is kept.`);
}

export async function showKeys({ db, clock, print }: Fleet): Promise<void> {
  const rows = await everyPage<ApiKeyRow>((after, limit) =>
    db.transaction({ role: 'worker' }, (tx) => listApiKeys(tx, { after, limit })),
  );
  if (rows.length === 0) return print('There is no key but CALFLEET_ADMIN_KEY.');
  const now = clock.now();
  const state = ({ revoked_at, expires_at }: ApiKeyRow): string =>
    revoked_at ? 'revoked' : expires_at && expires_at <= now ? 'expired' : 'good';
  print(
    table(
      ['key', 'name', 'scope', 'state', 'created', 'last used', 'expires', 'revoked'],
      rows
        .sort((one, other) => one.created_at.getTime() - other.created_at.getTime())
        .map((row) => [
          row.id,
          row.name,
          row.scope,
          state(row),
          row.created_at,
          row.last_used_at,
          row.expires_at,
          row.revoked_at,
        ]),
    ),
  );
}

/** @throws UsageError there is no such key */
export async function revokeKey({ db, clock, print }: Fleet, { id }: { id: string }): Promise<void> {
  const at = clock.now();
  const since = await db.transaction({ role: 'worker' }, async (tx) => {
    const revoked = await revokeApiKey(tx, { id, at });
    if (!revoked) throw new UsageError(`There is no key ${id}.`);
    await appendAudit(tx, { ...operator(), at, action: 'key.revoked', target: `key:${id}` });
    return revoked;
  });
  print(`Key ${id} is refused since ${since.toISOString().slice(0, 19)}Z.`);
}
