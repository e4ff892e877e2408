/** A sandbox whose Microsoft world tests can reach into, a receiver, and mailboxes with calendars. */
import { SandboxClock, realTime } from '../clock.ts';
import { GoogleOwner } from '../control/owner.ts';
import { sandboxClient } from '../sandbox.ts';
import { listen } from '../server.ts';
import { World } from '../store/world.ts';
import type { ChangeType, Mailbox } from './mailbox.ts';
import { startGraphReceiver, type GraphReceiver } from './notifications-receiver.ts';
import { MicrosoftOwner, type MailboxOwner } from './owner.ts';
import { MicrosoftWorld } from './world.ts';

export const OTHER_APP = { id: 'other-app', secret: 'other-secret' };

export interface GraphAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown> & {
    value?: Record<string, unknown>[];
    error?: { code: string; message: string };
  };
}

export interface GraphFixture {
  url: string;
  graph: MicrosoftWorld;
  owner: MicrosoftOwner;
  clock: SandboxClock;
  receiver: GraphReceiver;
  close(): Promise<void>;
}

export async function startGraph(): Promise<GraphFixture> {
  const clock = new SandboxClock(realTime);
  const clients = [sandboxClient, OTHER_APP];
  const world = new World(clock, clients, 1, []);
  const { faults, usage } = world;
  const graph = new MicrosoftWorld({ clock, clients, faults, usage, seed: 1, pushHttpHosts: [] });
  const owner = new MicrosoftOwner(graph);
  const core = { world, google: new GoogleOwner(world), graph, microsoft: owner };
  const listener = await listen(core, { host: '127.0.0.1', port: 0 });
  const receiver = await startGraphReceiver();
  clock.freeze();
  return {
    url: listener.url,
    graph,
    owner,
    clock,
    receiver,
    close: async () => {
      await listener.close();
      world.push.close();
      graph.close();
      await receiver.close();
    },
  };
}

export class GraphVisitor {
  constructor(
    private readonly fixture: GraphFixture,
    public accessToken: string,
  ) {}

  async call(
    method: string,
    path: string,
    options: { body?: unknown; prefer?: string } = {},
  ): Promise<GraphAnswer> {
    const response = await fetch(`${this.fixture.url}/microsoft/v1.0/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.accessToken}`,
        'content-type': 'application/json',
        ...(options.prefer === undefined ? {} : { prefer: options.prefer }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    const body = (text === '' ? {} : JSON.parse(text)) as GraphAnswer['body'];
    return { status: response.status, headers: response.headers, body };
  }

  subscribe(more: Record<string, unknown> = {}, prefer?: string): Promise<GraphAnswer> {
    const { clock, receiver } = this.fixture;
    return this.call('POST', 'subscriptions', {
      body: {
        changeType: 'created,updated,deleted',
        notificationUrl: `${receiver.url}/hook`,
        lifecycleNotificationUrl: `${receiver.url}/lifecycle`,
        resource: 'me/events',
        expirationDateTime: new Date(clock.now() + 10_000 * 60_000).toISOString(),
        clientState: 'secret',
        ...more,
      },
      ...(prefer === undefined ? {} : { prefer }),
    });
  }
}

/** A mailbox with the default calendar `${name}-default` and a further one, `${name}-other`. */
export function newMailbox(
  fixture: GraphFixture,
  name: string,
  more: { tenantId?: string; scopes?: string[] } = {},
): { owner: MailboxOwner; mailbox: Mailbox; visitor: GraphVisitor } {
  const { graph } = fixture;
  const owner = fixture.owner.createMailbox({
    email: `${name}@example.test`,
    refreshToken: `refresh-${name}`,
    ...more,
  });
  const mailbox = graph.mailboxes.get(owner.oid);
  if (mailbox === undefined) throw new Error('the mailbox was not stored');
  for (const [kind, isDefault] of [
    ['default', true],
    ['other', false],
  ] as const) {
    showCalendar(mailbox, {
      id: `${name}-${kind}`,
      folderId: `folder-${name}-${kind}`,
      owner: mailbox,
      isDefault,
    });
  }
  return { owner, mailbox, visitor: new GraphVisitor(fixture, owner.accessToken()) };
}

export function showCalendar(
  mailbox: Mailbox,
  entry: { id: string; folderId: string; owner: Mailbox; isDefault: boolean },
): void {
  mailbox.calendars.set(entry.id, { ...entry, canEdit: true, canViewPrivateItems: true });
}

/** Something happens to an event of the mailbox. */
export function change(
  graph: MicrosoftWorld,
  mailbox: Mailbox,
  more: { changeType?: ChangeType; calendar?: 'default' | 'other'; event?: string } = {},
): Buffer {
  const calendar = more.calendar ?? 'default';
  const [name] = mailbox.email.split('@');
  const changeKey = graph.nextChangeKey();
  graph.changed({
    mailbox,
    folderId: `folder-${name}-${calendar}`,
    isDefaultCalendar: calendar === 'default',
    eventId: more.event ?? 'event-1',
    immutableEventId: `immutable-${more.event ?? 'event-1'}`,
    changeKey,
    changeType: more.changeType ?? 'updated',
  });
  return changeKey;
}
