/** The login host's paths: tenant and endpoint → the functions of `oauth.ts`. */
import type { FaultEffect, Operation } from '../faults/faults.ts';
import type { Reply } from '../reply.ts';
import { authorize } from './consent.ts';
import { plannedLoginError } from './oauth-errors.ts';
import { loginAccount, token, type LoginCall } from './oauth.ts';
import type { MicrosoftWorld } from './world.ts';

export interface LoginRequest {
  method: string;
  /** Behind `/microsoft/login/`. */
  path: string;
  params: URLSearchParams;
  headers: Record<string, string | undefined>;
  body: string;
  /** `http://host/microsoft/login` */
  rootUrl: string;
}

const table: [
  method: string,
  pattern: RegExp,
  operation: Operation,
  run: (call: LoginCall) => Promise<Reply>,
][] = [
  ['GET', /^([^/]+)\/oauth2\/v2\.0\/authorize$/, 'login.authorize', authorize],
  ['POST', /^([^/]+)\/oauth2\/v2\.0\/authorize$/, 'login.authorize', authorize],
  ['POST', /^([^/]+)\/oauth2\/v2\.0\/token$/, 'login.token', token],
];

export interface PlannedLogin {
  operation: Operation;
  account: string | null;
  calendar: null;
  run(): Promise<Reply>;
  fault(effect: FaultEffect & { kind: 'status' }): Reply;
}

/** @returns undefined when nothing lives at this path. */
export function planLogin(world: MicrosoftWorld, request: LoginRequest): PlannedLogin | undefined {
  for (const [method, pattern, operation, run] of table) {
    const found = method === request.method ? pattern.exec(request.path) : null;
    if (found === null) continue;
    const call: LoginCall = {
      world,
      method,
      tenant: found[1] ?? '',
      params: request.params,
      form: new URLSearchParams(request.body),
      headers: request.headers,
      rootUrl: request.rootUrl,
    };
    return {
      operation,
      account: loginAccount(call),
      calendar: null,
      run: () => run(call),
      fault: (effect) => plannedLoginError(world, effect),
    };
  }
  return undefined;
}
