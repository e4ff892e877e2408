import { SyncError } from './errors.ts';

/** Why a series cannot be expanded. */
export type RecurrenceReason =
  /** A line that is none of RRULE, EXRULE, RDATE, EXDATE. */
  | 'unreadable_line'
  /** A rule that RFC 5545 does not know, or one that asks for another calendar (RSCALE) or SKIP. */
  | 'unreadable_rule'
  /** An RDATE, EXDATE or UNTIL that is no date. */
  | 'unreadable_date'
  /** Start and end of different kinds, unreadable, or an end before its start. */
  | 'unreadable_time';

/** The series makes no sense: its event is quarantined, the rest goes on. Carries no text of the event. */
export class RecurrenceError extends SyncError {
  readonly reason: RecurrenceReason;

  constructor(reason: RecurrenceReason, message: string) {
    super('invalid_input', message, { context: { reason } });
    this.name = 'RecurrenceError';
    this.reason = reason;
  }
}
