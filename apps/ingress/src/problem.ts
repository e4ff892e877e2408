/** Errors of the outside surface: `application/problem+json`, always the same shape. */
import type { Response } from 'express';

const problems = {
  invalid_input: [400, 'The notification is malformed'],
  not_authenticated: [401, 'The channel token is wrong'],
  not_found: [404, 'There is nothing here'],
  too_large: [413, 'The body is too large'],
  misconfigured: [503, 'The channel was signed with a key that is not known here'],
  rate_limited: [503, 'Too many requests, try again'],
  provider_unavailable: [503, 'The notification could not be stored, try again'],
  bug: [500, 'Something went wrong'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof problems;

/** `detail` is fixed text or names a header or field: nothing that was sent is sent back. */
export interface ProblemDetails {
  detail?: string;
  errors?: readonly { path: string; message: string }[];
}

export function sendProblem(response: Response, code: ProblemCode, details: ProblemDetails = {}): void {
  const requestId = response.getHeader('x-request-id');
  const { status, text } = problemText(code, { ...details, requestId });
  response.status(status).setHeader('content-type', problemType);
  if (status === 503) response.setHeader('retry-after', '5');
  response.end(text);
}

export const problemType = 'application/problem+json; charset=utf-8';

export function problemText(
  code: ProblemCode,
  { detail, errors, requestId }: ProblemDetails & { requestId: unknown },
): { status: number; text: string } {
  const [status, title] = problems[code];
  const body = {
    type: 'about:blank',
    title,
    status,
    code,
    detail: detail ?? title,
    request_id: requestId,
    errors,
  };
  return { status, text: JSON.stringify(body) };
}
