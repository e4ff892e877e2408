/**
 * events.watch and channels.stop. https://developers.google.com/workspace/calendar/api/guides/push
 * The sync message leaves before the answer unless told otherwise, so a client has to be ready for a channel it
 * has not heard about.
 */
import { z } from 'zod';
import { hash32 } from '../random.ts';
import { json, noContent, type Reply } from '../reply.ts';
import type { CalendarEntry } from '../store/calendar.ts';
import type { Channel } from '../push/channels.ts';
import type { Call } from './call.ts';
import {
  badRequest,
  channelIdNotUnique,
  channelTypeNotSupported,
  GoogleError,
  invalid,
  pushNotSupported,
  required,
  webhookUrlNotHttps,
  webhookUrlUnauthorized,
} from './errors.ts';

const numeric = z.union([z.number(), z.string().regex(/^-?\d{1,15}$/)]).transform(Number);

const watchBody = z.looseObject({
  id: z.string().optional(),
  type: z.string().optional(),
  address: z.string().optional(),
  token: z.string().nullish(),
  expiration: numeric.nullish(),
  params: z.looseObject({ ttl: numeric.optional() }).nullish(),
});

/** The charset is what clients saw refused, not documented; the lengths are. */
const CHANNEL_ID = /^[A-Za-z0-9\-_+/=]{1,64}$/;
const TOKEN_MAX = 256;

export async function watch(call: Call, entry: CalendarEntry): Promise<Reply> {
  const { world } = call;
  const channel = openChannel(call, entry);
  world.push.channels.open(channel);
  const { syncMessage } = world.quirks;
  if (syncMessage === 'before') await world.push.sync(channel);
  // After the answer has been written, which happens in this turn of the event loop.
  if (syncMessage === 'after') setTimeout(() => void world.push.sync(channel), 10).unref();
  const { id, resourceId, resourceUri, token, expiresAtMs } = channel;
  return json({
    kind: 'api#channel',
    id,
    resourceId,
    resourceUri,
    ...(token === null ? {} : { token }),
    expiration: String(expiresAtMs),
  });
}

function openChannel(call: Call, { calendar }: CalendarEntry): Channel {
  const { world, account, accessToken, rootUrl } = call;
  const parsed = watchBody.safeParse(call.body);
  if (!parsed.success) throw badRequest('Parse Error');
  const { id, type, address, token } = parsed.data;
  if (id === undefined) throw required('Required');
  if (!CHANNEL_ID.test(id)) throw invalid('Invalid value for: id');
  if (type === undefined) throw required('Required');
  if (type !== 'web_hook' && type !== 'webhook') throw channelTypeNotSupported();
  if (address === undefined) throw required('Required');
  if ((token?.length ?? 0) > TOKEN_MAX) throw invalid('Invalid value for: token');
  if (!world.push.accepts(address)) throw webhookUrlNotHttps(address);
  if (world.quirks.unauthorizedHosts.includes(new URL(address).hostname)) {
    throw webhookUrlUnauthorized(address);
  }
  if (calendar.refusesPush) throw pushNotSupported();
  if (world.push.channels.has(id)) throw channelIdNotUnique(id);
  return {
    id,
    // The same for all channels of a resource, and stable: it depends on the calendar alone.
    resourceId: Buffer.from(`${hash32(calendar.id)}${hash32(calendar.id, 1)}`).toString('base64url'),
    resourceUri: `${rootUrl}calendar/v3/calendars/${encodeURIComponent(calendar.id)}/events?alt=json`,
    calendarId: calendar.id,
    email: account.email,
    clientId: accessToken.clientId,
    address,
    token: token ?? null,
    openedAtMs: world.clock.now(),
    expiresAtMs: expiryOf(call, id, parsed.data),
    stoppedAtMs: null,
    messageNumber: 0,
  };
}

function expiryOf({ world }: Call, id: string, wanted: z.infer<typeof watchBody>): number {
  const now = world.clock.now();
  const { channelTtlDefaultMs, channelTtlMaxMs } = world.quirks;
  const ttlMs = wanted.params?.ttl === undefined ? channelTtlDefaultMs : wanted.params.ttl * 1000;
  const expiresAtMs = wanted.expiration ?? now + ttlMs;
  // Seconds instead of milliseconds land in 1970: https://github.com/googleapis/google-api-nodejs-client/issues/3263
  if (expiresAtMs <= now) throw invalid(`Invalid ttl value for channel ${id}`);
  return Math.floor(Math.min(expiresAtMs, now + channelTtlMaxMs));
}

const stopBody = z.looseObject({ id: z.string(), resourceId: z.string() });

/** Only the user and client that opened a channel can stop it. */
export function stop(call: Call): Reply {
  const parsed = stopBody.safeParse(call.body);
  if (!parsed.success) throw required('Required');
  const { id, resourceId } = parsed.data;
  const { world, account, accessToken } = call;
  const channel = world.push.channels.get(id);
  const isTheirs =
    channel !== undefined &&
    channel.resourceId === resourceId &&
    channel.email === account.email &&
    channel.clientId === accessToken.clientId;
  const isOpen = channel?.stoppedAtMs === null && channel.expiresAtMs > world.clock.now();
  if (!isTheirs || !isOpen) throw channelNotFound(id);
  channel.stoppedAtMs = world.clock.now();
  return noContent;
}

const channelNotFound = (id: string): GoogleError =>
  new GoogleError({
    status: 404,
    domain: 'global',
    reason: 'notFound',
    message: `Channel '${id}' not found for project '482910357712'`,
  });
