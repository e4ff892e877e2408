/**
 * `$batch`: up to twenty requests in one. The outer answer is 200 whatever becomes of the parts; each part is planned,
 * throttled, counted and struck by faults like a request of its own. https://learn.microsoft.com/graph/json-batching
 */
import { z } from 'zod';
import { precede } from '../faults/faults.ts';
import { json, type Reply } from '../reply.ts';
import { badRequest } from './errors.ts';
import { noRoute, plan, type GraphRequest, type PlannedCall } from './handle.ts';
import type { MicrosoftWorld } from './world.ts';

const PARTS_MAX = 20;
/** Outlook runs four parts at a time. https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits */
const PARALLEL_MAX = 4;

const partBody = z.object({
  id: z.string().min(1),
  method: z.string().transform((method) => method.toUpperCase()),
  url: z.string().min(1),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.unknown().optional(),
  dependsOn: z.array(z.string()).default([]),
});

type Part = z.infer<typeof partBody>;

interface PartReply {
  id: string;
  status: number;
  headers: Record<string, string>;
  body?: unknown;
}

/** @throws GraphError 400 when the batch as a whole cannot be read */
export async function runBatch(world: MicrosoftWorld, request: GraphRequest, body: unknown): Promise<Reply> {
  const parts = readParts(body);
  const done = new Map<string, PartReply>();
  const responses: PartReply[] = [];
  let waiting = parts;
  while (waiting.length > 0) {
    // Every dependency stands before its dependants, so each turn finds somebody.
    const ready = waiting.filter((part) => part.dependsOn.every((id) => done.has(id)));
    waiting = waiting.filter((part) => !ready.includes(part));
    await inParallel(ready, async (part) => {
      const answer = hasFailed(part, done) ? failedDependency(part) : await runPart(world, request, part);
      done.set(part.id, answer);
      responses.push(answer);
    });
  }
  // In the order in which they ended, and when they end together, not in the order of the request.
  return json({ responses: responses.reverse() });
}

function readParts(body: unknown): Part[] {
  const read = z.object({ requests: z.array(partBody) }).safeParse(body);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw badRequest(`Invalid batch payload format: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
  }
  const { requests } = read.data;
  if (requests.length > PARTS_MAX) {
    throw badRequest(`Number of batch request steps exceeds the maximum value of ${PARTS_MAX}.`);
  }
  const known = new Set<string>();
  for (const part of requests) {
    if (known.has(part.id)) throw badRequest(`Duplicate request id '${part.id}' in the batch.`);
    if (!URL.canParse(partTarget(part))) throw badRequest(`Invalid url in request '${part.id}'.`);
    if (part.dependsOn.some((id) => !known.has(id))) {
      throw badRequest(`Request '${part.id}' depends on a request that does not stand before it.`);
    }
    const hasType = Object.keys(part.headers).some((name) => name.toLowerCase() === 'content-type');
    if (part.body !== undefined && !hasType) {
      throw badRequest(`Write request id : ${part.id} does not contain Content-Type header or body.`);
    }
    known.add(part.id);
  }
  return requests;
}

const hasFailed = (part: Part, done: Map<string, PartReply>): boolean =>
  part.dependsOn.some((id) => (done.get(id)?.status ?? 500) >= 400);

const failedDependency = ({ id }: Part): PartReply => ({
  id,
  status: 424,
  headers: {},
  body: { error: { code: 'FailedDependency', message: 'A request this one depends on has failed.' } },
});

async function runPart(world: MicrosoftWorld, outer: GraphRequest, part: Part): Promise<PartReply> {
  const request = partRequest(outer, part);
  const planned = plan(world, request);
  if (planned === undefined || planned.operation === 'graph.batch')
    return shown(part, noRoute(world, request));
  const end = world.usage.begin(planned.operation, planned.account);
  const reply = await planned.enter(
    () => struck(world, planned),
    (refusal) => refusal,
  );
  end(reply.status);
  return shown(part, reply);
}

/** A connection cannot be cut for one part alone: what would cut it answers 504 here, before or after the work. */
async function struck(world: MicrosoftWorld, planned: PlannedCall): Promise<Reply> {
  const effect = await precede(world.faults.strike(planned), () => planned.overtake());
  if (effect === undefined) return planned.run();
  if (effect.kind === 'status') return planned.fault(effect);
  if (effect.kind !== 'drop_before' && effect.kind !== 'hang_before') await planned.run();
  return planned.fault({ kind: 'status', status: 504 });
}

/** Urls are relative to the version; an absolute one names a path that does not exist. */
const partTarget = ({ url }: Part): string => `http://batch/${url.replace(/^\//, '')}`;

function partRequest(outer: GraphRequest, part: Part): GraphRequest {
  const url = new URL(partTarget(part));
  const headers = Object.entries(part.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    method: part.method,
    path: url.pathname.slice(1),
    params: url.searchParams,
    headers: Object.fromEntries([['authorization', outer.headers.authorization] as const, ...headers]),
    body: part.body === undefined ? '' : JSON.stringify(part.body),
    rootUrl: outer.rootUrl,
  };
}

function shown({ id }: Part, reply: Reply): PartReply {
  const headers = { ...reply.headers, 'Content-Type': 'application/json' };
  if (reply.body === '') return { id, status: reply.status, headers: { ...reply.headers } };
  return { id, status: reply.status, headers, body: JSON.parse(reply.body) as unknown };
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_MAX, items.length) }, worker));
}
