/** A person in front of a consent page, without a browser: follows the address, decides, and says where that leads. */
import { z } from 'zod';
import type { SandboxCore } from '../core.ts';
import { decide as decideGoogle } from '../google/consent.ts';
import { decide as decideMicrosoft } from '../microsoft/consent.ts';
import type { Reply } from '../reply.ts';
import { ControlError } from './owner.ts';

export interface ConsentWish {
  /** Where the client sends the browser. */
  authorizationUrl: string;
  /** Who signs in, by address. */
  account: string;
  decision?: 'allow' | 'cancel' | undefined;
  /** What stays ticked; left out: everything. */
  scopes?: string[] | undefined;
}

export const consentInput = z.strictObject({
  authorizationUrl: z.url(),
  account: z.string().min(1),
  decision: z.enum(['allow', 'cancel']).optional(),
  scopes: z.array(z.string()).optional(),
});

/** @returns where the browser is sent next. @throws ControlError 404, 409: no consent page, or one that refuses */
export function consent(core: SandboxCore, wish: ConsentWish): { location: string } {
  const url = new URL(wish.authorizationUrl);
  const decision = { account: wish.account, allow: wish.decision !== 'cancel', scopes: wish.scopes };
  const call = { method: 'POST', params: url.searchParams, form: new URLSearchParams() };
  const [, tenant] = /^\/microsoft\/login\/([^/]+)\/oauth2\/v2\.0\/authorize$/.exec(url.pathname) ?? [];
  let reply: Reply;
  if (url.pathname === '/google/oauth2/auth') {
    reply = decideGoogle({ ...call, world: core.world, rootUrl: `${url.origin}/google/` }, decision);
  } else if (tenant !== undefined) {
    const rootUrl = `${url.origin}/microsoft/login`;
    reply = decideMicrosoft({ ...call, world: core.graph, tenant, headers: {}, rootUrl }, decision);
  } else {
    throw new ControlError(404, 'no such consent page');
  }
  const location = reply.headers?.['Location'];
  if (location === undefined) throw new ControlError(409, `the page answers ${reply.status}`);
  return { location };
}
