/** One HTTP message of a channel: headers exactly as documented, and no body. */
import http from 'node:http';
import https from 'node:https';
import type { Channel } from './channels.ts';

export type ResourceState = 'sync' | 'exists' | 'not_exists';

/** https://developers.google.com/workspace/calendar/api/guides/push#understanding-the-notification-message-format */
export function messageHeaders(
  channel: Channel,
  message: { number: number; state: ResourceState },
): Record<string, string> {
  return {
    Accept: '*/*',
    'Content-Type': 'application/json; utf-8',
    'Content-Length': '0',
    'User-Agent': 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)',
    'X-Goog-Channel-ID': channel.id,
    'X-Goog-Message-Number': String(message.number),
    'X-Goog-Resource-ID': channel.resourceId,
    'X-Goog-Resource-State': message.state,
    'X-Goog-Resource-URI': channel.resourceUri,
    'X-Goog-Channel-Expiration': new Date(channel.expiresAtMs).toUTCString(),
    ...(channel.token === null ? {} : { 'X-Goog-Channel-Token': channel.token }),
  };
}

export interface Carriers {
  http: http.Agent;
  https: https.Agent;
}

/** @returns the receiver's status, or 0 when there was none (refused, reset, timed out). */
export function post(
  address: string,
  headers: Record<string, string>,
  options: { carriers: Carriers; timeoutMs: number },
): Promise<number> {
  return new Promise((resolve) => {
    const isHttps = address.startsWith('https:');
    const request = (isHttps ? https : http).request(address, {
      method: 'POST',
      headers,
      agent: isHttps ? options.carriers.https : options.carriers.http,
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    request.on('error', () => resolve(0));
    request.on('response', (response) => {
      response.on('error', () => resolve(0));
      response.on('close', () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
      response.resume();
    });
    request.end();
  });
}
