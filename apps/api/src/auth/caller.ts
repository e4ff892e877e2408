/** Who is calling: a key, which acts for any user it names, or a user by a token of your own sign-in. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ApiKeyScope, Database } from '@calfleet/db';
import { SyncError, type Clock } from '@calfleet/domain';
import type { Logger } from '@calfleet/telemetry';
import { invalid, RequestProblem } from '../problems.ts';
import { createJwtCheck, looksLikeJwt, type JwtSettings } from './jwt.ts';
import { createKeyLookup } from './key-lookup.ts';
import { createKeySet } from './key-set.ts';
import type { Refusal, Refusals } from './refusals.ts';

export type Caller =
  /** `id` is `environment` for CALFLEET_ADMIN_KEY. */
  { kind: 'key'; id: string; scope: ApiKeyScope } | { kind: 'user'; userId: string };

/** @throws RequestProblem `not_authenticated` @throws SyncError `provider_unavailable`: nobody can say at the moment */
export type Identify = (credential: string, request: IncomingMessage) => Promise<Caller>;

export interface IdentifyOptions {
  config: { adminKey: string; jwt: JwtSettings };
  db: Database;
  clock: Clock;
  logger: Logger;
  refusals: Refusals;
}

/** The key of the environment needs no database, so that an operator is known whatever else is away. */
export function createIdentify({ config, db, clock, logger, refusals }: IdentifyOptions): Identify {
  const lookUpKey = createKeyLookup({ db, clock });
  const { keySetUrl: url } = config.jwt;
  const onError = (error: Error) => logger.warn('The keys of the sign-in could not be read', { error });
  const verifyJwt = createJwtCheck(config.jwt, url === null ? null : createKeySet({ url, onError }));

  const judge = async (credential: string): Promise<Caller | { refused: Refusal }> => {
    if (isSame(credential, config.adminKey)) return { kind: 'key', id: 'environment', scope: 'admin' };
    if (looksLikeJwt(credential)) {
      const verdict = await verifyJwt(credential, clock.now());
      return 'refused' in verdict ? { refused: `token_${verdict.refused}` } : { kind: 'user', ...verdict };
    }
    const verdict = await lookUpKey(credential);
    return 'refused' in verdict ? { refused: `key_${verdict.refused}` } : { kind: 'key', ...verdict };
  };
  return async (credential, request) => {
    const verdict = await judge(credential);
    if (!('refused' in verdict)) return verdict;
    refusals.count(verdict.refused, addressOf(request));
    throw notKnown();
  };
}

/** One answer for whatever is wrong with it: the difference helps only who guesses. */
const notKnown = (): RequestProblem =>
  new RequestProblem('not_authenticated', 'Send a valid key or token as "Authorization: Bearer <key>"');

/** @throws as {@link Identify} */
export async function authenticate(request: IncomingMessage, identify: Identify): Promise<Caller> {
  const [, credential] = /^Bearer +([^\s]+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  if (credential === undefined) throw notKnown();
  return identify(credential, request);
}

export const isAdmin = (caller: Caller): boolean => caller.kind === 'key' && caller.scope === 'admin';

/** As the audit log and the limits know a caller; never by a secret. */
export const nameOf = (caller: Caller): string =>
  caller.kind === 'key' ? `key:${caller.id}` : `user:${caller.userId}`;

/** Digests have one length, so that the comparison takes the same time whatever was sent. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * The user that a call is about. Who came with a token is that user and nobody else.
 * @throws RequestProblem `not_allowed`: a token of one user, and another one named
 * @throws RequestProblem `invalid_input`
 */
export function userOf(caller: Caller, request: IncomingMessage): string {
  if (caller.kind === 'key') return namedUser(request);
  const named = request.headersDistinct['x-user-id'] ?? [];
  if (named.every((name) => textOf(name) === caller.userId)) return caller.userId;
  throw new RequestProblem('not_allowed', 'X-User-Id names another user than the token');
}

/** A user exists as soon as it is named. @throws RequestProblem `invalid_input` */
function namedUser(request: IncomingMessage): string {
  const given = request.headersDistinct['x-user-id'] ?? [];
  const userId = textOf(given[0] ?? '');
  if (userId === '') throw invalid('X-User-Id', 'is missing: name the user that you act for');
  if (given.length > 1) throw invalid('X-User-Id', 'is given more than once');
  if (userId.length > 255) throw invalid('X-User-Id', 'has more than 255 characters');
  if (/\p{Cc}/u.test(userId)) throw invalid('X-User-Id', 'holds a control character');
  return userId;
}

/** Headers are bytes, which Node reads as Latin-1: so that a user has one name by key and by token, UTF-8 is read as such. */
function textOf(header: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}

export const addressOf = (request: IncomingMessage): string => request.socket.remoteAddress ?? '';

export const isUnknownCaller = (thrown: unknown): boolean =>
  thrown instanceof SyncError && thrown.code === 'not_authenticated';
