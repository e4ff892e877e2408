/** What administrators do over HTTP, as a row of the audit log: in the transaction of the act, or before it. */
import type { IncomingMessage } from 'node:http';
import { appendAudit, type Transaction } from '@calfleet/db';
import { addressOf, nameOf, type Caller } from './auth/caller.ts';
import type { AdminCall, Context } from './context.ts';

interface Act {
  action: string;
  target?: string | null;
}

/** In the act's own transaction: neither is there without the other. */
export const auditWithin = (tx: Transaction, call: AdminCall, { action, target, at }: Act & { at: Date }) =>
  appendAudit(tx, {
    at,
    actor: nameOf(call.caller),
    action,
    target: target ?? null,
    source: call.address,
    requestId: call.requestId,
  });

/** Of what Postgres has no part in. @throws when it cannot be written down */
export const auditAct = (
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  request: IncomingMessage,
  { caller, action, target }: Act & { caller: Caller },
): Promise<void> =>
  db.transaction({ role: 'api', userId: '' }, (tx) =>
    appendAudit(tx, {
      at: clock.now(),
      actor: nameOf(caller),
      action,
      target: target ?? null,
      source: addressOf(request),
    }),
  );
