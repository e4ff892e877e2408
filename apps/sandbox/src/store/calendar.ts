/** A calendar's own facts; what a user may do with it stands in that user's list entry. */
import { EventLog } from './event-log.ts';

export const accessRoles = [
  'none',
  'freeBusyReader',
  'reader',
  'writerWithoutPrivateAccess',
  'writer',
  'owner',
] as const;

export type AccessRole = (typeof accessRoles)[number];

export interface Calendar {
  readonly id: string;
  summary: string;
  description: string | null;
  timeZone: string;
  /** Watching it answers pushNotSupportedForRequestedResource, as holiday calendars do. */
  refusesPush: boolean;
  /** Raised to make every sync token of the calendar answer 410. */
  syncEpoch: number;
  /** Raised to make every page token of the calendar answer 400. */
  pageEpoch: number;
  updatedMs: number;
  readonly ownerEmail: string;
  readonly log: EventLog;
}

/** One calendar in one user's list. */
export interface CalendarEntry {
  readonly calendar: Calendar;
  accessRole: AccessRole;
  primary: boolean;
  selected: boolean;
  /** Raised when this user's access changes: a change of access rights kills sync tokens. */
  syncEpoch: number;
  /** Every endpoint answers 404 and the list leaves it out. */
  unshared: boolean;
}

export function newCalendar(
  facts: Pick<Calendar, 'id' | 'summary' | 'description' | 'timeZone' | 'refusesPush' | 'ownerEmail'> & {
    updatedMs: number;
  },
): Calendar {
  return { ...facts, syncEpoch: 0, pageEpoch: 0, log: new EventLog() };
}
