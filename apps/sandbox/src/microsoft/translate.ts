/** Normal ids to immutable ones and back. https://learn.microsoft.com/graph/api/user-translateexchangeids */
import { z } from 'zod';
import { json, type Reply } from '../reply.ts';
import { demand, findItem, instanceOf } from './access.ts';
import type { GraphCall } from './call.ts';
import { badRequest } from './errors.ts';
import { parseEventId } from './ids.ts';
import { instanceId } from './item.ts';
import type { MicrosoftWorld } from './world.ts';

const formats = ['restId', 'restImmutableEntryId'] as const;

const translateBody = z.object({
  inputIds: z.array(z.string()).max(1000),
  sourceIdType: z.enum(formats),
  targetIdType: z.enum(formats),
});

export function translateIds(call: GraphCall): Reply {
  demand(call, 'calendars.read');
  const read = translateBody.safeParse(call.body);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw badRequest(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  const { inputIds, sourceIdType, targetIdType } = read.data;
  const value = inputIds.map((sourceId) => {
    const immutable = targetIdType === 'restImmutableEntryId';
    const targetId = translated(call.world, sourceId, { from: sourceIdType, immutable });
    if (targetId !== undefined) return { sourceId, targetId };
    const errorDetails = { code: 'ErrorInvalidId', message: 'Id is malformed.' };
    return { sourceId, targetId: null, errorDetails };
  });
  return json({
    '@odata.context': `${call.rootUrl}/$metadata#Collection(microsoft.graph.convertIdResult)`,
    value,
  });
}

function translated(
  world: MicrosoftWorld,
  id: string,
  { from, immutable }: { from: (typeof formats)[number]; immutable: boolean },
): string | undefined {
  const ref = parseEventId(id);
  if (ref === undefined || ref.isImmutable !== (from === 'restImmutableEntryId')) return undefined;
  const item = findItem(world, ref);
  const instance = item && instanceOf(world, item, ref);
  return instance && instanceId(instance, { immutable });
}
