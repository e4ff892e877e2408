/** Authorization codes: what a consent hands to the browser, good for one exchange within ten minutes (RFC 6749, 4.1.2). */
import { createHash } from 'node:crypto';

/** Both providers' codes live about that long. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow */
export const CODE_TTL_MS = 600_000;
const CODES_MAX = 10_000;
export const CODE_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export interface AuthorizationRequest {
  clientId: string;
  redirectUri: string;
  scopes: string[];
  state: string | null;
  nonce: string | null;
  challenge: { text: string; method: 'S256' | 'plain' } | null;
  loginHint: string | null;
  prompt: string | null;
}

export interface AuthorizationCode {
  request: AuthorizationRequest;
  /** Google: address of the account. Microsoft: object id of the mailbox. */
  account: string;
  granted: string[];
  givesRefreshToken: boolean;
  /** As the browser reached us, for the identity token. */
  issuer: string;
  expiresAtMs: number;
  isUsed: boolean;
}

export class Codes {
  private readonly codes = new Map<string, AuthorizationCode>();

  add(text: string, code: AuthorizationCode): void {
    if (this.codes.size >= CODES_MAX) this.codes.clear();
    this.codes.set(text, code);
  }

  get(text: string): AuthorizationCode | undefined {
    return this.codes.get(text);
  }

  clear(): void {
    this.codes.clear();
  }
}

/** @returns the error word of a request that its client may be told about, if there is one */
export function readRequest(params: URLSearchParams): AuthorizationRequest | { error: string } {
  const challenge = params.get('code_challenge');
  const method = params.get('code_challenge_method') ?? 'plain';
  if (params.get('response_type') !== 'code') return { error: 'unsupported_response_type' };
  if (method !== 'S256' && method !== 'plain') return { error: 'invalid_request' };
  const scopes = (params.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
  if (scopes.length === 0) return { error: 'invalid_scope' };
  return {
    clientId: params.get('client_id') ?? '',
    redirectUri: params.get('redirect_uri') ?? '',
    scopes,
    state: params.get('state'),
    nonce: params.get('nonce'),
    challenge: challenge === null ? null : { text: challenge, method },
    loginHint: params.get('login_hint'),
    prompt: params.get('prompt'),
  };
}

/** Whether the verifier belongs to the challenge (RFC 7636, 4.6); where none was made, none may come. */
export function provesChallenge({ challenge }: AuthorizationRequest, verifier: string | null): boolean {
  if (challenge === null || verifier === null) return challenge === null && verifier === null;
  const derived =
    challenge.method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url');
  return derived === challenge.text;
}

/** A JWT that nobody can verify: the sandbox has no keys, and clients that got it over TLS need none. */
export function idToken(claims: Record<string, unknown>, signature: string): string {
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return [encoded({ alg: 'RS256', typ: 'JWT', kid: 'sandbox' }), encoded(claims), signature].join('.');
}

/** What a person decides on the page. */
export interface Decision {
  account: string;
  allow: boolean;
  /** Left out: everything that was asked for. */
  scopes?: string[] | undefined;
}

/** What of the scopes that were asked for is given. @param signIn nobody can untick these */
export const tickedOf = (
  { scopes }: AuthorizationRequest,
  decision: Decision,
  signIn: ReadonlySet<string>,
): string[] => scopes.filter((scope) => signIn.has(scope) || (decision.scopes?.includes(scope) ?? true));

export const decisionOf = (form: URLSearchParams): Decision => ({
  account: form.get('account') ?? '',
  allow: form.get('decision') === 'allow',
  scopes: form.getAll('scope'),
});
