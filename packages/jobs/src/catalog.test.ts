import { z } from 'zod';
import { newId } from '@calfleet/domain';
import type { workerConfig } from '@calfleet/config';
import { catalog, queueNames, type JobInput, type QueueName } from './catalog.ts';
import { backoffMs } from './backoff.ts';
import { planOf, readPayload } from './plan.ts';

const calendarId = newId();
const requestedAt = '2026-01-15T12:00:00.000Z';
const notification = (event: 'change' | 'sync' | 'not_exists'): JobInput<'receive-notification'> => ({
  watchId: calendarId,
  event,
  resourceId: 'r',
  expiresAt: null,
  receivedAt: requestedAt,
});

test('the setting of queues names exactly the queues', () => {
  type Configured = ReturnType<typeof workerConfig>['queues'][number];
  const same: [Configured] extends [QueueName] ? ([QueueName] extends [Configured] ? true : false) : false =
    true;
  expect(same).toBe(true);
  const used = Object.keys(catalog).length;
  expect(used).toBeGreaterThanOrEqual(queueNames.length);
});

test('a change waits a little and coalesces; what must not be lost among changes has its own id', () => {
  const change = planOf('receive-notification', notification('change'));
  expect(change.options).toMatchObject({
    delay: 150,
    deduplication: { id: `${calendarId}.change`, keepLastIfActive: true },
    removeOnComplete: true,
  });
  for (const event of ['sync', 'not_exists'] as const) {
    const plan = planOf('receive-notification', notification(event));
    expect(plan.options.deduplication?.id).toBe(`${calendarId}.${event}`);
    expect(plan.options.delay).toBeUndefined();
  }
});

test('pulls are ordered by who asked, and a backfill stands elsewhere', () => {
  const plans = (['user', 'notify', 'schedule'] as const).map((reason) =>
    planOf('pull-calendar', { calendarId, reason, requestedAt }),
  );
  expect(plans.map(({ queue }) => queue)).toEqual(['pull', 'pull', 'pull']);
  const priorities = plans.map(({ options }) => options.priority ?? 0);
  expect([...priorities].sort((a, b) => a - b)).toEqual(priorities);
  expect(new Set(plans.map(({ options }) => options.deduplication?.id)).size).toBe(3);
  expect(planOf('pull-calendar', { calendarId, reason: 'backfill', requestedAt }).queue).toBe('backfill');
});

test('ids hold no colon, which BullMQ would refuse', () => {
  for (const plan of [
    planOf('receive-notification', notification('sync')),
    planOf('recheck-events', { calendarId }),
    planOf('ensure-watch', { calendarId }),
    planOf('discover-account', { accountId: calendarId }),
  ]) {
    expect(plan.options.deduplication?.id).toMatch(/^[\w.-]+$/);
    expect(plan.options).not.toHaveProperty('jobId');
  }
});

test('a payload with anything but ids is refused by name, not by value', () => {
  const smuggled = { calendarId, token: 'ya29.secret' } as JobInput<'recheck-events'>;
  expect(() => planOf('recheck-events', smuggled)).toThrow(/recheck-events/);
  expect(() => planOf('recheck-events', smuggled)).not.toThrow(/secret/);
  expect(() => planOf('ensure-watch', { calendarId: 'not-a-uuid' })).toThrow(/calendarId/);
});

test('a worker leaves out what a newer version has added to a payload, except to a tick, which carries nothing', () => {
  expect(readPayload('recheck-events', { calendarId, force: true })).toEqual({ payload: { calendarId } });
  expect(readPayload('recheck-events', { force: true })).toBeNull();
  expect(readPayload('cleanup', {})).toEqual({ payload: {} });
  expect(readPayload('cleanup', { force: true })).toBeNull();
  expect(readPayload('constructor', { calendarId })).toBeNull();
});

test('waits double, stay below half a minute, and half of each is jitter', () => {
  expect(backoffMs(1000, 1, 0)).toBe(500);
  expect(backoffMs(1000, 1, 1)).toBe(1000);
  expect(backoffMs(1000, 3, 1)).toBe(4000);
  expect(backoffMs(1000, 500, 1)).toBe(30_000);
});

test('every field of every payload is an id, an instant, a word of ours or yes and no: no room for what anybody wrote', () => {
  const kinds = Object.values(catalog).flatMap(({ payload }) => {
    const { properties = {}, additionalProperties } = z.toJSONSchema(payload, { io: 'input' });
    expect(additionalProperties).toBe(false);
    return Object.entries(properties).map(([field, schema]) => [field, kindOf(schema)]);
  });
  const told = [...new Set(kinds.map((kind) => kind.join(': ')))].toSorted();
  expect(told).toEqual([
    'accountId: uuid',
    'ahead: boolean',
    'asked: boolean',
    'calendarId: uuid',
    'daily: boolean',
    'event: one of ours',
    'expiresAt: date-time',
    'reason: one of ours',
    'receivedAt: date-time',
    'renew: boolean',
    'requestId: ^[\\w.-]{1,128}$',
    'requestedAt: date-time',
    // As the provider names what a channel watches: it must be sent back to stop it.
    'resourceId: text of 512',
    'watchId: uuid',
  ]);
});

type JsonSchema = Exclude<z.core.JSONSchema.BaseSchema, boolean>;

function kindOf(schema: z.core.JSONSchema._JSONSchema): string {
  const { anyOf, enum: words, format, maxLength, pattern, type } = schema as JsonSchema;
  const [one] = (anyOf ?? []).filter((each) => each.type !== 'null');
  if (one !== undefined) return kindOf(one);
  if (words) return 'one of ours';
  if (format !== undefined) return format;
  if (pattern !== undefined) return pattern;
  return type === 'string' ? `text of ${maxLength ?? 'any length'}` : String(type);
}
