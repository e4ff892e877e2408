/** A ring of token encryption keys is rotated over every place that holds a data key, beside those who change the rows. */
import { randomBytes } from 'node:crypto';
import type { RingKey, RotationConfig } from '@calfleet/config';
import { api, countDataKeys, openDatabase, type Database } from '@calfleet/db';
import { newId, type AccountId } from '@calfleet/domain';
import { eventually } from '@calfleet/testkit';
import { createVault, VaultError } from '@calfleet/vault';
import { at, plantFleet, type PlantedFleet } from './planted-fleet.fixture.ts';
import { rotateTokenKeys, showKeyRings } from './token-keys.ts';

const newKey = (id: string): RingKey => ({ id, key: randomBytes(32) });
const [oldKey, nextKey] = [newKey('t1'), newKey('t2')];
const channelSigningKeys = [newKey('k2'), newKey('k1')];
const rings: RotationConfig = { tokenEncryptionKeys: [nextKey, oldKey], channelSigningKeys };
const sealedByOld = createVault([oldKey]);
const sealedByNext = createVault([nextKey]);

let planted: PlantedFleet;
beforeEach(async () => {
  planted = await plantFleet();
});
afterEach(() => planted.close());

const refreshTokenOf = (id: string): string => `refresh-token-of-${id}`;

/** More than two pages. */
const many = 1_201;

async function plantAccounts(count: number, vault = sealedByOld): Promise<AccountId[]> {
  const ids = Array.from({ length: count }, () => newId<AccountId>());
  await planted.worker(async (tx) => {
    await tx.$executeRaw`delete from calendar_accounts where data_key = 'sealed'`;
    const rows = ids.map((id) => {
      const dataKey = vault.newDataKey(id);
      const plaintext = refreshTokenOf(id);
      const sealed = vault.seal({ accountId: id, dataKey, field: 'refresh_token', plaintext });
      return { id, data_key: dataKey.toString('hex'), refresh_token: sealed.toString('hex') };
    });
    await tx.$executeRaw`
      insert into calendar_accounts (id, user_id, provider, data_key, refresh_token, created_at, updated_at)
      select id, 'ada', 'google', decode(data_key, 'hex'), decode(refresh_token, 'hex'), ${at}, ${at}
      from json_to_recordset(${JSON.stringify(rows)}::json) as x(id uuid, data_key text, refresh_token text)`;
  });
  return ids;
}

interface Stored {
  id: AccountId;
  data_key: Uint8Array;
  refresh_token: Uint8Array;
}

const storedAccounts = (): Promise<Stored[]> =>
  planted.worker((tx) => tx.$queryRaw<Stored[]>`select id, data_key, refresh_token from calendar_accounts`);

const opened = (vault: typeof sealedByOld, { id, data_key, refresh_token }: Stored): string =>
  vault.open({
    accountId: id,
    dataKey: Buffer.from(data_key),
    field: 'refresh_token',
    sealed: Buffer.from(refresh_token),
  });

const keysLeft = async (): Promise<string[]> => [
  ...new Set((await planted.worker(countDataKeys)).map(({ key_id }) => key_id)),
];

/** A trip to a consent page, and the answer that is kept of it. */
async function plantTrip(): Promise<string> {
  const id = newId<string>();
  const dataKey = sealedByOld.newDataKey(id);
  const seal = (field: string) =>
    sealedByOld.seal({ accountId: id, dataKey, field, plaintext: `${field} of a trip` });
  const user = { userId: 'ada', now: at };
  await planted.fleet.db.transaction({ role: 'api', userId: 'ada' }, async (tx) => {
    await api.insertOauthState(tx, {
      ...user,
      id,
      provider: 'google',
      access: 'read',
      stateHash: new Uint8Array(randomBytes(32)),
      dataKey: new Uint8Array(dataKey),
      codeVerifier: new Uint8Array(seal('code_verifier')),
      nonce: 'n',
      redirectUri: null,
      expiresAt: new Date(at.getTime() + 600_000),
    });
    await api.claimKey(tx, { ...user, key: 'trip', requestHash: new Uint8Array(randomBytes(32)) });
    const response = { id, data_key: dataKey.toString('base64'), sealed: seal('answer').toString('base64') };
    await api.storeAnswer(tx, { ...user, key: 'trip', status: 200, response });
    await api.claimKey(tx, { ...user, key: 'other', requestHash: new Uint8Array(randomBytes(32)) });
    await api.storeAnswer(tx, { ...user, key: 'other', status: 202, response: { id, state: 'pending' } });
  });
  return id;
}

