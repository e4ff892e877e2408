/** What both sides changed: kept with both values, settled by a strategy or waiting for a person. */
import type { AccountId, CalendarId, ConflictStrategy, EventId } from '@calfleet/domain';
import type { Transaction } from './transaction.ts';

export interface NewConflict {
  id: string;
  eventId: EventId;
  writeId: string;
  fields: string[];
  /** By field, the three values. */
  base: unknown;
  local: unknown;
  provider: unknown;
  strategy: ConflictStrategy;
  /** Whose values stand; null: a person decides. */
  resolution: 'local' | 'provider' | null;
}

export async function insertConflict(
  tx: Transaction,
  of: { userId: string; accountId: AccountId; calendarId: CalendarId; at: Date },
  conflict: NewConflict,
): Promise<void> {
  const { resolution } = conflict;
  const [base, local, provider] = [conflict.base, conflict.local, conflict.provider].map((side) =>
    JSON.stringify(side),
  );
  await tx.$executeRaw`
    insert into calendar_sync_conflicts (id, user_id, account_id, calendar_id, event_id, write_id, fields, base, local,
      provider, strategy, status, resolution, resolved_by, created_at, resolved_at)
    values (${conflict.id}::uuid, ${of.userId}, ${of.accountId}::uuid, ${of.calendarId}::uuid,
      ${conflict.eventId}::uuid, ${conflict.writeId}::uuid, ${conflict.fields}, ${base}::jsonb, ${local}::jsonb,
      ${provider}::jsonb, ${conflict.strategy}, ${resolution ? 'resolved' : 'open'}, ${resolution},
      ${resolution && 'strategy'}, ${of.at}, ${resolution && of.at})`;
}
