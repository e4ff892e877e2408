/** Where providers send browsers back to. The browser shows no key: what it carries was given out by us (finish.ts). */
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ProviderName } from '@calfleet/domain';
import { addressOf } from '../auth/caller.ts';
import type { Connect } from '../context.ts';
import { notFound } from '../problems.ts';
import { forEverybody, type OpenRoute } from '../route.ts';
import { endings } from './endings.ts';
import { finishConsent, type Arrival, type Finish, type Returned } from './finish.ts';
import { endPage, pagePolicy } from './page.ts';

const prefix = '/integrations/calendar/oauth';

/** As registered with the provider, to the letter. */
export const callbackUrl = ({ publicUrl }: Connect, provider: ProviderName): string =>
  new URL(`.${prefix}/${provider}/callback`, publicUrl).href;

/** Providers' codes have up to some 2,000 characters, and they add parameters as they please. */
const textMax = 4096;

const page = (description: string) => ({ description, type: 'text/html' });
const brought = z.string().max(textMax).optional();

const returned = {
  summary: 'Where providers send browsers back to',
  details:
    'For browsers: the address is registered with the provider, to the letter. Whatever else a provider adds is passed over.',
  query: z.object({
    state: brought.describe('As it was given out; good once.'),
    code: brought,
    error: brought,
    iss: brought,
  }),
  answers: {
    200: page('Connected; a small page, where no `redirect_uri` was named.'),
    302: {
      description:
        'Home to `redirect_uri`, with `state` and either `account_id` or `error` and `error_description`. Errors: ' +
        Object.keys(endings)
          .map((word) => `\`${word}\``)
          .join(', '),
      type: null,
    },
    400: page('Not connected, and why.'),
    503: page('The provider does not answer.'),
  },
  problems: ['not_found', 'provider_unavailable'],
} as const;

const serveCallback: OpenRoute['serve'] = (context) => async (request, response) => {
  const name = request.params['provider'];
  const { connect } = context;
  if ((name !== 'google' && name !== 'microsoft') || !connect) throw notFound();
  const consent = connect.consents.get(name);
  // A look that is no visit (link checkers send HEAD) must not use up a state.
  if (!consent || request.method !== 'GET') throw notFound();
  const requestId = String(response.getHeader('x-request-id'));
  const logger = context.logger.child({ request_id: requestId });
  const callback = callbackUrl(connect, name);
  const arrival: Arrival = {
    provider: name,
    consent,
    callback,
    returned: readReturned(request),
    address: addressOf(request),
    logger,
    requestId,
  };
  answer(response, await finishConsent(context, arrival));
};

export const oauthCallback: OpenRoute = { ...forEverybody(returned, serveCallback), audience: 'callers' };

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
