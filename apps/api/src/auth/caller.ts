/** Who is calling: an admin key, and the user that it acts for. API keys and JWTs will stand beside it. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { invalid, RequestProblem } from '../problems.ts';

/** @throws RequestProblem `not_authenticated` */
export function authenticate(request: IncomingMessage, adminKey: string): void {
  const [, token] = /^Bearer +([^\s]+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined || !isSame(token, adminKey)) {
    throw new RequestProblem('not_authenticated', 'Send a valid key as "Authorization: Bearer <key>"');
  }
}

/** Digests have one length, so that the comparison takes the same time whatever was sent. */
export const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A user exists as soon as it is named. @throws RequestProblem `invalid_input` */
export function namedUser(request: IncomingMessage): string {
  const given = request.headersDistinct['x-user-id'] ?? [];
  const [userId = ''] = given;
  if (userId === '') throw invalid('X-User-Id', 'is missing: name the user that you act for');
  if (given.length > 1) throw invalid('X-User-Id', 'is given more than once');
  if (userId.length > 255) throw invalid('X-User-Id', 'has more than 255 characters');
  if (/\p{Cc}/u.test(userId)) throw invalid('X-User-Id', 'holds a control character');
  return userId;
}
