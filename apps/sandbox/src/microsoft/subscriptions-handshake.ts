/**
 * The validation of a subscription's addresses, before the request for it is answered: each has to repeat a token.
 * https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
 */
import { STATUS_CODES } from 'node:http';
import { guid } from './guid.ts';
import { newCarriers, postText, type Carriers, type PostAnswer } from './notifications-post.ts';
import { validationFailed } from './subscriptions-errors.ts';
import type { MicrosoftWorld } from './world.ts';

/**
 * Asks all addresses at once; the same address twice is asked twice.
 * @throws GraphError 400 InvalidRequest
 */
export async function validateAddresses(world: MicrosoftWorld, urls: readonly string[]): Promise<void> {
  // No kept connections: one that the receiver has just closed would look like a refusal.
  const carriers = newCarriers({ keepAlive: false });
  const failures = await Promise.all(urls.map((url) => failureOf(world, url, carriers)));
  const failure = failures.find((why) => why !== null);
  if (failure !== undefined) throw validationFailed(failure);
}

async function failureOf(world: MicrosoftWorld, url: string, carriers: Carriers): Promise<string | null> {
  const token = validationToken(world);
  const answer = await postText(
    withToken(url, escaped(token, world.quirks.validationTokenSpaces)),
    { contentType: 'text/plain; charset=utf-8', body: '' },
    { carriers, timeoutMs: world.quirks.validationTimeoutMs },
  );
  return complaint(answer, token);
}

function complaint(answer: PostAnswer, token: string): string | null {
  if (answer.isTimeout) return 'Subscription validation request timed out.';
  if (answer.status === 0) return 'The remote name could not be resolved or the connection was refused.';
  if (answer.status === 200) {
    if (!/^text\/plain\s*(;|$)/i.test(answer.contentType)) {
      return 'Validation response must have the content type text/plain.';
    }
    return answer.body === token ? null : 'Response must exactly match validationToken query parameter.';
  }
  if (answer.status < 400) {
    return 'Notification endpoint must respond with 200 OK to validation request.';
  }
  const name = (STATUS_CODES[answer.status] ?? String(answer.status)).replaceAll(/[^A-Za-z0-9]/g, '');
  return `Notification endpoint must respond with 200 OK to validation request. HTTP status code is '${name}'.`;
}

/** With everything that a receiver may decode twice, or not at all. */
function validationToken(world: MicrosoftWorld): string {
  const id = guid(world.names);
  return `Validation: Testing client application reachability for subscription Request-Id: ${id} +%2B %41 100% &=#/? ä€日本`;
}

function escaped(token: string, spaces: 'plus' | 'percent'): string {
  const text = encodeURIComponent(token);
  return spaces === 'plus' ? text.replaceAll('%20', '+') : text;
}

function withToken(url: string, token: string): string {
  const address = new URL(url);
  const query = `validationToken=${token}`;
  address.search = address.search === '' ? query : `${address.search.slice(1)}&${query}`;
  return address.href;
}
