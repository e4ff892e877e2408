/**
 * A browser is back from a provider. What it brings is believed as far as its state reaches: that names the user, once and
 * for minutes, and what was asked for. Everything else is refused and logged.
 */
import { api } from '@calfleet/db';
import { asSyncError, type Consent, type ConsentEndpoint, type ProviderName } from '@calfleet/domain';
import type { Logger } from '@calfleet/telemetry';
import { auditVisit, type Visitor } from '../audit.ts';
import type { StateRefusal } from '../auth/refusals.ts';
import type { Context } from '../context.ts';
import { ring } from '../writes.ts';
import { endingOfError, endingOfWord, type Ending } from './endings.ts';
import { keepGrant } from './keep.ts';
import { hashOfState, verifierField } from './secrets.ts';

/** What came back in the address; null for what did not, or not as one readable text. */
export interface Returned {
  state: string | null;
  code: string | null;
  error: string | null;
  issuer: string | null;
}

/** A trip that was begun here: the application may be told. */
interface Trip {
  redirectUri: string | null;
  state: string;
}

export type Finish =
  | (Trip & { accountId: string; email: string | null })
  | (Trip & { ending: Ending; missing: string[] })
  /** Nobody is told but the browser, and not why. */
  | { refused: StateRefusal };

export interface Arrival {
  provider: ProviderName;
  consent: ConsentEndpoint;
  /** Where the provider sent the browser. */
  callback: string;
  returned: Returned;
  /** Where the browser's connection comes from. */
  address: string;
  logger: Logger;
  requestId: string;
}

export async function finishConsent(context: Context, arrival: Arrival): Promise<Finish> {
  const { provider, returned, logger } = arrival;
  const { state } = returned;
  const refuse = (refused: StateRefusal): Finish => {
    context.refusals.count(`state_${refused}`, arrival.address);
    logger.warn('A return from a consent page was refused', { reason: refused, provider });
    return { refused };
  };
  if (state === null) return refuse('missing');
  const now = context.clock.now();
  const taken = await context.db.transaction({ role: 'api', userId: '' }, (tx) =>
    api.takeOauthState(tx, { stateHash: hashOfState(state), now }),
  );
  if (typeof taken === 'string') return refuse(taken);
  // A code of one provider must never be shown to another one (RFC 9700, 4.4).
  if (taken.provider !== provider) return refuse('other_provider');
  const trip = { redirectUri: taken.redirectUri, state };
  const visitor = { userId: taken.userId, address: arrival.address, requestId: arrival.requestId };
  const end = async (
    ending: Ending,
    facts: Record<string, unknown> = {},
    missing: string[] = [],
  ): Promise<Finish> => {
    await noteEnding(context, visitor, { provider, ending, ...(missing.length > 0 && { missing }) });
    logger[ending === 'misconfigured' ? 'error' : 'warn']('An account was not connected', {
      reason: ending,
      provider,
      ...facts,
    });
    return { ...trip, ending, missing };
  };
  if (taken.expiresAt <= now) return end('state_expired');
  if (returned.error !== null) return end(endingOfWord(returned.error), { said: wordOf(returned.error) });
  if (returned.code === null) return end('code_rejected');
  const given = await exchange(context, arrival, taken, returned.code);
  if ('ending' in given) return end(given.ending, given.facts);
  const { mailbox, missing, refreshToken, scopes } = given;
  if (missing.length > 0 || refreshToken === null) {
    return end('missing_scope', { missing: missing.join(' ') }, missing);
  }
  const kept = await keepGrant(context, { visitor, provider, mailbox, scopes, refreshToken });
  logger.info('An account was connected', { account_id: kept.accountId, provider, is_new: kept.isNew });
  await ring(context, arrival, kept.rings);
  return { ...trip, accountId: kept.accountId, email: mailbox.email };
}

/** Nothing came of it, so its user is told even where it cannot be written down. */
async function noteEnding(
  { db, clock, logger }: Context,
  visitor: Visitor,
  facts: Record<string, unknown>,
): Promise<void> {
  const act = { action: 'account.not_connected', at: clock.now(), facts };
  await db
    .transaction({ role: 'api', userId: visitor.userId }, (tx) => auditVisit(tx, visitor, act))
    .catch(() => logger.warn('A consent that came to nothing could not be written down', facts));
}

/** Only what looks like one of theirs is repeated in the log. */
const wordOf = (error: string): string => (/^\w{1,60}$/.test(error) ? error : 'something else');

async function exchange(
  { clock, vault }: Context,
  { consent, callback, returned }: Arrival,
  { id, access, nonce, ...sealed }: api.OauthState,
  code: string,
): Promise<Consent | { ending: Ending; facts: Record<string, unknown> }> {
  const codeVerifier = vault.open({
    accountId: id,
    dataKey: Buffer.from(sealed.dataKey),
    field: verifierField,
    sealed: Buffer.from(sealed.codeVerifier),
  });
  const request = {
    access,
    code,
    nonce,
    codeVerifier,
    redirectUri: callback,
    issuer: returned.issuer,
    clock,
  };
  try {
    return await consent.exchange(request);
  } catch (thrown) {
    const error = asSyncError(thrown);
    const ending = endingOfError(error);
    if (ending === null) throw thrown;
    return { ending, facts: { why: error.message, ...error.context } };
  }
}
