/** Bodies are never read here, so the only thing to do with a large one is to stop it. */
import type { NextFunction, Request, Response } from 'express';
import { sendProblem } from './problem.ts';

export const bodyBytesMax = 256 * 1024;

export function capBody(request: Request, response: Response, next: NextFunction): void {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bodyBytesMax) {
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
