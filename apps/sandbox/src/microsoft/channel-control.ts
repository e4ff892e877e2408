/** The control API of subscriptions, notifications and throttling, below `/control/microsoft/channels/`. */
import { z } from 'zod';
import { ControlError } from '../control/owner.ts';
import { json, noContent, type Reply } from '../reply.ts';
import type { Mailbox } from './mailbox.ts';
import { lifecycleEvents } from './notifications-item.ts';
import type { MicrosoftWorld } from './world.ts';

interface ChannelRequest {
  method: string;
  path: string[];
  body: unknown;
}

const lifecycleInput = z.strictObject({
  /** A subscription's id, a calendar's id, or a mailbox' object id or address. */
  target: z.string().min(1),
  event: z.enum(lifecycleEvents),
});

const refuseInput = z.strictObject({
  requests: z.number().int().min(1),
  retryAfterSeconds: z.number().int().min(0).default(1),
});

/**
 * @param path behind `/control/microsoft/channels/`.
 * @returns undefined when nothing lives there.
 * @throws ControlError 404
 */
export async function channelControl(
  world: MicrosoftWorld,
  { method, path, body }: ChannelRequest,
): Promise<Reply | undefined> {
  const { subscriptions } = world;
  const { notifications } = subscriptions;
  const [room, mailbox, verb] = path;
  if (room === 'throttle' && mailbox !== undefined) {
    return throttleControl(world, { key: [method, verb].join(' ').trim(), mailbox, body });
  }
  switch ([method, ...path].join(' ')) {
    case 'GET subscriptions':
      return json({ subscriptions: subscriptions.report() });
    case 'GET notifications':
      return json({ counts: notifications.tally(), notifications: notifications.list() });
    case 'POST lifecycle': {
      const { target, event } = lifecycleInput.parse(body);
      return json({ told: subscriptions.sendLifecycle(target, event) });
    }
    case 'POST release':
      notifications.release();
      return json(notifications.tally());
    case 'POST settle':
      await notifications.settled();
      return json(notifications.tally());
    case 'POST tick':
      subscriptions.tick();
      return noContent;
    default:
      return undefined;
  }
}

function throttleControl(
  world: MicrosoftWorld,
  { key, mailbox: name, body }: { key: string; mailbox: string; body: unknown },
): Reply | undefined {
  const mailbox: Mailbox | undefined = world.mailbox(name);
  if (mailbox === undefined) throw new ControlError(404, `no such mailbox: ${name}`);
  switch (key) {
    case 'GET':
      return json(world.throttle.report(mailbox));
    case 'POST reset':
      world.throttle.reset(mailbox);
      return noContent;
    case 'POST refuse-next':
      world.throttle.refuseNext(mailbox, refuseInput.parse(body));
      return noContent;
    default:
      return undefined;
  }
}
