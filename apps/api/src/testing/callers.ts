/** Callers of every kind for tests: keys as an operator makes them, and a sign-in that publishes its keys. */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { insertApiKey, revokeApiKey, type ApiKeyScope } from '@calfleet/db';
import { createApiKey, type NewApiKey } from '@calfleet/vault';
import type { House } from './house.ts';

export async function makeKey(
  { db, clock }: House,
  { scope, expiresMs }: { scope: ApiKeyScope; expiresMs?: number },
): Promise<NewApiKey> {
  const key = createApiKey();
  const at = clock.now();
  const expires_at = expiresMs === undefined ? null : new Date(at.getTime() + expiresMs);
  await db.transaction({ role: 'worker' }, (tx) =>
    insertApiKey(tx, { ...key, name: null, scope, at, expires_at }),
  );
  return key;
}

export const revoke = ({ db, clock }: House, { id }: { id: string }) =>
  db.transaction({ role: 'worker' }, (tx) => revokeApiKey(tx, { id, at: clock.now() }));

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function signHs256(claims: object, secret: string): string {
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export function signEs256(
  claims: object,
  { kid, privateKey }: { kid: string; privateKey: KeyObject },
): string {
  const signed = `${part({ alg: 'ES256', kid })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

export interface SignIn {
  url: string;
  /** How often its keys were read. */
  reads: () => number;
  /** Publishes these keys and no others. */
  publish(...keys: { kid: string; publicKey: KeyObject }[]): void;
  /** Answers so from now on; 200 is as usual. */
  answer(status: number): void;
  close(): Promise<void>;
}

export const newKeyOf = (kid: string) => ({ kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });

export async function openSignIn(): Promise<SignIn> {
  let body = JSON.stringify({ keys: [] });
  let status = 200;
  let reads = 0;
  const server = createServer((_request, response) => {
    reads += 1;
    response.writeHead(status, { 'content-type': 'application/json', location: '/elsewhere' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    reads: () => reads,
    publish: (...keys) => {
      body = JSON.stringify({
        keys: keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' })),
      });
    },
    answer: (other) => {
      status = other;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
