import type { CalendarId } from '@calfleet/domain';
import type { SyncDeps } from './deps.ts';

export async function planAudits(deps: SyncDeps): Promise<Record<string, number>> {
  void deps;
  return {};
}

export async function auditCalendar(
  deps: SyncDeps,
  wish: { calendarId: CalendarId; requestedAt: Date },
  signal: AbortSignal,
): Promise<Record<string, number>> {
  void [deps, wish, signal];
  return {};
}
