/**
 * Envelope encryption of provider tokens: each account has a data key, sealed by a key of the ring; each field is
 * sealed by the data key. What a sealed value belongs to is authenticated with it, so that a value moved to another
 * account or column does not open. Rotating the ring re-seals data keys only.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** 32 secret bytes and the public name that sealed values carry. */
export interface VaultKey {
  id: string;
  key: Buffer;
}

export class VaultError extends Error {
  constructor(
    /** `unknown_key`: the ring lacks a key that it once had. `does_not_open`: tampered, moved, or cut off. */
    readonly reason: 'unknown_key' | 'does_not_open',
    message: string,
  ) {
    super(message);
    this.name = 'VaultError';
  }
}

export interface Vault {
  /** A fresh data key for an account, sealed by the first key of the ring. Store it; delete it to shred the account. */
  newDataKey(accountId: string): Buffer;
  /** The same data key sealed by the first key of the ring. @throws VaultError */
  resealDataKey(accountId: string, dataKey: Buffer): Buffer;
  /** The ring key that a data key is sealed by. @throws VaultError `does_not_open` */
  keyIdOf(dataKey: Buffer): string;
  /** @throws VaultError */
  seal(request: { accountId: string; dataKey: Buffer; field: string; plaintext: string }): Buffer;
  /** @throws VaultError */
  open(request: { accountId: string; dataKey: Buffer; field: string; sealed: Buffer }): string;
}

/** @param keys the first one seals, all of them open */
export function createVault(keys: readonly VaultKey[]): Vault {
  const [first] = keys;
  if (!first) throw new Error('A vault needs at least one key');
  const ring = new Map(keys.map((key) => [key.id, key]));

  const wrap = (accountId: string, plain: Buffer) =>
    sealWith(first, { accountId, field: dataKeyField }, plain);
  const unwrap = (accountId: string, dataKey: Buffer): VaultKey => {
    const id = readKeyId(dataKey);
    const key = ring.get(id);
    if (!key) throw new VaultError('unknown_key', `No token encryption key has the id "${id}"`);
    const plain = openWith(key, { accountId, field: dataKeyField }, dataKey);
    // Derived from the bytes: a field sealed by another data key says so instead of merely failing.
    return { id: createHash('sha256').update(plain).digest('hex').slice(0, 12), key: plain };
  };

  return {
    newDataKey: (accountId) => wrap(accountId, randomBytes(keyLength)),
    resealDataKey: (accountId, dataKey) => wrap(accountId, unwrap(accountId, dataKey).key),
    keyIdOf: readKeyId,
    seal: ({ accountId, dataKey, field, plaintext }) =>
      sealWith(unwrap(accountId, dataKey), { accountId, field }, Buffer.from(plaintext, 'utf8')),
    open: ({ accountId, dataKey, field, sealed }) => {
      const key = unwrap(accountId, dataKey);
      if (readKeyId(sealed) !== key.id) throw doesNotOpen();
      return openWith(key, { accountId, field }, sealed).toString('utf8');
    },
  };
}

/*
 * Sealed: version (1 byte) · length of the key id (1) · key id · nonce (12) · ciphertext · tag (16).
 * A nonce is random; with 96 bits and one key per account, a repeat would take billions of seals of one account.
 */
const version = 1;
const keyLength = 32;
const nonceLength = 12;
const tagLength = 16;
const dataKeyField = 'data_key';

interface Belonging {
  accountId: string;
  field: string;
}

/** Joined as JSON, so that no two belongings read alike. */
const belongingOf = ({ accountId, field }: Belonging, keyId: string): Buffer =>
  Buffer.from(JSON.stringify([version, keyId, accountId, field]));

function sealWith({ id, key }: VaultKey, belonging: Belonging, plaintext: Buffer): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength });
  cipher.setAAD(belongingOf(belonging, id));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const name = Buffer.from(id, 'ascii');
  return Buffer.concat([Buffer.from([version, name.length]), name, nonce, ciphertext, cipher.getAuthTag()]);
}

function openWith({ id, key }: VaultKey, belonging: Belonging, sealed: Buffer): Buffer {
  const body = sealed.subarray(2 + readKeyId(sealed).length);
  const nonce = body.subarray(0, nonceLength);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength });
  decipher.setAAD(belongingOf(belonging, id));
  decipher.setAuthTag(body.subarray(body.length - tagLength));
  try {
    return Buffer.concat([
      decipher.update(body.subarray(nonceLength, body.length - tagLength)),
      decipher.final(),
    ]);
  } catch {
    throw doesNotOpen();
  }
}

function readKeyId(sealed: Buffer): string {
  const [format, length = 0] = sealed;
  if (format !== version || length === 0 || sealed.length < 2 + length + nonceLength + tagLength) {
    throw doesNotOpen();
  }
  return sealed.toString('ascii', 2, 2 + length);
}

const doesNotOpen = () =>
  new VaultError(
    'does_not_open',
    'A sealed value does not open: it was changed, moved or sealed by another key',
  );
