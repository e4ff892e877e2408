/**
 * `keys rotate` and `keys status`: what TOKEN_ENCRYPTION_KEYS seals is sealed by the first of them, while the fleet runs.
 * Only data keys are sealed anew, so that tokens stay as they are, and whoever refreshes one meanwhile loses nothing.
 */
import type { RotationConfig } from '@calfleet/config';
import { appendAudit, countChannelsByKey, countDataKeys, type DataKeyHolder } from '@calfleet/db';
import { createVault, type VaultKey } from '@calfleet/vault';
import type { Fleet } from './fleet.ts';
import { operator } from './operator.ts';
import { holders, resealDataKeys } from './reseal-data-keys.ts';
import { table } from './table.ts';

const labels: Record<DataKeyHolder, string> = {
  accounts: 'accounts',
  disconnected_accounts: 'disconnected accounts',
  oauth_states: 'trips to a consent page',
  idempotency_keys: 'kept answers',
};

/** @returns the exit code: 1 while something is sealed by another key than the first */
export async function rotateTokenKeys(fleet: Fleet, rings: RotationConfig): Promise<number> {
  const { db, clock, print } = fleet;
  const { tokenEncryptionKeys } = rings;
  const { id: keyId } = firstOf(tokenEncryptionKeys);
  const before = await db.transaction({ role: 'worker' }, countDataKeys);
  const tallies = await resealDataKeys({ db, vault: createVault(tokenEncryptionKeys), keyId });
  const after = await db.transaction({ role: 'worker' }, countDataKeys);
  const left = leftOn(after, keyId);
  const resealed = Object.values(tallies).reduce((sum, tally) => sum + tally.resealed, 0);
  await db.transaction({ role: 'worker' }, (tx) =>
    appendAudit(tx, {
      ...operator(),
      at: clock.now(),
      action: 'token_keys.rotated',
      target: `token_key:${keyId}`,
      facts: { resealed, left },
    }),
  );
  print(
    table(
      ['what', 'sealed anew', 'already', 'key unknown', 'does not open', 'left'],
      holders.map((holder) => [
        labels[holder],
        tallies[holder].resealed,
        keysOn(before, holder, (id) => id === keyId),
        tallies[holder].unknown_key,
        tallies[holder].does_not_open,
        keysOn(after, holder, (id) => id !== keyId),
      ]),
    ),
  );
  print(left === 0 ? `Everything is sealed by ${keyId}.` : `${left} data keys are not sealed by ${keyId}.`);
  return left === 0 ? 0 : 1;
}

/** @returns the exit code: 1 while a data key or a channel is on another key than the first one of its list */
export async function showKeyRings(fleet: Fleet, rings: RotationConfig): Promise<number> {
  const { db, clock, print } = fleet;
  const { tokenEncryptionKeys, channelSigningKeys } = rings;
  const [token, signing] = [firstOf(tokenEncryptionKeys), firstOf(channelSigningKeys)];
  const keys = await db.transaction({ role: 'worker' }, countDataKeys);
  const channels = await db.transaction({ role: 'worker' }, (tx) => countChannelsByKey(tx, clock.now()));
  const mark = (keyId: string, first: string): string => (keyId === first ? 'first' : 'old');
  print(
    [
      'Data keys by token encryption key',
      table(
        ['what', 'key', 'data keys', 'is'],
        keys.map((row) => [labels[row.holder], row.key_id || '?', row.keys, mark(row.key_id, token.id)]),
      ),
      '',
      'Channels by signing key',
      table(
        ['key', 'channels', 'is'],
        channels.map((row) => [row.keyId, row.channels, mark(row.keyId, signing.id)]),
      ),
      '',
    ].join('\n'),
  );
  const left = leftOn(keys, token.id);
  const old = channels
    .filter(({ keyId }) => keyId !== signing.id)
    .reduce((sum, row) => sum + row.channels, 0);
  print(`${left} data keys and ${old} channels are on old keys.`);
  return left === 0 && old === 0 ? 0 : 1;
}

function firstOf([first]: readonly VaultKey[]): VaultKey {
  if (!first) throw new Error('A key ring is empty.');
  return first;
}

type Counts = Awaited<ReturnType<typeof countDataKeys>>;

const keysOn = (counts: Counts, holder: DataKeyHolder, isThat: (keyId: string) => boolean): number =>
  counts
    .filter((row) => row.holder === holder && isThat(row.key_id))
    .reduce((sum, { keys }) => sum + keys, 0);

const leftOn = (counts: Counts, keyId: string): number =>
  holders.reduce((sum, holder) => sum + keysOn(counts, holder, (id) => id !== keyId), 0);