test('everything that the ring seals is on its first key afterwards, and opens without the old one', async () => {
  const ids = await plantAccounts(many);
  await plantAccounts(5, sealedByNext);
  await planted.worker(
    (tx) => tx.$executeRaw`
      update calendar_accounts set status = 'disconnected' where id = any(${ids.slice(0, 3)}::uuid[])`,
  );
  const trip = await plantTrip();
  expect(await showKeyRings(planted.fleet, rings)).toBe(1);
  expect(planted.printed().at(-1)).toBe(`${many + 2} data keys and 2 channels are on old keys.`);

  expect(await rotateTokenKeys(planted.fleet, rings)).toBe(0);
  expect(planted.printed().map((line) => line.split(/ {2,}/))).toEqual([
    ['what', 'sealed anew', 'already', 'key unknown', 'does not open', 'left'],
    ['accounts', `${many - 3}`, '5', '0', '0', '0'],
    ['disconnected accounts', '3', '0', '0', '0', '0'],
    ['trips to a consent page', '1', '0', '0', '0', '0'],
    ['kept answers', '1', '0', '0', '0', '0'],
    ['Everything is sealed by t2.'],
  ]);
  expect(await keysLeft()).toEqual(['t2']);
  const accounts = await storedAccounts();
  expect(accounts).toHaveLength(many + 5);
  for (const row of accounts) expect(opened(sealedByNext, row)).toBe(refreshTokenOf(row.id));
  const { state, answers } = await planted.worker(async (tx) => ({
    state: await tx.$queryRaw<{ data_key: Uint8Array; code_verifier: Uint8Array }[]>`
      select data_key, code_verifier from calendar_oauth_states`,
    answers: await tx.$queryRaw<{ key: string; response: { data_key: string; sealed: string } }[]>`
      select key, response from calendar_idempotency_keys order by key desc`,
  }));
  const open = (field: string, dataKey: Buffer, sealed: Buffer) =>
    sealedByNext.open({ accountId: trip, dataKey, field, sealed });
  const [{ data_key, code_verifier } = { data_key: '', code_verifier: '' }] = state;
  expect(open('code_verifier', Buffer.from(data_key), Buffer.from(code_verifier))).toMatch(/of a trip/);
  const [kept, other] = answers.map(({ response }) => response);
  const [dataKey, sealed] = [kept?.data_key ?? '', kept?.sealed ?? ''];
  expect(dataKey).toMatch(/^[A-Za-z0-9+/]+=*$/);
  expect(open('answer', Buffer.from(dataKey, 'base64'), Buffer.from(sealed, 'base64'))).toMatch(/of a trip/);
  expect(other).toEqual({ id: trip, state: 'pending' });
  // Channels move by themselves.
  expect(await showKeyRings(planted.fleet, rings)).toBe(1);
  expect(planted.printed().at(-1)).toBe('0 data keys and 2 channels are on old keys.');
  await planted.worker(
    (tx) => tx.$executeRaw`delete from calendar_sync_channels where signing_key_id = 'k1'`,
  );
  expect(await showKeyRings(planted.fleet, rings)).toBe(0);
  expect(planted.printed().at(-1)).toBe('0 data keys and 0 channels are on old keys.');
});

test('begun again it changes nothing, and the audit log says what was done, and by whom', async () => {
  await plantAccounts(3);
  await rotateTokenKeys(planted.fleet, rings);
  const before = await storedAccounts();
  expect(await rotateTokenKeys(planted.fleet, rings)).toBe(0);
  expect(await storedAccounts()).toEqual(before);
  const rows = await planted.worker(
    (tx) => tx.$queryRaw<{ actor: string; target: string; facts: unknown }[]>`
      select actor, target, facts from audit_log where action = 'token_keys.rotated' order by id`,
  );
  expect(rows).toMatchObject([
    { target: 'token_key:t2', facts: { resealed: 3, left: 0 } },
    { target: 'token_key:t2', facts: { resealed: 0, left: 0 } },
  ]);
  expect(rows[0]?.actor).toMatch(/^operator:.+/);
});

test('killed between two pages it goes on where it stood', async () => {
  await plantAccounts(many);
  const { db } = planted.fleet;
  let left = 5;
  const dying: Database = {
    ...db,
    transaction: async (options, work) => {
      if ((left -= 1) < 0) throw new Error('killed');
      return db.transaction(options, work);
    },
  };
  await expect(rotateTokenKeys({ ...planted.fleet, db: dying }, rings)).rejects.toThrow('killed');
  expect((await keysLeft()).toSorted()).toEqual(['t1', 't2']);
  expect(await rotateTokenKeys(planted.fleet, rings)).toBe(0);
  expect(planted.printed()).toContainEqual(expect.stringMatching(/^accounts +201 +1000 /));
  expect(await keysLeft()).toEqual(['t2']);
});

