/**
 * Everything the sandbox knows, in memory and in one place: users, calendars, tokens, channels, knobs.
 * Two worlds with the same seed that see the same requests give the same answers.
 */
import type { SandboxClock } from '../clock.ts';
import { Codes } from '../consent/codes.ts';
import { Faults } from '../faults/faults.ts';
import { Quota } from '../faults/quota.ts';
import { documentedQuirks, type Quirks } from '../faults/quirks.ts';
import { Push } from '../push/push.ts';
import { Random } from '../random.ts';
import { Zones } from '../zones.ts';
import type { AccessToken, Account } from './account.ts';
import type { Calendar, CalendarEntry } from './calendar.ts';
import { Usage } from './usage.ts';

export interface OAuthClient {
  id: string;
  secret: string;
}

export class World {
  quirks: Quirks = documentedQuirks();
  readonly zones = new Zones();
  readonly accounts = new Map<string, Account>();
  readonly calendars = new Map<string, Calendar>();
  readonly accessTokens = new Map<string, AccessToken>();
  readonly codes = new Codes();
  readonly usage = new Usage();
  readonly quota = new Quota();
  readonly faults: Faults;
  readonly push: Push;
  /** Ids and tokens. */
  readonly names: Random;
  /** Page quirks and spurious conflicts. */
  readonly whims: Random;
  private version = 0;

  constructor(
    readonly clock: SandboxClock,
    readonly clients: readonly OAuthClient[],
    seed: number,
    pushHttpHosts: readonly string[],
  ) {
    const random = new Random(seed);
    this.names = random.fork('names');
    this.whims = random.fork('whims');
    this.faults = new Faults(random.fork('faults'));
    this.push = new Push({
      clock,
      random: random.fork('push'),
      quirks: () => this.quirks,
      httpHosts: pushHttpHosts,
    });
  }

  /** An etag that no other version of anything in this world has. */
  nextEtag(): string {
    this.version += 1;
    return `"${3_500_000_000_000_000 + this.version * 2}"`;
  }

  /** The entry behind a calendar id of a request; `primary` is an alias for each user's own. */
  entry(account: Account, calendarId: string): CalendarEntry | undefined {
    const found =
      calendarId === 'primary'
        ? [...account.entries.values()].find((entry) => entry.primary)
        : account.entries.get(calendarId);
    return found === undefined || found.unshared ? undefined : found;
  }

  /** Tells every watcher that the calendar has changed. */
  changed(calendar: Calendar): void {
    calendar.updatedMs = this.clock.now();
    this.push.notify(calendar.id);
  }

  /** Forgets everything but the clients and the time. */
  clear(): void {
    this.quirks = documentedQuirks();
    this.accounts.clear();
    this.calendars.clear();
    this.accessTokens.clear();
    this.codes.clear();
    this.usage.clear();
    this.quota.clear();
    this.faults.clear();
    this.push.clear();
  }
}
