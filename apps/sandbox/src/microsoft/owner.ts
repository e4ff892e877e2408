/** The other side of the Microsoft sandbox: people who own mailboxes, and an operator. */
import { ControlError } from '../control/owner.ts';
import {
  expireAccessTokens,
  grantTokens,
  issueAccessToken,
  issueRefreshToken,
  revokeGrants,
} from './grants.ts';
import type { Mailbox } from './mailbox.ts';
import { changeQuirks, type MicrosoftQuirkChanges, type MicrosoftQuirks } from './quirks.ts';
import type { Notifications } from './notifications.ts';
import type { Subscriptions } from './subscriptions-store.ts';
import type { ThrottleReport } from './throttle.ts';
import type { MicrosoftWorld } from './world.ts';

export interface NewMailbox {
  email: string;
  name?: string | undefined;
  /** A Windows or IANA name. Default `W. Europe Standard Time`. */
  timeZone?: string | undefined;
  scopes?: string[] | undefined;
  /** Generated when left out. */
  refreshToken?: string | undefined;
  /** Default: a tenant of the sandbox's own, the same for everybody. */
  tenantId?: string | undefined;
}

const defaultTenant = '5a4db0c5-0000-4000-8000-00000000face';

export const defaultScopes = [
  'openid',
  'profile',
  'email',
  'offline_access',
  'User.Read',
  'Calendars.ReadWrite',
  'MailboxSettings.Read',
];

export class MicrosoftOwner {
  constructor(private readonly world: MicrosoftWorld) {}

  get quirks(): MicrosoftQuirks {
    return this.world.quirks;
  }

  setQuirks(changes: MicrosoftQuirkChanges): void {
    this.world.quirks = changeQuirks(this.world.quirks, changes);
  }

  /** Who is subscribed, in every state, and what an operator can do to them. */
  get subscriptions(): Subscriptions {
    return this.world.subscriptions;
  }

  /** What was told to subscribers, and how they answered. */
  get notifications(): Notifications {
    return this.world.subscriptions.notifications;
  }

  /** @throws ControlError 409 */
  createMailbox(given: NewMailbox): MailboxOwner {
    const { world } = this;
    if (world.mailbox(given.email) !== undefined) {
      throw new ControlError(409, `mailbox exists: ${given.email}`);
    }
    const mailbox: Mailbox = {
      oid: `00a11ce0-0000-4000-8000-${(world.mailboxes.size + 1).toString(16).padStart(12, '0')}`,
      tenantId: given.tenantId ?? defaultTenant,
      email: given.email,
      name: given.name ?? given.email.split('@')[0] ?? given.email,
      timeZone: given.timeZone ?? 'W. Europe Standard Time',
      scopes: given.scopes ?? defaultScopes,
      refreshTokens: [],
      calendars: new Map(),
      isRestEnabled: true,
    };
    world.mailboxes.set(mailbox.oid, mailbox);
    issueRefreshToken(world, mailbox, given.refreshToken);
    return new MailboxOwner(world, mailbox);
  }

  /** @param name object id or address. @throws ControlError 404 */
  mailbox(name: string): MailboxOwner {
    const mailbox = this.world.mailbox(name);
    if (mailbox === undefined) throw new ControlError(404, `no such mailbox: ${name}`);
    return new MailboxOwner(this.world, mailbox);
  }

  mailboxes(): MailboxOwner[] {
    return [...this.world.mailboxes.values()].map((mailbox) => new MailboxOwner(this.world, mailbox));
  }
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

  /** One more grant, as a repeated consent would give. */
  issueRefreshToken(token?: string): string {
    return issueRefreshToken(this.world, this.mailbox, token);
  }

  /** A living access token without the detour over the token endpoint. */
  accessToken(): string {
    const clientId = this.world.clients[0]?.id ?? '';
    return issueAccessToken(this.world, this.mailbox, { clientId, refreshToken: null }).token;
  }

  /** What a sign-in with consent gives. */
  grantTokens(granted: { scopes?: string[]; refreshToken?: string } = {}): {
    accessToken: string;
    refreshToken: string;
  } {
    return grantTokens(this.world, this.mailbox, granted);
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

  setScopes(scopes: string[]): void {
    this.mailbox.scopes = [...scopes];
  }
}