test('a row that somebody holds is waited for by nobody; what was put there meanwhile stays', async () => {
  const [held] = await plantAccounts(20);
  if (!held) throw new Error('There is no account.');
  const other = openDatabase({
    url: planted.fleet.config.databaseUrl,
    poolSize: 1,
    applicationName: 'calfleet-test-holder',
  });
  const refreshed = 'rotated by its provider';
  let goOn: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (goOn = resolve));
  let holds = false;
  // Connected anew by a process that seals with the old key still, and a refresh token that must not be lost.
  const dataKey = sealedByOld.newDataKey(held);
  const sealed = sealedByOld.seal({ accountId: held, dataKey, field: 'refresh_token', plaintext: refreshed });
  const holding = other.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      update calendar_accounts set data_key = ${dataKey}, refresh_token = ${sealed} where id = ${held}::uuid`;
    holds = true;
    await told;
  });
  await eventually(() => holds);
  const rotation = rotateTokenKeys(planted.fleet, rings);
  await eventually(async () => {
    const rows = await planted.worker(countDataKeys);
    expect(rows).toContainEqual({ holder: 'accounts', key_id: 't2', keys: 19 });
  });
  goOn();
  await holding;
  await other.close();
  expect(await rotation).toBe(0);
  const row = (await storedAccounts()).find(({ id }) => id === held);
  expect(row && opened(sealedByNext, row)).toBe(refreshed);
});

test('a grant that is renewed between the look and the replacement is not overwritten', async () => {
  const [renewed] = await plantAccounts(3);
  if (!renewed) throw new Error('There is no account.');
  const { db } = planted.fleet;
  const fresh = 'of a new consent';
  let transactions = 0;
  const overtaken: Database = {
    ...db,
    transaction: async (options, work) => {
      // Counted, read; now it would be replaced.
      if ((transactions += 1) === 3) {
        const dataKey = sealedByOld.newDataKey(renewed);
        const sealed = sealedByOld.seal({
          accountId: renewed,
          dataKey,
          field: 'refresh_token',
          plaintext: fresh,
        });
        await planted.worker(
          (tx) => tx.$executeRaw`
            update calendar_accounts set data_key = ${dataKey}, refresh_token = ${sealed}
             where id = ${renewed}::uuid`,
        );
      }
      return db.transaction(options, work);
    },
  };
  expect(await rotateTokenKeys({ ...planted.fleet, db: overtaken }, rings)).toBe(0);
  const row = (await storedAccounts()).find(({ id }) => id === renewed);
  expect(row && opened(sealedByNext, row)).toBe(fresh);
});

test('what does not open is left as it is, counted, and the exit code says so', async () => {
  const [moved, lost] = await plantAccounts(3);
  const foreign = createVault([newKey('t0')]).newDataKey(String(lost));
  await planted.worker(
    (tx) => tx.$executeRaw`
      update calendar_accounts
         set data_key = case id when ${moved}::uuid then ${sealedByOld.newDataKey('another')}::bytea else ${foreign}::bytea end
       where id in (${moved}::uuid, ${lost}::uuid)`,
  );
  expect(await rotateTokenKeys(planted.fleet, rings)).toBe(1);
  const said = planted.printed();
  expect(said[1]?.split(/ {2,}/)).toEqual(['accounts', '1', '0', '1', '1', '2']);
  expect(said.at(-1)).toBe('2 data keys are not sealed by t2.');
  expect((await keysLeft()).toSorted()).toEqual(['t0', 't1', 't2']);
});

test('shredded: without its data key nothing of an account opens; nor from a backup, once the old key is destroyed', async () => {
  const [shredded, living] = await plantAccounts(2);
  const backup = (await storedAccounts()).find(({ id }) => id === shredded);
  if (!backup || !shredded) throw new Error('There is no account.');
  await planted.worker((tx) => tx.$executeRaw`delete from calendar_accounts where id = ${shredded}::uuid`);
  await rotateTokenKeys(planted.fleet, rings);
  const both = createVault([nextKey, oldKey]);
  const reasonOf = (vault: typeof both, row: Stored): string => {
    try {
      return opened(vault, row);
    } catch (error) {
      if (error instanceof VaultError) return error.reason;
      throw error;
    }
  };
  // Its tokens, with every data key that is left and the whole ring.
  const left = await storedAccounts();
  expect(left.map(({ id }) => id)).toEqual([living]);
  for (const { data_key } of left) {
    expect(reasonOf(both, { ...backup, data_key })).toBe('does_not_open');
    expect(reasonOf(both, { ...backup, data_key, id: living ?? shredded })).toBe('does_not_open');
  }
  // The whole row, data key and all: as long as the key lives that sealed it, a backup is as good as the row.
  expect(reasonOf(both, backup)).toBe(refreshTokenOf(shredded));
  expect(reasonOf(sealedByNext, backup)).toBe('unknown_key');
});
