/** A user of the provider: the grants given out and the calendars in the user's list. */
import type { CalendarEntry } from './calendar.ts';

export interface RefreshToken {
  readonly token: string;
  readonly issuedAtMs: number;
}

export interface AccessToken {
  readonly token: string;
  readonly email: string;
  readonly clientId: string;
  expiresAtMs: number;
  /** The refresh token behind it; revoking one kills the other. */
  readonly refreshToken: string | null;
}

export interface Account {
  readonly email: string;
  /** Google's stable user id, a string of digits. */
  readonly subject: string;
  name: string;
  scopes: string[];
  /** Oldest first: the 101st evicts the first. */
  refreshTokens: RefreshToken[];
  readonly entries: Map<string, CalendarEntry>;
}

const SCOPE_ROOT = 'https://www.googleapis.com/auth/';

export const defaultScopes = [
  'openid',
  `${SCOPE_ROOT}userinfo.email`,
  `${SCOPE_ROOT}calendar.events`,
  `${SCOPE_ROOT}calendar.calendarlist.readonly`,
];

export function mayWriteEvents(account: Account): boolean {
  return account.scopes.some((scope) =>
    ['calendar', 'calendar.events', 'calendar.events.owned', 'calendar.app.created'].some(
      (name) => scope === SCOPE_ROOT + name,
    ),
  );
}

/** calendar.events alone cannot list calendars. */
export function mayListCalendars(account: Account): boolean {
  return account.scopes.some((scope) =>
    ['calendar', 'calendar.readonly', 'calendar.calendarlist', 'calendar.calendarlist.readonly'].some(
      (name) => scope === SCOPE_ROOT + name,
    ),
  );
}
