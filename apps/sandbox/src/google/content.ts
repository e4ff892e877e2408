/** What a write may bring in: read-only fields are ignored, limits of extended properties are applied silently. */
import type { EventResource } from './resource.ts';

const readOnly = new Set([
  'kind',
  'etag',
  'id',
  'htmlLink',
  'created',
  'updated',
  'creator',
  'organizer',
  'sequence',
  'iCalUID',
  'recurringEventId',
  'originalStartTime',
  'hangoutLink',
  'locked',
  'privateCopy',
  'attendeesOmitted',
]);

/** The client's part of a resource, without nulls at the top. */
export function writableContent(body: EventResource): EventResource {
  const content: EventResource = {};
  for (const [name, value] of Object.entries(body)) {
    if (!readOnly.has(name) && value !== null && value !== undefined) content[name] = value;
  }
  if (content.extendedProperties) content.extendedProperties = withoutNulls(content.extendedProperties);
  return content;
}

/** The client's part of a patch, where null says something. */
export function patchContent(body: EventResource): EventResource {
  const content: EventResource = {};
  for (const [name, value] of Object.entries(body)) if (!readOnly.has(name)) content[name] = value;
  if (content.extendedProperties) content.extendedProperties = limitProperties(content.extendedProperties);
  return content;
}

/**
 * A patch: left out stays, null deletes, objects merge, arrays are replaced whole.
 * https://developers.google.com/workspace/calendar/api/guides/performance#patch
 */
export function mergePatch(base: EventResource, patch: EventResource): EventResource {
  return merge(base, patch) as EventResource;
}

function merge(base: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(base) ? { ...base } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value);
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Longer keys are dropped and longer values cut, both without a word:
 * https://developers.google.com/workspace/calendar/api/guides/extended-properties
 */
function limitProperties(given: NonNullable<EventResource['extendedProperties']>): typeof given {
  const limit = (values: Properties | null | undefined): Properties | null | undefined =>
    values &&
    Object.fromEntries(
      Object.entries(values)
        .filter(([key]) => key.length <= 44)
        .map(([key, value]) => [key, value?.slice(0, 1024) ?? null]),
    );
  return {
    ...('private' in given && { private: limit(given.private) }),
    ...('shared' in given && { shared: limit(given.shared) }),
  };
}

type Properties = Record<string, string | null>;

function withoutNulls(given: NonNullable<EventResource['extendedProperties']>): typeof given {
  return merge({}, limitProperties(given)) as typeof given;
}
