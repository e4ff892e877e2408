/**
 * One notification of Google. Nothing is enqueued before every check has passed, nothing is acknowledged before
 * Redis has it, and nothing here pulls (I3). Statuses other than 500, 502, 503, 504 are never sent again by Google,
 * so whatever could succeed later is a 503.
 */
import { annotate } from '@calfleet/telemetry';
import type { Request, Response } from 'express';
import type { NotificationDeps } from './deps.ts';
import { readGoogleHeaders } from './google-headers.ts';
import { sendProblem } from './problem.ts';
import { requestIdOf } from './request-id.ts';

type ReceivedAs = 'accepted' | 'malformed' | 'bad_token' | 'unknown_key' | 'rate_capped' | 'not_stored';

export function receiveGoogle(deps: NotificationDeps) {
  const { producer, signer, logger, metrics, clock, withinCap, withinChannelCap } = deps;
  const count = (outcome: ReceivedAs, kind = 'unknown') =>
    metrics.notificationReceived.inc({ provider: 'google', kind, outcome });

  return async (request: Request, response: Response): Promise<void> => {
    const receivedAt = clock.now();
    const requestId = requestIdOf(response);
    const acknowledged = metrics.ingressAckDuration.startTimer({ provider: 'google' });
    response.once('finish', acknowledged);

    if (!withinCap(request.socket.remoteAddress ?? 'unknown')) {
      count('rate_capped');
      return sendProblem(response, 'rate_limited');
    }
    const read = readGoogleHeaders(request.headers);
    if ('problems' in read) {
      count('malformed');
      const detail = `Wrong headers: ${read.problems.map(({ path }) => path).join(', ')}`;
      return sendProblem(response, 'invalid_input', { detail, errors: read.problems });
    }
    const { watchId, token, event, resourceId, expiresAt } = read.notification;
    annotate({ 'calfleet.watch_id': watchId, 'calfleet.hint': event });
    switch (signer.verify(watchId, token)) {
      case 'wrong':
        count('bad_token', event);
        return sendProblem(response, 'not_authenticated');
      case 'unknown_key':
        count('unknown_key', event);
        logger.debug('A channel is signed with a key that is not in CHANNEL_SIGNING_KEYS', {
          watch_id: watchId,
          request_id: requestId,
        });
        return sendProblem(response, 'misconfigured');
      case 'ok':
    }
    if (!withinChannelCap(watchId)) {
      count('rate_capped', event);
      return sendProblem(response, 'rate_limited');
    }
    try {
      await producer.enqueue(
        'receive-notification',
        { watchId, event, resourceId, expiresAt, receivedAt: receivedAt.toISOString() },
        { requestId },
      );
    } catch (error) {
      count('not_stored', event);
      logger.debug('A notification was not stored', { watch_id: watchId, request_id: requestId, error });
      return sendProblem(response, 'provider_unavailable');
    }
    count('accepted', event);
    logger.debug('A notification was stored', { watch_id: watchId, event, request_id: requestId });
    response.status(200).end();
  };
}
