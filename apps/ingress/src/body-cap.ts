/** How much a sender may say. Google's bodies are never read, so a large one is only stopped; Microsoft's are. */
import type { NextFunction, Request, Response } from 'express';
import { sendProblem } from './problem.ts';

export const bodyBytesMax = 256 * 1024;

export function capBody(request: Request, response: Response, next: NextFunction): void {
  if (isDeclaredTooLarge(request)) {
    response.setHeader('connection', 'close');
    return sendProblem(response, 'too_large');
  }
  // A body without a length is counted while it is thrown away.
  if (request.headers['transfer-encoding'] !== undefined) {
    let received = 0;
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > bodyBytesMax) request.socket.destroy();
    });
  }
  next();
}

/** The body; or that it is over its cap, or that its sender left in the middle of it. Never holds more than the cap. */
export async function readBody(request: Request): Promise<Buffer | 'too_large' | 'cut_off'> {
  if (isDeclaredTooLarge(request)) return 'too_large';
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let received = 0;
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received <= bodyBytesMax) return void chunks.push(chunk);
      chunks.length = 0;
      resolve('too_large');
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('close', () => resolve('cut_off'));
  });
}

/**
 * For an answer that does not wait for the rest of the body: a rest of at most the cap is thrown away, so that the
 * connection can be used again; one without an end, or beyond the cap, costs its sender the connection.
 */
export function leaveBody(request: Request, response: Response): void {
  const isBounded = request.headers['transfer-encoding'] === undefined && !isDeclaredTooLarge(request);
  if (!request.complete && !isBounded) response.setHeader('connection', 'close');
}

const isDeclaredTooLarge = (request: Request): boolean =>
  Number(request.headers['content-length'] ?? 0) > bodyBytesMax;
