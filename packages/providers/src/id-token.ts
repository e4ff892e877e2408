/** What an identity token says (OpenID Connect Core, 2). Its signature is not looked at. */
import { parseJson } from './http.ts';
import { isJson, textOf, type Json } from './json.ts';

export interface Claims {
  iss: string;
  aud: string;
  /** Seconds since 1970. */
  exp: number;
  nonce: string | null;
  all: Json;
}

/** Null for what is no token with issuer, audience and end. */
export function readClaims(token: string): Claims | null {
  const [, payload, , ...rest] = token.split('.');
  if (payload === undefined || rest.length > 0) return null;
  const all = parseJson(Buffer.from(payload, 'base64url').toString('utf8'));
  if (!isJson(all)) return null;
  const [iss, aud, exp] = [textOf(all['iss']), textOf(all['aud']), all['exp']];
  if (iss === null || aud === null || typeof exp !== 'number') return null;
  return { iss, aud, exp, nonce: textOf(all['nonce']), all };
}
