/** The Microsoft side of the control API from another process: the same verbs as the owners' handles, over HTTP. */
import type { ControlClient } from '../control/client.ts';
import { ChannelControl } from './channel-control-client.ts';
import type { MicrosoftEventBody } from './calendar-owner.ts';
import type { MailboxReport } from './control-routes.ts';
import type { NewMicrosoftCalendar, ShareOptions } from './mailbox-owner.ts';
import type { NewMailbox } from './owner.ts';
import type { MicrosoftQuirkChanges, MicrosoftQuirks } from './quirks.ts';
import type { ShownEvent } from './shown.ts';
import type { MicrosoftInstance } from './truth.ts';

export class MicrosoftControl {
  readonly channels: ChannelControl;

  constructor(private readonly client: ControlClient) {
    this.channels = new ChannelControl(client);
  }

  createMailbox(mailbox: NewMailbox): Promise<MailboxReport> {
    return this.client.call('POST', ['microsoft', 'mailboxes'], mailbox);
  }

  mailbox(email: string): MailboxControl {
    return new MailboxControl(this.client, email);
  }

  async mailboxes(): Promise<MailboxReport[]> {
    const path = ['microsoft', 'mailboxes'];
    return (await this.client.call<{ mailboxes: MailboxReport[] }>('GET', path)).mailboxes;
  }

  quirks(): Promise<MicrosoftQuirks> {
    return this.client.call('GET', ['microsoft', 'quirks']);
  }

  setQuirks(changes: MicrosoftQuirkChanges): Promise<MicrosoftQuirks> {
    return this.client.call('POST', ['microsoft', 'quirks'], changes);
  }
}

export class MailboxControl {
  constructor(
    private readonly client: ControlClient,
    readonly email: string,
  ) {}

  report(): Promise<MailboxReport> {
    return this.client.call('GET', this.path());
  }

  async createCalendar(calendar: NewMicrosoftCalendar = {}): Promise<MicrosoftCalendarControl> {
    const { id } = await this.client.call<{ id: string }>('POST', this.path('calendars'), calendar);
    return this.calendar(id);
  }

  /** @param wanted its id, or its name */
  calendar(wanted: string): MicrosoftCalendarControl {
    return new MicrosoftCalendarControl(this.client, this.path('calendars', wanted));
  }

  change(changes: { timeZone?: string; isRestEnabled?: boolean; scopes?: string[] }): Promise<MailboxReport> {
    return this.client.call('PATCH', this.path(), changes);
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

  private path(...rest: string[]): string[] {
    return ['microsoft', 'mailboxes', this.email, ...rest];
  }
}

export class MicrosoftCalendarControl {
  constructor(
    private readonly client: ControlClient,
    private readonly path: string[],
  ) {}

  /** As it was asked for: an id, or a name. */
  get id(): string {
    return this.path.at(-1) ?? '';
  }

  create(event: MicrosoftEventBody): Promise<ShownEvent> {
    return this.client.call('POST', [...this.path, 'events'], event);
  }

  async createMany(events: readonly MicrosoftEventBody[]): Promise<string[]> {
    const path = [...this.path, 'events'];
    return (await this.client.call<{ ids: string[] }>('POST', path, { events })).ids;
  }

  /** Plausible events around the sandbox' now. */
  seed(input: { events: number; seed?: number; seriesShare?: number }): Promise<{ events: number }> {
    return this.client.call('POST', [...this.path, 'seed'], input);
  }

  get(eventId: string): Promise<ShownEvent> {
    return this.client.call('GET', [...this.path, 'events', eventId]);
  }

  patch(eventId: string, event: MicrosoftEventBody): Promise<ShownEvent> {
    return this.client.call('PATCH', [...this.path, 'events', eventId], event);
  }

  delete(eventId: string): Promise<void> {
    return this.client.call('DELETE', [...this.path, 'events', eventId]);
  }

  occurrence(seriesId: string, day: string): Promise<ShownEvent> {
    return this.client.call('GET', this.slot(seriesId, day));
  }

  patchOccurrence(seriesId: string, day: string, event: MicrosoftEventBody): Promise<ShownEvent> {
    return this.client.call('PATCH', this.slot(seriesId, day), event);
  }

  deleteOccurrence(seriesId: string, day: string): Promise<void> {
    return this.client.call('DELETE', this.slot(seriesId, day));
  }

  cancelByOrganiser(eventId: string): Promise<ShownEvent> {
    return this.client.call('POST', [...this.path, 'events', eventId, 'cancel']);
  }

  touch(eventId: string): Promise<void> {
    return this.client.call('POST', [...this.path, 'events', eventId, 'touch']);
  }

  touchAll(): Promise<void> {
    return this.client.call('POST', [...this.path, 'touch']);
  }

  /** @param calendar of the same mailbox: its id, or its name */
  moveTo(eventId: string, calendar: string): Promise<ShownEvent> {
    return this.client.call('POST', [...this.path, 'events', eventId, 'move'], { calendar });
  }

  async truth(window: { start: string; end: string }): Promise<MicrosoftInstance[]> {
    const query = `?${new URLSearchParams(window).toString()}`;
    const path = [...this.path, 'truth'];
    const { instances } = await this.client.call<{ instances: MicrosoftInstance[] }>(
      'GET',
      path,
      undefined,
      query,
    );
    return instances;
  }

  change(changes: { name?: string } & ShareOptions): Promise<void> {
    return this.client.call('PATCH', this.path, changes);
  }

  remove(): Promise<void> {
    return this.client.call('DELETE', this.path);
  }

  /** @param other the mailbox' address. @returns the calendar's id there */
  async share(other: string, options: ShareOptions = {}): Promise<string> {
    const body = { with: other, ...options };
    return (await this.client.call<{ id: string }>('POST', [...this.path, 'share'], body)).id;
  }

  expire(what: 'delta_links' | 'next_links'): Promise<void> {
    return this.client.call('POST', [...this.path, 'expire'], { what });
  }

  /** @returns the new id */
  async changeId(): Promise<string> {
    return (await this.client.call<{ id: string }>('POST', [...this.path, 'id'])).id;
  }

  private slot(seriesId: string, day: string): string[] {
    return [...this.path, 'events', seriesId, 'occurrences', day];
  }
}
