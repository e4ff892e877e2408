/**
 * Errors of the login host. Clients decide by `error`; the AADSTS numbers are wording and may change.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
import { json, type Reply } from '../reply.ts';
import type { MicrosoftWorld } from './world.ts';
import { guid } from './guid.ts';

interface LoginError {
  status: number;
  error: string;
  code: number;
  message: string;
  suberror?: string;
}

const known = {
  invalid_request: {
    status: 400,
    code: 900144,
    message: 'The request body is missing a required parameter.',
  },
  unauthorized_client: {
    status: 400,
    code: 700016,
    message:
      'Application was not found in the directory. You may have sent your request to the wrong tenant.',
  },
  invalid_client: {
    status: 401,
    code: 7000215,
    message:
      'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.',
  },
  unsupported_grant_type: {
    status: 400,
    code: 70003,
    message: 'The app requested an unsupported grant type.',
  },
  invalid_scope: {
    status: 400,
    code: 70011,
    message: "The provided value for the input parameter 'scope' is not valid.",
  },
  invalid_grant: {
    status: 400,
    code: 50173,
    message:
      'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.',
    suberror: 'bad_token',
  },
  interaction_required: {
    status: 400,
    code: 50076,
    message:
      'Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.',
    suberror: 'basic_action',
  },
  consent_required: {
    status: 400,
    code: 65001,
    message:
      'The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.',
    suberror: 'consent_required',
  },
  temporarily_unavailable: {
    status: 503,
    code: 90033,
    message: 'A transient error has occurred. Please try again.',
  },
  server_error: { status: 500, code: 90002, message: 'An internal error has occurred. Please try again.' },
} satisfies Record<string, Omit<LoginError, 'error'>>;

export type LoginErrorName = keyof typeof known;

/** @param change another number, wording or suberror than the usual ones */
export function loginError(
  world: MicrosoftWorld,
  error: LoginErrorName,
  change: Partial<Omit<LoginError, 'error'>> = {},
): Reply {
  return reply(world, { ...known[error], error, ...change });
}

/**
 * The answer of a planned fault of the login host. Its reason is the `error`; a message that begins with
 * `AADSTS12345:` brings its own number.
 */
export function plannedLoginError(
  world: MicrosoftWorld,
  fault: {
    status: number;
    reason?: string | undefined;
    message?: string | undefined;
    retryAfterSeconds?: number | undefined;
  },
): Reply {
  const error = fault.reason ?? usualError(fault.status);
  const usual = isKnown(error) ? known[error] : known.server_error;
  const [, code, text] = /^AADSTS(\d+): ?([\s\S]*)$/.exec(fault.message ?? '') ?? [];
  const answer = reply(world, {
    ...usual,
    error,
    status: fault.status,
    ...(fault.message === undefined ? {} : { message: text ?? fault.message }),
    ...(code === undefined ? {} : { code: Number(code) }),
  });
  if (fault.retryAfterSeconds === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'Retry-After': String(fault.retryAfterSeconds) } };
}

const isKnown = (error: string): error is LoginErrorName => Object.hasOwn(known, error);

function usualError(status: number): LoginErrorName {
  if (status === 401) return 'invalid_client';
  if (status === 429 || status === 503) return 'temporarily_unavailable';
  return status >= 500 ? 'server_error' : 'invalid_grant';
}

function reply(world: MicrosoftWorld, { status, error, code, message, suberror }: LoginError): Reply {
  const timestamp = `${world.clock.iso().slice(0, 19).replace('T', ' ')}Z`;
  const [traceId, correlationId] = [guid(world.names), guid(world.names)];
  return json(
    {
      error,
      error_description: `AADSTS${code}: ${message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [code],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
      ...(suberror === undefined ? {} : { suberror }),
    },
    status,
  );
}
