/**
 * Who did what, when and from where, of acts that concern the fleet and its doors. Rows are added and never changed: no
 * role of the fleet may update or delete one. An act and its row are one transaction wherever the act is.
 */
import { newId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

export interface AuditEntry {
  at: Date;
  /** `key:<id>`, `key:environment`, `user:<sub>`, `operator:<login>` or `process:<name>`. */
  actor: string;
  /** A thing and what happened to it: `key.created`. */
  action: string;
  target?: string | null;
  /** The caller's address, or the operator's host. */
  source?: string | null;
  requestId?: string | null;
  /** Ids, counts and choices; never what a user wrote, and no secret. */
  facts?: Record<string, unknown>;
}

export async function appendAudit(tx: Transaction, entry: AuditEntry): Promise<void> {
  await tx.$executeRaw`
    insert into audit_log (id, at, actor, action, target, source, request_id, facts)
    values (${newId()}::uuid, ${entry.at}, ${oneLine(entry.actor)}, ${oneLine(entry.action)},
      ${oneLine(entry.target)}, ${oneLine(entry.source)}, ${oneLine(entry.requestId)},
      ${JSON.stringify(entry.facts ?? {}).replaceAll('\\u0000', '\\ufffd')}::jsonb)`;
}

const longest = 500;

/** Line ends and other controls as escapes: whoever chooses a name must not be able to write a line of the log. */
function oneLine(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  return text
    .slice(0, longest)
    .toWellFormed()
    .replaceAll(
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
      (odd) => `\\u${odd.codePointAt(0)?.toString(16).padStart(4, '0') ?? ''}`,
    );
}
