/** The control API of subscriptions and notifications, below `/control/microsoft/channels/`. */
import type { Reply } from '../reply.ts';
import type { MicrosoftWorld } from './world.ts';

/** @param path behind `/control/microsoft/channels/`. @returns undefined when nothing lives there. */
export async function channelControl(
  _world: MicrosoftWorld,
  _request: { method: string; path: string[]; body: unknown },
): Promise<Reply | undefined> {
  return undefined;
}
