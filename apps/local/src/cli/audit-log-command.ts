/** What an operator can say about the audit log. */
import { UsageError } from './usage-error.ts';

/** A link of the chain, as it was once shown. */
export interface NotedLink {
  n: bigint;
  hash: string;
}

export type AuditLogCommand = { name: 'audit-log verify'; noted: NotedLink | null };

/** @throws UsageError */
export function readAuditLog(given: readonly string[], { noted }: { noted?: string }): AuditLogCommand {
  if (given.join(' ') !== 'verify') throw new UsageError('audit-log wants verify.');
  if (noted === undefined) return { name: 'audit-log verify', noted: null };
  const [, n, hash] = /^([1-9]\d{0,17}):([0-9a-f]{64})$/.exec(noted) ?? [];
  if (n === undefined || hash === undefined) {
    throw new UsageError('--noted wants a link as "audit-log verify" shows it, <n>:<hash>.');
  }
  return { name: 'audit-log verify', noted: { n: BigInt(n), hash } };
}
