/** One HTTP POST to a subscriber, and how it was answered. */
import http from 'node:http';
import https from 'node:https';

/** No answer of a subscriber is longer for a good reason. */
const ANSWER_BYTES_MAX = 65_536;

export interface PostAnswer {
  /** 0: none came (refused, reset, timed out). */
  status: number;
  contentType: string;
  body: string;
  /** Real milliseconds until the answer was complete, or the wait was given up. */
  ms: number;
  isTimeout: boolean;
}

export interface Carriers {
  http: http.Agent;
  https: https.Agent;
}

export const newCarriers = (options: http.AgentOptions): Carriers => ({
  http: new http.Agent(options),
  https: new https.Agent(options),
});

export function postText(
  url: string,
  message: { contentType: string; body: string },
  options: { carriers: Carriers; timeoutMs: number },
): Promise<PostAnswer> {
  const startedAt = performance.now();
  const deadline = AbortSignal.timeout(options.timeoutMs);
  return new Promise((resolve) => {
    const end = (answer: Partial<PostAnswer>): void =>
      resolve({
        status: 0,
        contentType: '',
        body: '',
        ms: performance.now() - startedAt,
        isTimeout: deadline.aborted,
        ...answer,
      });
    const isHttps = url.startsWith('https:');
    const request = (isHttps ? https : http).request(url, {
      method: 'POST',
      headers: {
        'Content-Type': message.contentType,
        'Content-Length': String(Buffer.byteLength(message.body)),
      },
      agent: isHttps ? options.carriers.https : options.carriers.http,
      signal: deadline,
    });
    request.on('error', () => end({}));
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('error', () => end({}));
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= ANSWER_BYTES_MAX) chunks.push(chunk);
        else response.destroy();
      });
      response.on('close', () => {
        if (!response.complete || size > ANSWER_BYTES_MAX) return end({});
        end({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    request.end(message.body);
  });
}
