/**
 * Up to 20 reads in one request. The answer is 200 even when parts of it fail, and each part is throttled on its own.
 * https://learn.microsoft.com/graph/json-batching
 */
import { SyncError, type ProviderSession } from '@calfleet/domain';
import { isJson, objectsOf, type Json } from '../json.ts';
import { ask, PREFER, type GraphCalls } from './call.ts';
import { isTokenRefused, toSyncError, type GraphAnswer, type GraphOperation } from './errors.ts';

export const BATCH_MAX = 20;

/**
 * Reads paths below the root, at most {@link BATCH_MAX}. Parts that failed in passing are asked for once more,
 * together; not where a part says to stay away, since asking before its time is over is counted as well.
 * @returns successes and final refusals, in the order of the paths
 * @throws rate_limited, provider_unavailable for the whole, also when one part stays like that
 */
export async function batch(
  calls: GraphCalls,
  session: ProviderSession,
  request: { operation: GraphOperation; paths: readonly string[] },
): Promise<GraphAnswer[]> {
  const { operation, paths } = request;
  const answers = await post(calls, session, request);
  const failed = answers.flatMap((answer, index) => (passingError(calls, operation, answer) ? [index] : []));
  if (failed.length === 0) return answers;
  if (answers.some(isTokenRefused)) await session.accessToken({ fresh: true });
  const again = await post(calls, session, { operation, paths: failed.map((index) => paths[index] ?? '') });
  for (const [n, answer] of again.entries()) {
    const error = passingError(calls, operation, answer);
    if (error) throw error;
    answers[failed[n] ?? -1] = answer;
  }
  return answers;
}

async function post(
  calls: GraphCalls,
  session: ProviderSession,
  { operation, paths }: { operation: GraphOperation; paths: readonly string[] },
): Promise<GraphAnswer[]> {
  if (paths.length > BATCH_MAX) throw new SyncError('bug', 'more than a batch holds');
  const requests = paths.map((url, id) => ({
    id: String(id),
    method: 'GET',
    url,
    headers: { Prefer: PREFER },
  }));
  const answer = await ask(calls, session, {
    operation,
    method: 'POST',
    at: '/$batch',
    body: { requests },
    requests: paths.length,
    partsOf: (outer) => [...partsOf(outer).values()],
  });
  if (answer.status !== 200) throw toSyncError(answer, operation, calls.clock.now());
  const parts = partsOf(answer);
  const answers = paths.map((_, id) => parts.get(String(id)) ?? missingPart(operation));
  const [wait] = answers
    .flatMap((part) => errorOf(calls, operation, part) ?? [])
    .filter(({ retryAfterMs }) => retryAfterMs !== undefined)
    .sort((a, b) => (b.retryAfterMs ?? 0) - (a.retryAfterMs ?? 0));
  // One part that is told to stay away speaks for all.
  if (wait) throw wait;
  return answers;
}

/** In any order, as Graph sends them. */
function partsOf({ body }: GraphAnswer): Map<string, GraphAnswer> {
  const responses = isJson(body) ? objectsOf(body['responses']) : [];
  return new Map(
    responses.map((part) => [String(part['id']), { status: Number(part['status']), ...contentOf(part) }]),
  );
}

function contentOf(part: Json): Omit<GraphAnswer, 'status'> {
  const headers = isJson(part['headers']) ? Object.entries(part['headers']) : [];
  const byName = new Map(headers.map(([name, value]) => [name.toLowerCase(), String(value)]));
  return { body: part['body'], header: (name) => byName.get(name.toLowerCase()) ?? null };
}

/** What may be over in a moment. */
function passingError(calls: GraphCalls, operation: GraphOperation, answer: GraphAnswer): SyncError | null {
  const error = errorOf(calls, operation, answer);
  return error?.code === 'provider_unavailable' || error?.code === 'credentials_revoked' ? error : null;
}

const errorOf = (calls: GraphCalls, operation: GraphOperation, answer: GraphAnswer): SyncError | null =>
  answer.status >= 200 && answer.status < 300 ? null : toSyncError(answer, operation, calls.clock.now());

const missingPart = (operation: GraphOperation): never => {
  throw new SyncError(
    'provider_unavailable',
    `Graph left a part of a batch out of its answer to ${operation}`,
    {
      context: { operation },
    },
  );
};
