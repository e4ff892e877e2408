/** A mailbox of the simulated Microsoft 365 (or Outlook.com): who signs in, what was granted, which calendars it shows. */

export interface RefreshToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly clientId: string;
  /** The first token of the line: each use gives the next one. */
  readonly family: string;
  /** When it gave its first successor. */
  usedAtMs: number | null;
}

export interface Mailbox {
  /** Object id: half of what names the account; the other half is the tenant's. */
  readonly oid: string;
  readonly tenantId: string;
  readonly email: string;
  name: string;
  /** `mailboxSettings.timeZone`: a Windows name, or an IANA name. */
  timeZone: string;
  /** Delegated permissions, as in the token's `scp`. */
  scopes: string[];
  /** Oldest first. Using one gives a new one; the old ones go on working. */
  refreshTokens: RefreshToken[];
  /** Calendars shown in `/me/calendars`, by id: own ones, and those that others share. */
  readonly calendars: Map<string, CalendarEntry>;
  /** False for a mailbox on the customer's own servers, or without a licence. */
  isRestEnabled: boolean;
  /** Delta rounds finished, over all calendars; links remember theirs. */
  syncGeneration: number;
}

export interface AccessToken {
  readonly token: string;
  /** Whose; null for an app-only token (client credentials). */
  readonly oid: string | null;
  readonly tenantId: string;
  readonly clientId: string;
  /** What the token carries in `scp`; a refresh may ask for less than was granted. */
  readonly scopes: readonly string[];
  expiresAtMs: number;
  /** The refresh token behind it. */
  readonly refreshToken: string | null;
}

/** A calendar as one mailbox sees it. A shared calendar has another id in each mailbox that shows it. */
export interface CalendarEntry {
  /** The id in this mailbox; changes when a knob says so. */
  id: string;
  readonly folderId: string;
  /** Whose calendar it is. */
  readonly owner: Mailbox;
  isDefault: boolean;
  canEdit: boolean;
  canViewPrivateItems: boolean;
}

export type ChangeType = 'created' | 'updated' | 'deleted';

/** What happened to an event, told to whoever is subscribed. */
export interface MailboxChange {
  readonly mailbox: Mailbox;
  readonly folderId: string;
  readonly isDefaultCalendar: boolean;
  /** Both ids: which one a notification carries depends on the Prefer header of the subscription's creation. */
  readonly eventId: string;
  readonly immutableEventId: string;
  /** 22 bytes. */
  readonly changeKey: Buffer;
  readonly changeType: ChangeType;
}
