/**
 * A batch of Graph's notifications. Every item counts (I4): each is judged on its own, a bad one is dropped and counted,
 * the good ones are stored together, and the batch is acknowledged only when Redis has them all.
 */
import type { Request } from 'express';
import { onBehalfOf, type JobRequest } from '@calfleet/jobs';
import { annotate } from '@calfleet/telemetry';
import type { ChannelSigner } from '@calfleet/vault';
import { readBody } from './body-cap.ts';
import type { NotificationDeps } from './deps.ts';
import { readMicrosoftBody, type MicrosoftItem } from './microsoft-body.ts';
import type { ProblemCode, ProblemDetails } from './problem.ts';

export type Answer = 'stored' | ({ code: ProblemCode } & ProblemDetails);

/** About half a second of this process, in which nobody is answered: more would only be late. */
export const storingMaxDefault = 10_000;

/** As much work for this process as one request (measured: 35 and 215 µs), and as much under its sender's cap. */
const itemsPerRequest = 6;

type DroppedAs = 'malformed' | 'unknown_event' | 'bad_token' | 'unknown_key';
type RefusedAs = 'malformed' | 'too_large' | 'rate_capped' | 'overloaded';

export function createBatchReceiver(deps: NotificationDeps) {
  const { producer, signer, logger, metrics, withinCap, withinChannelCap, storingMax } = deps;
  const count = (kind: string, outcome: 'accepted' | 'not_stored' | DroppedAs | RefusedAs) =>
    metrics.notificationReceived.inc({ provider: 'microsoft', kind, outcome });
  const refuse = (outcome: RefusedAs, answer: Answer): Answer => {
    count('batch', outcome);
    return answer;
  };
  let storing = 0;

  const store = async (jobs: readonly JobRequest[], requestId: string): Promise<boolean> => {
    // Nothing good in it: nothing to ask Redis for.
    if (jobs.length === 0) return true;
    storing += jobs.length;
    try {
      await onBehalfOf(producer, requestId).enqueueMany(jobs);
      logger.debug('A batch of notifications was stored', { jobs: jobs.length, request_id: requestId });
      return true;
    } catch (error) {
      logger.debug('A batch of notifications was not stored', {
        jobs: jobs.length,
        request_id: requestId,
        error,
      });
      return false;
    } finally {
      storing -= jobs.length;
    }
  };

  return async (
    request: Request,
    from: { source: string; receivedAt: Date; requestId: string },
  ): Promise<Answer> => {
    const body = await readBody(request);
    if (body === 'too_large') return refuse('too_large', { code: 'too_large' });
    // Nobody is there any more to hear it.
    if (body === 'cut_off') return refuse('malformed', { code: 'invalid_input' });
    const read = readMicrosoftBody(body);
    if ('problems' in read) {
      const detail = `Wrong fields: ${read.problems.map(({ path }) => path).join(', ')}`;
      return refuse('malformed', { code: 'invalid_input', detail, errors: read.problems });
    }
    // The request itself was counted at the door.
    if (!withinCap(from.source, Math.floor(read.items.length / itemsPerRequest))) {
      return refuse('rate_capped', { code: 'rate_limited' });
    }
    const { events, dropped, jobs, watches } = judge(signer, read.items, from.receivedAt);
    // All of them are counted, and all come again with the one that is too much.
    if (watches.filter((watch) => !withinChannelCap(watch)).length > 0) {
      return refuse('rate_capped', { code: 'rate_limited' });
    }
    if (storing + jobs.length > storingMax) return refuse('overloaded', { code: 'provider_unavailable' });
    annotate({ 'calfleet.items': read.items.length, 'messaging.batch.message_count': jobs.length });
    for (const { event, as } of dropped) count(event, as);
    const isStored = await store(jobs, from.requestId);
    for (const event of events) count(event, isStored ? 'accepted' : 'not_stored');
    if (!isStored) return { code: 'provider_unavailable' };
    if (!dropped.some(({ as }) => as === 'unknown_key')) return 'stored';
    // Sent again until the key is back or Graph gives up; what was stored by then coalesces or costs an empty pull.
    logger.debug('Channels are signed with a key that is not in CHANNEL_SIGNING_KEYS', {
      jobs: jobs.length,
      request_id: from.requestId,
    });
    return { code: 'misconfigured' };
  };
}

interface Judged {
  /** Of every good item, repeated ones too. */
  events: string[];
  dropped: { event: string; as: DroppedAs }[];
  /** One for each watch and event: more of them say no more. */
  jobs: JobRequest[];
  /** Each that a good item is about, once. */
  watches: string[];
}

function judge(signer: ChannelSigner, items: readonly MicrosoftItem[], receivedAt: Date): Judged {
  const events: string[] = [];
  const dropped: Judged['dropped'] = [];
  const jobs = new Map<string, JobRequest>();
  const watches = new Set<string>();
  for (const item of items) {
    if ('problem' in item) {
      dropped.push({ event: 'unknown', as: item.problem });
      continue;
    }
    const { clientState, event, subscriptionId, expiresAt } = item.notification;
    const proof = signer.verifyClientState(clientState);
    if (proof.verdict !== 'ok') {
      dropped.push({ event, as: proof.verdict === 'wrong' ? 'bad_token' : proof.verdict });
      continue;
    }
    events.push(event);
    const { watchId } = proof;
    watches.add(watchId);
    const job = `${watchId}.${event}`;
    if (jobs.has(job)) continue;
    const payload = {
      watchId,
      event,
      resourceId: subscriptionId,
      expiresAt,
      receivedAt: receivedAt.toISOString(),
    };
    jobs.set(job, { name: 'receive-notification', payload });
  }
  return { events, dropped, jobs: [...jobs.values()], watches: [...watches] };
}
