/** What is done over HTTP, as a row of the audit log: in the transaction of the act, or before it. */
import type { IncomingMessage } from 'node:http';
import { appendAudit, type Transaction } from '@calfleet/db';
import { addressOf, nameOf, type Caller } from './auth/caller.ts';
import type { AdminCall, Answer, Call, Context } from './context.ts';

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

/** Whose browser came back from a provider: it shows no key, and its state names the user. */
export interface Visitor {
  userId: string;
  address: string;
  requestId: string;
}

export const auditVisit = (
  tx: Transaction,
  { userId, address, requestId }: Visitor,
  act: Act & { at: Date; facts: Record<string, unknown> },
) => appendAudit(tx, { ...act, actor: `user:${userId}`, source: address, requestId });

type Asked = Pick<Call, 'params' | 'query' | 'body'>;

/** Acts of users' backends that an operator may be asked about, by their routes. What they hold was read by then. */
const acts: Record<string, (call: Asked, answer: Answer) => Act & { facts: Record<string, unknown> }> = {
  'POST /accounts': ({ body }, answer) => ({
    action: 'account.added',
    target: `account:${(answer.body as { id: string }).id}`,
    facts: { provider: (body as { provider: string }).provider },
  }),
  'DELETE /accounts/:id': ({ params, query }) => ({
    action: 'account.asked_to_leave',
    target: `account:${params['id'] ?? ''}`,
    facts: { ...(query as object) },
  }),
  'POST /calendars/:id/held-deletes': ({ params, body }) => ({
    action: 'deletes.decided',
    target: `calendar:${params['id'] ?? ''}`,
    facts: { decision: (body as { action: string }).action },
  }),
};

/** In the transaction of a write, after its work. */
export async function auditWrite(
  tx: Transaction,
  call: Call,
  { answer, at }: { answer: Answer; at: Date },
): Promise<void> {
  const act = acts[call.route]?.(call, answer);
  if (!act) return;
  const { address: source, requestId } = call;
  await appendAudit(tx, { ...act, at, actor: nameOf(call.caller), source, requestId });
}

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
