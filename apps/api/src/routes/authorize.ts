import { z } from 'zod';
import { api } from '@calfleet/db';
import { newId, type ConsentEndpoint, type ProviderName } from '@calfleet/domain';
import type { Vault } from '@calfleet/vault';
import { callbackUrl } from '../connect/callback.ts';
import { hashOfState, newSecret, stateLifeMs, verifierField } from '../connect/secrets.ts';
import type { Context } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { instant } from '../answers/times.ts';
import { plainText } from '../requests/input.ts';
import { forUser } from '../route.ts';
import { performWrite } from '../writes.ts';

const wish = z.strictObject({
  redirect_uri: z
    .string({ error: 'must be text' })
    .max(2048)
    .optional()
    .describe('Where the browser is sent in the end, one of OAUTH_REDIRECT_URIS; left out: a small page.'),
  access: z.enum(['read', 'read_write'], { error: 'must be read or read_write' }),
  // RFC 5321: an address has 254 characters at most.
  login_hint: plainText({ max: 254 }).optional().describe('The address that the page shall offer.'),
});

const authorized = {
  summary: 'Begins a consent: where to send the browser of the user',
  body: wish,
  answers: {
    200: z.object({
      authorization_url: z.url(),
      state: z
        .string()
        .describe('Comes back with the browser, so that you can see that it is the one you sent.'),
      expires_at: instant.describe('Ten minutes from now.'),
    }),
  },
  problems: ['not_found'],
} as const;

/** The address that the user's browser is to be sent to. What comes back is taken by the callback. */
export const authorizeAccount = forUser(authorized, async (context, call, { body }) => {
  const { redirect_uri: redirectUri = null, access, login_hint: loginHint = null } = body;
  const { provider, consent, connect } = consentOf(context, call.params['provider']);
  if (redirectUri !== null && !connect.redirectUris.includes(redirectUri)) {
    throw invalid('redirect_uri', 'is not one of OAUTH_REDIRECT_URIS');
  }
  const { clock, vault } = context;
  const written = await performWrite(context, call, {
    work: async (tx) => {
      const now = clock.now();
      const id = newId<string>();
      const dataKey = vault.newDataKey(id);
      const [state, nonce, codeVerifier] = [newSecret(), newSecret(), newSecret()];
      const expiresAt = new Date(now.getTime() + stateLifeMs);
      await api.insertOauthState(tx, {
        id,
        userId: call.userId,
        provider,
        access,
        stateHash: hashOfState(state),
        dataKey: new Uint8Array(dataKey),
        codeVerifier: new Uint8Array(
          vault.seal({ accountId: id, dataKey, field: verifierField, plaintext: codeVerifier }),
        ),
        nonce,
        redirectUri,
        expiresAt,
        now,
      });
      const authorizationUrl = consent.authorizationUrl({
        access,
        state,
        nonce,
        codeVerifier,
        redirectUri: callbackUrl(connect, provider),
        loginHint,
      });
      const answer = { authorization_url: authorizationUrl, state, expires_at: expiresAt };
      return { status: 200, body: sealAnswer(vault, { id, dataKey }, answer) };
    },
  });
  return { ...written, body: openAnswer(vault, written.body) };
});

/** @throws RequestProblem */
function consentOf(
  { connect }: Context,
  name: string | undefined,
): { provider: ProviderName; consent: ConsentEndpoint; connect: NonNullable<Context['connect']> } {
  if (name !== 'google' && name !== 'microsoft') throw notFound();
  const consent = connect?.consents.get(name);
  if (!connect || !consent) throw invalid('provider', 'is switched off here');
  return { provider: name, consent, connect };
}

/** First answers are kept for a day; whoever reads them there must not find a state. */
const answerField = 'authorize_answer';
const sealedAnswer = z.object({ id: z.string(), data_key: z.string(), sealed: z.string() });

const sealAnswer = (vault: Vault, { id, dataKey }: { id: string; dataKey: Buffer }, answer: unknown) => ({
  id,
  data_key: dataKey.toString('base64'),
  sealed: vault
    .seal({ accountId: id, dataKey, field: answerField, plaintext: JSON.stringify(answer) })
    .toString('base64'),
});

function openAnswer(vault: Vault, body: unknown): unknown {
  const { id, data_key, sealed } = sealedAnswer.parse(body);
  const plaintext = vault.open({
    accountId: id,
    dataKey: Buffer.from(data_key, 'base64'),
    field: answerField,
    sealed: Buffer.from(sealed, 'base64'),
  });
  return JSON.parse(plaintext) as unknown;
}
