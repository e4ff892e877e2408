/**
 * The other side of the sandbox: a person who owns calendars and edits them, and an operator who revokes, unshares
 * and expires things. Tests in the same process call it; the control API offers the same over HTTP.
 */
import { issueAccessToken, issueRefreshToken, revokeGrant } from '../google/grants.ts';
import { defaultScopes, type Account } from '../store/account.ts';
import { newCalendar, type AccessRole, type CalendarEntry } from '../store/calendar.ts';
import type { World } from '../store/world.ts';
import { CalendarOwner } from './calendar-owner.ts';

export interface NewAccount {
  email: string;
  name?: string | undefined;
  /** Generated when left out. */
  refreshToken?: string | undefined;
  scopes?: string[] | undefined;
}

export interface NewCalendar {
  /** Generated when left out. An id somebody else already has makes this a share of that calendar. */
  id?: string | undefined;
  summary?: string | undefined;
  description?: string | undefined;
  timeZone?: string | undefined;
  accessRole?: AccessRole | undefined;
  primary?: boolean | undefined;
  refusesPush?: boolean | undefined;
}

/** Something the control side was asked for is not there, or already is. */
export class ControlError extends Error {
  constructor(
    readonly status: 404 | 409,
    message: string,
  ) {
    super(message);
    this.name = 'ControlError';
  }
}

export class GoogleOwner {
  constructor(private readonly world: World) {}

  createAccount(given: NewAccount): AccountOwner {
    const { world } = this;
    if (world.accounts.has(given.email)) throw new ControlError(409, `account exists: ${given.email}`);
    const account: Account = {
      email: given.email,
      subject: String(100_000_000_000 + world.accounts.size + 1),
      name: given.name ?? given.email.split('@')[0] ?? given.email,
      scopes: given.scopes ?? defaultScopes,
      refreshTokens: [],
      entries: new Map(),
    };
    world.accounts.set(given.email, account);
    issueRefreshToken(world, account, given.refreshToken);
    return new AccountOwner(world, account);
  }

  /** @throws ControlError 404 */
  account(email: string): AccountOwner {
    const account = this.world.accounts.get(email);
    if (account === undefined) throw new ControlError(404, `no such account: ${email}`);
    return new AccountOwner(this.world, account);
  }

  accounts(): AccountOwner[] {
    return [...this.world.accounts.values()].map((account) => new AccountOwner(this.world, account));
  }

  /** Every access token of everybody is worth nothing from now on. */
  expireAccessTokens(): void {
    this.world.accessTokens.clear();
  }
}

export class AccountOwner {
  constructor(
    private readonly world: World,
    private readonly account: Account,
  ) {}

  get email(): string {
    return this.account.email;
  }

  /** Living refresh tokens, oldest first. */
  get refreshTokens(): string[] {
    return this.account.refreshTokens.map(({ token }) => token);
  }

  createCalendar(given: NewCalendar = {}): CalendarOwner {
    const { world, account } = this;
    const id =
      given.id ??
      (given.primary === true ? account.email : `${world.names.word(26)}@group.calendar.google.com`);
    if (account.entries.has(id)) throw new ControlError(409, `calendar exists: ${id}`);
    const known = world.calendars.get(id);
    const calendar =
      known ??
      newCalendar({
        id,
        summary: given.summary ?? id,
        description: given.description ?? null,
        timeZone: given.timeZone ?? 'Europe/Berlin',
        refusesPush: given.refusesPush ?? false,
        ownerEmail: account.email,
        updatedMs: world.clock.now(),
      });
    world.calendars.set(id, calendar);
    const entry: CalendarEntry = {
      calendar,
      accessRole: given.accessRole ?? (known === undefined ? 'owner' : 'reader'),
      primary: given.primary ?? false,
      selected: true,
      syncEpoch: 0,
      unshared: false,
    };
    account.entries.set(id, entry);
    return new CalendarOwner(world, entry);
  }

  /** @throws ControlError 404. `primary` is understood. */
  calendar(id: string): CalendarOwner {
    const entry = id === 'primary' ? this.world.entry(this.account, id) : this.account.entries.get(id);
    if (entry === undefined) throw new ControlError(404, `no such calendar: ${id}`);
    return new CalendarOwner(this.world, entry);
  }

  calendars(): CalendarOwner[] {
    return [...this.account.entries.values()].map((entry) => new CalendarOwner(this.world, entry));
  }

  /** One more grant, as a repeated consent would give. The 101st evicts the first. */
  issueRefreshToken(token?: string): string {
    return issueRefreshToken(this.world, this.account, token);
  }

  /** A living access token without the detour over the token endpoint. */
  accessToken(): string {
    const clientId = this.world.clients[0]?.id ?? '';
    return issueAccessToken(this.world, this.account, { clientId, refreshToken: null }).token;
  }

  /** The user takes the grant back: every refresh token answers invalid_grant, every access token 401. */
  revoke(): void {
    for (const token of this.refreshTokens) revokeGrant(this.world, token);
    this.expireAccessTokens();
  }

  expireAccessTokens(): void {
    for (const access of [...this.world.accessTokens.values()]) {
      if (access.email === this.account.email) this.world.accessTokens.delete(access.token);
    }
  }

  setScopes(scopes: string[]): void {
    this.account.scopes = [...scopes];
  }
}
