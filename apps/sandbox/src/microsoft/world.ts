/**
 * Everything the Microsoft side of the sandbox knows: mailboxes, calendar folders, tokens, subscriptions, knobs.
 * Time, clients, faults and usage are those of the whole sandbox. The same seed and requests give the same answers.
 */
import type { SandboxClock } from '../clock.ts';
import { Codes } from '../consent/codes.ts';
import type { Faults } from '../faults/faults.ts';
import { Random } from '../random.ts';
import type { Usage } from '../store/usage.ts';
import type { OAuthClient } from '../store/world.ts';
import type { Folder } from './folder.ts';
import type { StoredItem } from './item.ts';
import type { AccessToken, CalendarEntry, Mailbox, MailboxChange } from './mailbox.ts';
import { documentedQuirks, type MicrosoftQuirks } from './quirks.ts';
import { Subscriptions } from './subscriptions-store.ts';
import { Throttle } from './throttle.ts';
import { GraphZones } from './zones.ts';

/** Bytes of a changeKey, as Exchange has them. */
const CHANGE_KEY_BYTES = 22;
const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export interface MicrosoftDeps {
  clock: SandboxClock;
  clients: readonly OAuthClient[];
  faults: Faults;
  usage: Usage;
  seed: number;
  /** Hosts besides loopback that notifications may reach over plain http. */
  pushHttpHosts: readonly string[];
}

export class MicrosoftWorld {
  quirks: MicrosoftQuirks = documentedQuirks();
  readonly clock: SandboxClock;
  readonly clients: readonly OAuthClient[];
  readonly faults: Faults;
  readonly usage: Usage;
  readonly pushHttpHosts: readonly string[];
  readonly zones = new GraphZones();
  /** By object id. */
  readonly mailboxes = new Map<string, Mailbox>();
  /** Calendars as their owner has them, by folder id. */
  readonly folders = new Map<string, Folder>();
  /** Where each event is now, or last was, by its key. */
  readonly items = new Map<number, StoredItem>();
  /** Events by mailbox and transactionId. */
  readonly transactions = new Map<string, StoredItem>();
  readonly accessTokens = new Map<string, AccessToken>();
  readonly codes = new Codes();
  /** Ids and tokens. */
  readonly names: Random;
  /** Page quirks, spurious conflicts, touches. */
  readonly whims: Random;
  readonly throttle: Throttle;
  readonly subscriptions: Subscriptions;
  private readonly random: Random;
  private version = 0;
  private requests = 0;
  private itemKeys = 0;

  constructor(deps: MicrosoftDeps) {
    this.clock = deps.clock;
    this.clients = deps.clients;
    this.faults = deps.faults;
    this.usage = deps.usage;
    this.pushHttpHosts = deps.pushHttpHosts;
    this.random = new Random(deps.seed).fork('microsoft');
    this.names = this.fork('names');
    this.whims = this.fork('whims');
    this.throttle = new Throttle(this);
    this.subscriptions = new Subscriptions(this);
  }

  /** A stream of chance of its own: what draws from it does not change what others draw. */
  fork(name: string): Random {
    return this.random.fork(name);
  }

  /** A changeKey that no other version of anything in this world has. */
  nextChangeKey(): Buffer {
    this.version += 1;
    const key = Buffer.alloc(CHANGE_KEY_BYTES);
    key.writeUInt32BE(0xfb9f5c2a, 0);
    key.writeUIntBE(this.version, CHANGE_KEY_BYTES - 6, 6);
    return key;
  }

  /** As long and as awkward in a path as real ones. */
  newCalendarId(): string {
    return `AAMkA${this.names.word(58, ID_ALPHABET)}=`;
  }

  nextItemKey(): number {
    this.itemKeys += 1;
    return this.itemKeys;
  }

  /** In the shape of a GUID, the same in every run. */
  nextRequestId(): string {
    this.requests += 1;
    return `5b0c0000-0000-4000-8000-${this.requests.toString(16).padStart(12, '0')}`;
  }

  /** @param name object id or mail address, in any case. */
  mailbox(name: string): Mailbox | undefined {
    const wanted = name.toLowerCase();
    const byOid = this.mailboxes.get(wanted);
    if (byOid !== undefined) return byOid;
    return [...this.mailboxes.values()].find(({ email }) => email.toLowerCase() === wanted);
  }

  defaultCalendar(mailbox: Mailbox): CalendarEntry | undefined {
    return [...mailbox.calendars.values()].find(({ isDefault }) => isDefault);
  }

  /** Tells every subscriber what happened to an event. */
  changed(change: MailboxChange): void {
    this.subscriptions.changed(change);
  }

  /** Forgets everything but the clients and the time. */
  clear(): void {
    this.quirks = documentedQuirks();
    this.mailboxes.clear();
    this.folders.clear();
    this.items.clear();
    this.transactions.clear();
    this.accessTokens.clear();
    this.codes.clear();
    this.throttle.clear();
    this.subscriptions.clear();
  }

  /** Ends timers and connections. */
  close(): void {
    this.subscriptions.close();
  }
}
