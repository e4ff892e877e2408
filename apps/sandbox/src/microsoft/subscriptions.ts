/** Change notifications: who asked for them, and the operations of `/subscriptions`. */
import type { Reply } from '../reply.ts';
import type { SignedCall } from './call.ts';
import { notFound } from './errors.ts';
import type { MailboxChange } from './mailbox.ts';
import type { MicrosoftWorld } from './world.ts';

export class Subscriptions {
  constructor(_world: MicrosoftWorld) {}

  /** An event of a mailbox was created, changed or deleted. */
  changed(_change: MailboxChange): void {}

  clear(): void {}

  close(): void {}
}

export async function listSubscriptions(_call: SignedCall): Promise<Reply> {
  throw notFound();
}

export async function createSubscription(_call: SignedCall): Promise<Reply> {
  throw notFound();
}

export async function getSubscription(_call: SignedCall, _id: string): Promise<Reply> {
  throw notFound();
}

export async function updateSubscription(_call: SignedCall, _id: string): Promise<Reply> {
  throw notFound();
}

export async function deleteSubscription(_call: SignedCall, _id: string): Promise<Reply> {
  throw notFound();
}

export async function reauthorizeSubscription(_call: SignedCall, _id: string): Promise<Reply> {
  throw notFound();
}
