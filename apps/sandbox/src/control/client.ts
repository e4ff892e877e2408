/** The control API from another process: the same verbs as the owner's handles, over HTTP. */
import type { FaultPlan, FaultReport } from '../faults/faults.ts';
import type { QuirkChanges, Quirks } from '../faults/quirks.ts';
import type { KnownResource } from '../google/instances.ts';
import type { Channel } from '../push/channels.ts';
import type { Notification, PushCounts } from '../push/push.ts';
import { MicrosoftControl } from '../microsoft/control-client.ts';
import type { UsageReport } from '../store/usage.ts';
import type { CalendarChanges, CalendarTruth, EventBody } from './calendar-owner.ts';
import type { ConsentWish } from './consent.ts';
import type { NewAccount, NewCalendar } from './owner.ts';

export class ControlClient {
  readonly microsoft = new MicrosoftControl(this);

  /** @param url the sandbox, as `Sandbox.url` */
  constructor(private readonly url: string) {}

  createAccount(account: NewAccount): Promise<{ email: string; refreshToken: string }> {
    return this.call('POST', ['accounts'], account);
  }

  account(email: string): AccountControl {
    return new AccountControl(this, email);
  }

  async accounts(): Promise<string[]> {
    return (await this.call<{ accounts: string[] }>('GET', ['accounts'])).accounts;
  }

  /** @returns sandbox time, an ISO instant. */
  async moveTime(move: { advanceMs?: number; set?: string; freeze?: boolean }): Promise<string> {
    return (await this.call<{ now: string }>('POST', ['time'], move)).now;
  }

  async now(): Promise<string> {
    return (await this.call<{ now: string }>('GET', ['time'])).now;
  }

  quirks(): Promise<Quirks> {
    return this.call('GET', ['quirks']);
  }

  setQuirks(changes: QuirkChanges): Promise<Quirks> {
    return this.call('POST', ['quirks'], changes);
  }

  async addFault(fault: FaultPlan): Promise<string> {
    return (await this.call<{ id: string }>('POST', ['faults'], fault)).id;
  }

  async faults(): Promise<FaultReport[]> {
    return (await this.call<{ faults: FaultReport[] }>('GET', ['faults'])).faults;
  }

  clearFaults(): Promise<void> {
    return this.call('DELETE', ['faults']);
  }

  /** @param account left out: everybody together. */
  usage(account?: string): Promise<UsageReport> {
    const query = account === undefined ? '' : `?account=${encodeURIComponent(account)}`;
    return this.call('GET', ['usage'], undefined, query);
  }

  notifications(): Promise<{ counts: PushCounts; notifications: Notification[] }> {
    return this.call('GET', ['push']);
  }

  async channels(): Promise<Omit<Channel, 'token'>[]> {
    return (await this.call<{ channels: Omit<Channel, 'token'>[] }>('GET', ['push', 'channels'])).channels;
  }

  /** Sends held and delayed notifications now. */
  releasePush(): Promise<PushCounts> {
    return this.call('POST', ['push', 'release']);
  }

  /** Answers when no notification is on its way any more. */
  settlePush(): Promise<PushCounts> {
    return this.call('POST', ['push', 'settle']);
  }

  /** A person decides on a consent page. @returns where the browser is sent next */
  async consent(wish: ConsentWish): Promise<string> {
    return (await this.call<{ location: string }>('POST', ['consent'], wish)).location;
  }

  seedDemo(seed = 1): Promise<unknown> {
    return this.call('POST', ['seed'], { kind: 'demo', seed });
  }

  seedMany(input: {
    account: string;
    calendar: string;
    events: number;
    seed?: number;
    seriesShare?: number;
  }): Promise<{ events: number }> {
    return this.call('POST', ['seed'], { kind: 'many', ...input });
  }

  reset(): Promise<void> {
    return this.call('POST', ['reset']);
  }

  /** @throws Error with the status and the sandbox' answer. */
  async call<T>(method: string, path: string[], body?: unknown, query = ''): Promise<T> {
    const target = `${this.url}/control/${path.map(encodeURIComponent).join('/')}${query}`;
    const response = await fetch(target, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`${method} /control/${path.join('/')} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

export class AccountControl {
  constructor(
    private readonly client: ControlClient,
    readonly email: string,
  ) {}

  async createCalendar(calendar: NewCalendar = {}): Promise<CalendarControl> {
    const { id } = await this.client.call<{ id: string }>('POST', this.path('calendars'), calendar);
    return this.calendar(id);
  }

  calendar(id: string): CalendarControl {
    return new CalendarControl(this.client, this.path('calendars', id));
  }

  async issueRefreshToken(): Promise<string> {
    const path = this.path('refresh-tokens');
    return (await this.client.call<{ refreshToken: string }>('POST', path)).refreshToken;
  }

  async accessToken(): Promise<string> {
    const path = this.path('access-tokens');
    return (await this.client.call<{ accessToken: string }>('POST', path)).accessToken;
  }

  expireAccessTokens(): Promise<void> {
    return this.client.call('DELETE', this.path('access-tokens'));
  }

  revoke(): Promise<void> {
    return this.client.call('POST', this.path('revoke'));
  }

  setScopes(scopes: string[]): Promise<void> {
    return this.client.call('POST', this.path('scopes'), { scopes });
  }

  private path(...rest: string[]): string[] {
    return ['accounts', this.email, ...rest];
  }
}

export class CalendarControl {
  constructor(
    private readonly client: ControlClient,
    private readonly path: string[],
  ) {}

  get id(): string {
    return this.path.at(-1) ?? '';
  }

  insert(event: EventBody): Promise<KnownResource> {
    return this.client.call('POST', [...this.path, 'events'], event);
  }

  async insertMany(events: readonly EventBody[]): Promise<string[]> {
    return (await this.client.call<{ ids: string[] }>('POST', [...this.path, 'events'], { events })).ids;
  }

  get(eventId: string): Promise<KnownResource> {
    return this.client.call('GET', [...this.path, 'events', eventId]);
  }

  patch(eventId: string, event: EventBody): Promise<KnownResource> {
    return this.client.call('PATCH', [...this.path, 'events', eventId], event);
  }

  update(eventId: string, event: EventBody): Promise<KnownResource> {
    return this.client.call('PUT', [...this.path, 'events', eventId], event);
  }

  delete(eventId: string): Promise<void> {
    return this.client.call('DELETE', [...this.path, 'events', eventId]);
  }

  truth(): Promise<CalendarTruth> {
    return this.client.call('GET', [...this.path, 'truth']);
  }

  change(changes: CalendarChanges): Promise<void> {
    return this.client.call('PATCH', this.path, changes);
  }

  unshare(): Promise<void> {
    return this.change({ unshared: true });
  }

  expire(what: 'sync_tokens' | 'page_tokens' | 'channels'): Promise<void> {
    return this.client.call('POST', [...this.path, 'expire'], { what });
  }
}
