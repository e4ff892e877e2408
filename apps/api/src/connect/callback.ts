/** Where providers send browsers back to. The browser shows no key: what it carries was given out by us (finish.ts). */
import { Router, type Request, type Response } from 'express';
import type { ProviderName } from '@calfleet/domain';
import { addressOf } from '../auth/caller.ts';
import type { Connect, Context } from '../context.ts';
import { notFound } from '../problems.ts';
import { endings } from './endings.ts';
import { finishConsent, type Finish, type Returned } from './finish.ts';
import { endPage, pagePolicy } from './page.ts';

const prefix = '/integrations/calendar/oauth';

/** As registered with the provider, to the letter. */
export const callbackUrl = ({ publicUrl }: Connect, provider: ProviderName): string =>
  new URL(`.${prefix}/${provider}/callback`, publicUrl).href;

export function oauthCallback(context: Context): Router {
  const router = Router({ caseSensitive: true });
  router.get(`${prefix}/:provider/callback`, async (request, response) => {
    const name = request.params.provider;
    const { connect } = context;
    if ((name !== 'google' && name !== 'microsoft') || !connect) throw notFound();
    const consent = connect.consents.get(name);
    // A look that is no visit (link checkers send HEAD) must not use up a state.
    if (!consent || request.method !== 'GET') throw notFound();
    const requestId = String(response.getHeader('x-request-id'));
    const logger = context.logger.child({ request_id: requestId });
    const returned = readReturned(request);
    const callback = callbackUrl(connect, name);
    answer(
      response,
      await finishConsent(context, {
        provider: name,
        consent,
        callback,
        returned,
        address: addressOf(request),
        logger,
        requestId,
      }),
    );
  });
  return router;
}

/** Providers' codes have up to some 2,000 characters, and they add parameters as they please. */
const textMax = 4096;

function readReturned({ query }: Request): Returned {
  const one = (name: string): string | null => {
    const value = query[name];
    return typeof value === 'string' && value !== '' && value.length <= textMax ? value : null;
  };
  return { state: one('state'), code: one('code'), error: one('error'), issuer: one('iss') };
}

function answer(response: Response, finish: Finish): void {
  response.setHeader('cache-control', 'no-store');
  if ('refused' in finish) {
    return sendPage(response, 400, {
      title: 'This sign-in is not valid',
      text: 'It was used before, or was not begun here. Please begin again in your application.',
    });
  }
  if (finish.redirectUri !== null) return sendHome(response, finish.redirectUri, finish);
  if ('accountId' in finish) {
    const whose = finish.email === null ? 'Your calendars are' : `The calendars of ${finish.email} are`;
    return sendPage(response, 200, {
      title: 'Connected',
      text: `${whose} being read. You can close this page.`,
    });
  }
  const status = finish.ending === 'provider_unavailable' ? 503 : 400;
  sendPage(response, status, { title: 'Not connected', text: explain(finish) });
}

const explain = ({ ending, missing }: Extract<Finish, { ending: unknown }>): string =>
  missing.length === 0 ? endings[ending] : `${endings[ending]} Missing: ${missing.join(', ')}`;

/** The state goes along, so that the application can see that this browser is the one it sent off. */
function sendHome(
  response: Response,
  redirectUri: string,
  finish: Exclude<Finish, { refused: unknown }>,
): void {
  const url = new URL(redirectUri);
  if ('accountId' in finish) url.searchParams.set('account_id', finish.accountId);
  else {
    url.searchParams.set('error', finish.ending);
    url.searchParams.set('error_description', explain(finish));
  }
  url.searchParams.set('state', finish.state);
  response.status(302).setHeader('location', url.href);
  response.end();
}

function sendPage(response: Response, status: number, page: { title: string; text: string }): void {
  response.status(status).setHeader('content-security-policy', pagePolicy);
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(endPage(page));
}
