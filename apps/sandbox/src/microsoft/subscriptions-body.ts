/** Bodies of `/subscriptions`. https://learn.microsoft.com/graph/api/resources/subscription */
import { z } from 'zod';
import { acceptsAddress } from '../push/address.ts';
import type { ChangeType } from './mailbox.ts';
import { extensionError, invalidSubscription, type SubscriptionOperation } from './subscriptions-errors.ts';
import type { MicrosoftWorld } from './world.ts';

const CLIENT_STATE_MAX = 128;
const MINUTE_MS = 60_000;
const TLS_VERSIONS = ['v1_0', 'v1_1', 'v1_2', 'v1_3'] as const;
const CHANGE_TYPES: readonly string[] = ['created', 'updated', 'deleted'] satisfies ChangeType[];
/** Answers carry them; a client that sends them back is not refused for it. */
const READ_ONLY = ['id', 'applicationId', 'creatorId', 'notificationUrlAppId', 'notificationQueryOptions'];

const text = z.string().min(1);

const createBody = z.looseObject({
  changeType: text,
  notificationUrl: text,
  lifecycleNotificationUrl: text.nullish(),
  resource: text,
  expirationDateTime: z.iso.datetime({ offset: true }),
  clientState: z.string().nullish(),
  latestSupportedTlsVersion: z.enum(TLS_VERSIONS).nullish(),
  includeResourceData: z.boolean().nullish(),
  encryptionCertificate: z.null().optional(),
  encryptionCertificateId: z.null().optional(),
});

const updateBody = z.looseObject({
  expirationDateTime: z.iso.datetime({ offset: true }).optional(),
  notificationUrl: text.optional(),
});

export interface WantedSubscription {
  changeType: string;
  changeTypes: ReadonlySet<ChangeType>;
  notificationUrl: string;
  lifecycleNotificationUrl: string | null;
  resource: string;
  expiresAtMs: number;
  clientState: string | null;
  latestSupportedTlsVersion: string;
}

export interface WantedChange {
  expiresAtMs: number | null;
  notificationUrl: string | null;
}

/** @throws GraphError 400, naming the property */
export function readCreation(world: MicrosoftWorld, body: unknown): WantedSubscription {
  const wanted = parse(createBody, body);
  refuseUnknown(wanted, Object.keys(createBody.shape));
  if (wanted.includeResourceData === true) {
    throw invalidSubscription('encryptionCertificate is required when includeResourceData is true.');
  }
  if ((wanted.clientState?.length ?? 0) > CLIENT_STATE_MAX) {
    throw invalidSubscription(`clientState must not be longer than ${CLIENT_STATE_MAX} characters.`);
  }
  checkAddress(world, 'notificationUrl', wanted.notificationUrl);
  if (wanted.lifecycleNotificationUrl != null) {
    checkAddress(world, 'lifecycleNotificationUrl', wanted.lifecycleNotificationUrl);
  }
  return {
    changeType: wanted.changeType,
    changeTypes: changeTypesOf(wanted.changeType),
    notificationUrl: wanted.notificationUrl,
    lifecycleNotificationUrl: wanted.lifecycleNotificationUrl ?? null,
    resource: wanted.resource,
    expiresAtMs: expiryOf(world, 'Create', wanted.expirationDateTime),
    clientState: wanted.clientState ?? null,
    latestSupportedTlsVersion: wanted.latestSupportedTlsVersion ?? 'v1_2',
  };
}

/** @throws GraphError 400, naming the property */
export function readUpdate(
  world: MicrosoftWorld,
  body: unknown,
  current: { lifecycleNotificationUrl: string | null },
): WantedChange {
  const wanted = parse(updateBody, body);
  // It cannot come later: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
  const { lifecycleNotificationUrl = current.lifecycleNotificationUrl } = wanted;
  if (lifecycleNotificationUrl !== current.lifecycleNotificationUrl) {
    throw invalidSubscription('lifecycleNotificationUrl cannot be added or changed after creation.');
  }
  refuseUnknown(wanted, [...Object.keys(updateBody.shape), 'lifecycleNotificationUrl']);
  const { expirationDateTime, notificationUrl } = wanted;
  if (expirationDateTime === undefined && notificationUrl === undefined) {
    throw invalidSubscription('expirationDateTime is required.');
  }
  if (notificationUrl !== undefined) checkAddress(world, 'notificationUrl', notificationUrl);
  return {
    expiresAtMs: expirationDateTime === undefined ? null : expiryOf(world, 'Update', expirationDateTime),
    notificationUrl: notificationUrl ?? null,
  };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const property = issue?.path.join('.') ?? '';
  throw invalidSubscription(
    property === '' ? 'The request body is missing or invalid.' : `${property} is missing or invalid.`,
  );
}

function refuseUnknown(body: object, known: readonly string[]): void {
  const unknown = Object.keys(body).find(
    (name) => !known.includes(name) && !READ_ONLY.includes(name) && !name.startsWith('@odata.'),
  );
  if (unknown !== undefined) throw invalidSubscription(`The property '${unknown}' cannot be set.`);
}

function checkAddress(world: MicrosoftWorld, property: string, address: string): void {
  if (!acceptsAddress(address, world.pushHttpHosts)) {
    throw invalidSubscription(`${property} must be an https URL.`);
  }
}

function changeTypesOf(list: string): ReadonlySet<ChangeType> {
  const names = list.split(',').map((name) => name.trim().toLowerCase());
  const wrong = names.find((name) => !CHANGE_TYPES.includes(name));
  if (wrong !== undefined) throw invalidSubscription(`changeType '${wrong}' is not supported.`);
  return new Set(names as ChangeType[]);
}

/** Too long is refused, too short is raised: the answer's value counts. */
function expiryOf(world: MicrosoftWorld, operation: SubscriptionOperation, wanted: string): number {
  const now = world.clock.now();
  const wantedMs = Date.parse(wanted);
  const { subscriptionMinutesMax, subscriptionMinutesMin } = world.quirks;
  if (wantedMs <= now) throw invalidSubscription('expirationDateTime must be in the future.');
  if (wantedMs > now + subscriptionMinutesMax * MINUTE_MS) {
    throw extensionError(400, operation, {
      status: 'BadRequest',
      reason: `Subscription expiration can only be ${subscriptionMinutesMax} minutes in the future.`,
    });
  }
  return Math.max(wantedMs, now + subscriptionMinutesMin * MINUTE_MS);
}
