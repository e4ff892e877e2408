/** What a user wants of the fleet: one row per user, none before the first wish. */
import type { BeatPreferences, ConflictStrategy, Weekday, WritePermissions } from '@calfleet/domain';

export interface PreferencesRow {
  auto_sync_enabled: boolean;
  sync_frequency_minutes: number;
  conflict_strategy: ConflictStrategy;
  write_permissions: WritePermissions;
  /** All four or none; without hours there are no days. */
  working_time_zone: string | null;
  working_days: Weekday[];
  working_start: string | null;
  working_end: string | null;
}

/** What a row says about the beat. */
export function beatPreferences(row: PreferencesRow): BeatPreferences {
  const { working_time_zone: timeZone, working_days: days, working_start: start, working_end: end } = row;
  const given = timeZone !== null && start !== null && end !== null;
  return {
    autoSync: row.auto_sync_enabled,
    frequencyMinutes: row.sync_frequency_minutes,
    workingHours: given ? { timeZone, days, start, end } : null,
  };
}
