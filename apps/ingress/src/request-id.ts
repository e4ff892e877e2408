/** Each request has an id: in its answer, in the log lines, and in the jobs that it leads to. */
import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';

/** The sender's own, where it is usable: a proxy in front of us may have named the request. */
export function nameRequest(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers['x-request-id'];
  const isUsable = typeof given === 'string' && /^[\w.-]{1,128}$/.test(given);
  response.setHeader('x-request-id', isUsable ? given : randomUUID());
  // Whatever is answered, no browser takes it for anything else.
  response.setHeader('x-content-type-options', 'nosniff');
  next();
}

export const requestIdOf = (response: Response): string => String(response.getHeader('x-request-id'));
