/**
 * The other side of the Microsoft sandbox: people who own mailboxes, and an operator who revokes, unshares and moves
 * things. Tests in the same process call it; the control API offers the same over HTTP.
 */
import { ControlError } from '../control/owner.ts';
import { issueRefreshToken } from './grants.ts';
import type { Mailbox } from './mailbox.ts';
import { MailboxOwner, type NewMicrosoftCalendar } from './mailbox-owner.ts';
import type { Notifications } from './notifications.ts';
import { changeQuirks, type MicrosoftQuirkChanges, type MicrosoftQuirks } from './quirks.ts';
import type { Subscriptions } from './subscriptions-store.ts';
import type { MicrosoftWorld } from './world.ts';

export { MailboxOwner } from './mailbox-owner.ts';

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
  /** The first one is the default calendar. Left out: none yet. */
  calendars?: NewMicrosoftCalendar[] | undefined;
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
      syncGeneration: 0,
    };
    world.mailboxes.set(mailbox.oid, mailbox);
    issueRefreshToken(world, mailbox, given.refreshToken);
    const owner = new MailboxOwner(world, mailbox);
    for (const calendar of given.calendars ?? []) owner.createCalendar(calendar);
    return owner;
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
