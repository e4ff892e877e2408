/**
 * What a browser that goes to a provider for consent is known by when it comes back. It has no key and names no user: the
 * hash of its state opens that one row (docs/decisions/0034).
 */
import type { Access } from '@calfleet/domain';
import type { Transaction } from '../transaction.ts';

export interface OauthState {
  id: string;
  userId: string;
  provider: string;
  access: Access;
  /** The row's own data key, wrapped; and the verifier sealed under it. */
  dataKey: Uint8Array;
  codeVerifier: Uint8Array;
  nonce: string;
  redirectUri: string | null;
  expiresAt: Date;
}

/** @param state.stateHash SHA-256 of what the browser carries */
export async function insertOauthState(
  tx: Transaction,
  state: OauthState & { stateHash: Uint8Array; now: Date },
): Promise<void> {
  await tx.$executeRaw`
    insert into calendar_oauth_states (id, user_id, provider, state_hash, access, data_key, code_verifier, nonce,
      redirect_uri, created_at, expires_at)
    values (${state.id}::uuid, ${state.userId}, ${state.provider}, ${state.stateHash}, ${state.access},
      ${state.dataKey}, ${state.codeVerifier}, ${state.nonce}, ${state.redirectUri},
      ${state.now.toISOString()}::timestamptz, ${state.expiresAt.toISOString()}::timestamptz)`;
}

/** Won once: whoever comes later finds it used. Says nothing of whether it is over. */
export async function takeOauthState(
  tx: Transaction,
  { stateHash, now }: { stateHash: Uint8Array; now: Date },
): Promise<OauthState | 'used' | 'unknown'> {
  const hex = Buffer.from(stateHash).toString('hex');
  await tx.$queryRaw`select set_config('calfleet.oauth_state_hash', ${hex}, true)`;
  const [taken] = await tx.$queryRaw<OauthState[]>`
    update calendar_oauth_states set used_at = ${now.toISOString()}::timestamptz
     where state_hash = ${stateHash} and used_at is null
    returning id, user_id as "userId", provider, access, data_key as "dataKey", code_verifier as "codeVerifier",
      nonce, redirect_uri as "redirectUri", expires_at as "expiresAt"`;
  if (taken) return taken;
  const known = await tx.$queryRaw<unknown[]>`
    select 1 as known from calendar_oauth_states where state_hash = ${stateHash}`;
  return known.length > 0 ? 'used' : 'unknown';
}
