/**
 * Before Graph accepts a subscription it asks the address to say a token back, once for each of its addresses and
 * before our own request has returned: so this needs nothing, neither Redis nor a watch.
 * https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
 */
import type { Response } from 'express';
import { sendProblem } from './problem.ts';

/** Real ones have about 150 characters. */
export const validationTokenCharsMax = 4096;

/**
 * The token decoded once, as the form encoding that it is: `+` is a space and `%2B` a plus. null when there is none;
 * of several the first.
 */
export function readValidationToken(url: string): string | null {
  const query = url.indexOf('?');
  return query === -1 ? null : new URLSearchParams(url.slice(query)).get('validationToken');
}

/** Anybody may ask, so the token goes back as plain text that no browser takes for anything else. */
export function sayBack(response: Response, token: string): 'accepted' | 'malformed' | 'too_large' {
  if (token === '') {
    sendProblem(response, 'invalid_input', {
      detail: 'Wrong parameters: validationToken',
      errors: [{ path: 'validationToken', message: 'is empty' }],
    });
    return 'malformed';
  }
  if (token.length > validationTokenCharsMax) {
    sendProblem(response, 'too_large', { detail: 'The validation token is too long' });
    return 'too_large';
  }
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.status(200).end(token);
  return 'accepted';
}
