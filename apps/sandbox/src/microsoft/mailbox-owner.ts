/** One mailbox in the hands of its user: calendars made, shared, renamed and removed; grants given and taken back. */
import { ControlError } from '../control/owner.ts';
import { MicrosoftCalendarOwner } from './calendar-owner.ts';
import { Folder } from './folder.ts';
import {
  expireAccessTokens,
  grantTokens,
  issueAccessToken,
  issueRefreshToken,
  revokeGrants,
} from './grants.ts';
import type { CalendarEntry, Mailbox } from './mailbox.ts';
import type { ThrottleReport } from './throttle.ts';
import type { MicrosoftWorld } from './world.ts';

export interface NewMicrosoftCalendar {
  /** Default `Calendar`. */
  name?: string | undefined;
  /** Default: true for the first calendar of a mailbox. */
  isDefault?: boolean | undefined;
  color?: string | undefined;
  /** Generated when left out. */
  id?: string | undefined;
}

export interface ShareOptions {
  /** Default false. */
  canEdit?: boolean | undefined;
  /** Default false: private events are shown without what they say. */
  canViewPrivateItems?: boolean | undefined;
}

export class MailboxOwner {
  constructor(
    private readonly world: MicrosoftWorld,
    private readonly mailbox: Mailbox,
  ) {}

  get oid(): string {
    return this.mailbox.oid;
  }

  get tenantId(): string {
    return this.mailbox.tenantId;
  }

  get email(): string {
    return this.mailbox.email;
  }

  /** Living refresh tokens, oldest first. */
  get refreshTokens(): string[] {
    return this.mailbox.refreshTokens.map(({ token }) => token);
  }

  /** @throws ControlError 409 */
  createCalendar(given: NewMicrosoftCalendar = {}): MicrosoftCalendarOwner {
    const { world, mailbox } = this;
    const id = given.id ?? world.newCalendarId();
    if (mailbox.calendars.has(id)) throw new ControlError(409, `calendar exists: ${id}`);
    const folder = new Folder(`folder-${world.folders.size + 1}-${mailbox.oid}`, mailbox, {
      name: given.name ?? 'Calendar',
      color: given.color ?? 'auto',
      changeKey: world.nextChangeKey(),
    });
    world.folders.set(folder.id, folder);
    const entry: CalendarEntry = {
      id,
      folderId: folder.id,
      owner: mailbox,
      isDefault: given.isDefault ?? mailbox.calendars.size === 0,
      canEdit: true,
      canViewPrivateItems: true,
    };
    mailbox.calendars.set(id, entry);
    return new MicrosoftCalendarOwner(world, entry, folder);
  }

  /** @param wanted its id, or its name. @throws ControlError 404 */
  calendar(wanted: string): MicrosoftCalendarOwner {
    const found = this.mailbox.calendars.get(wanted);
    const named = this.calendars().find(({ id, name }) =>
      found === undefined ? name === wanted : id === wanted,
    );
    if (named === undefined) throw new ControlError(404, `no such calendar: ${wanted}`);
    return named;
  }

  calendars(): MicrosoftCalendarOwner[] {
    return [...this.mailbox.calendars.values()].flatMap((entry) => {
      const folder = this.world.folders.get(entry.folderId);
      return folder === undefined ? [] : [new MicrosoftCalendarOwner(this.world, entry, folder)];
    });
  }

  /** Another mailbox shows the calendar from now on, under an id of its own. @returns the calendar there */
  share(
    calendar: MicrosoftCalendarOwner,
    other: MailboxOwner,
    options: ShareOptions = {},
  ): MicrosoftCalendarOwner {
    const { world, mailbox } = this;
    const folder = world.folders.get(calendar.entry.folderId);
    if (folder === undefined) throw new ControlError(404, `no such calendar: ${calendar.id}`);
    const entry: CalendarEntry = {
      id: world.newCalendarId(),
      folderId: folder.id,
      owner: mailbox,
      isDefault: false,
      canEdit: options.canEdit ?? false,
      canViewPrivateItems: options.canViewPrivateItems ?? false,
    };
    other.mailbox.calendars.set(entry.id, entry);
    return new MicrosoftCalendarOwner(world, entry, folder);
  }

  /** Its owner deletes a calendar for everybody; somebody it was shared with removes it from the list. */
  removeCalendar(calendar: MicrosoftCalendarOwner): void {
    const { folderId, owner } = calendar.entry;
    this.mailbox.calendars.delete(calendar.id);
    if (owner !== this.mailbox) return;
    for (const { calendars } of this.world.mailboxes.values()) {
      for (const entry of [...calendars.values()]) {
        if (entry.folderId === folderId) calendars.delete(entry.id);
      }
    }
    this.world.folders.delete(folderId);
  }

  renameCalendar(calendar: MicrosoftCalendarOwner, name: string): void {
    const folder = this.world.folders.get(calendar.entry.folderId);
    if (folder === undefined) throw new ControlError(404, `no such calendar: ${calendar.id}`);
    folder.name = name;
    folder.changeKey = this.world.nextChangeKey();
  }

  /** The user's rights on a calendar that somebody shares. */
  setRights(calendar: MicrosoftCalendarOwner, rights: ShareOptions): void {
    calendar.entry.canEdit = rights.canEdit ?? calendar.entry.canEdit;
    calendar.entry.canViewPrivateItems = rights.canViewPrivateItems ?? calendar.entry.canViewPrivateItems;
  }

  setTimeZone(timeZone: string): void {
    this.mailbox.timeZone = timeZone;
  }

  /** False: every call answers MailboxNotEnabledForRESTAPI. */
  setRestEnabled(isEnabled: boolean): void {
    this.mailbox.isRestEnabled = isEnabled;
  }

  /** What a sign-in with consent gives. */
  grantTokens(granted: { scopes?: string[]; refreshToken?: string } = {}): {
    accessToken: string;
    refreshToken: string;
  } {
    return grantTokens(this.world, this.mailbox, granted);
  }

  /** One more grant, as a repeated consent would give. */
  issueRefreshToken(token?: string): string {
    return issueRefreshToken(this.world, this.mailbox, token);
  }

  /** A living access token without the detour over the token endpoint. */
  accessToken(): string {
    const clientId = this.world.clients[0]?.id ?? '';
    return issueAccessToken(this.world, this.mailbox, { clientId, refreshToken: null }).token;
  }

  expireAccessTokens(): void {
    expireAccessTokens(this.world, this.mailbox);
  }

  /** The user, or an administrator, takes every grant back. */
  revoke(): void {
    revokeGrants(this.world, this.mailbox);
  }

  /** Requests of this mailbox: at once at most, refused, and come before a Retry-After was over. */
  throttle(): ThrottleReport {
    return this.world.throttle.report(this.mailbox);
  }

  resetThrottle(): void {
    this.world.throttle.reset(this.mailbox);
  }

  /** The next requests are answered 429 with this Retry-After. */
  refuseNext(requests: number, retryAfterSeconds = 1): void {
    this.world.throttle.refuseNext(this.mailbox, { requests, retryAfterSeconds });
  }

  /** Tokens given out before keep theirs. */
  setScopes(scopes: string[]): void {
    this.mailbox.scopes = [...scopes];
  }
}
