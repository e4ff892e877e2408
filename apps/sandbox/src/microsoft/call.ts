/** One authenticated Graph request, read and ready for its operation. */
import type { AccessToken, Mailbox } from './mailbox.ts';
import type { GraphParams } from './params.ts';
import type { Prefer } from './prefer.ts';
import type { MicrosoftWorld } from './world.ts';

/** A request that names no mailbox: `/subscriptions`. */
export interface SignedCall {
  world: MicrosoftWorld;
  access: AccessToken;
  params: GraphParams;
  prefer: Prefer;
  ifMatch: string | undefined;
  /** The parsed JSON body; undefined when there was none. */
  body: unknown;
  /** `http://host/microsoft/v1.0`, without a slash. */
  rootUrl: string;
}

export interface GraphCall extends SignedCall {
  /** Whom `/me` or `/users/{id}` names. */
  mailbox: Mailbox;
  /** `me` or `users/{id}`, as it stood in the path, escaped. */
  userPath: string;
}
