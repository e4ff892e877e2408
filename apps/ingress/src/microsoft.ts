/**
 * One POST of Microsoft Graph: a handshake, or a batch of notifications. Nothing here pulls (I3). Whatever is not a 2xx
 * is sent again for hours, never a 429; and a host that is slow to answer is cut off, so there is an answer within the
 * time that Graph grants, whatever happens behind it.
 * https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
 */
import type { Request, Response } from 'express';
import { leaveBody } from './body-cap.ts';
import type { NotificationDeps } from './deps.ts';
import { createBatchReceiver, type Answer } from './microsoft-batch.ts';
import { readValidationToken, sayBack } from './microsoft-handshake.ts';
import { sendProblem } from './problem.ts';
import { requestIdOf } from './request-id.ts';

/** Of the 3 s that Graph grants, one is for the way. */
const answerWithinMs = 2000;

export function receiveMicrosoft(deps: NotificationDeps) {
  const { metrics, clock, withinCap } = deps;
  const count = (kind: 'handshake' | 'batch', outcome: string) =>
    metrics.notificationReceived.inc({ provider: 'microsoft', kind, outcome });
  const receiveBatch = createBatchReceiver(deps);

  return async (request: Request, response: Response): Promise<void> => {
    const receivedAt = clock.now();
    const acknowledged = metrics.ingressAckDuration.startTimer({ provider: 'microsoft' });
    response.once('finish', acknowledged);

    const source = request.socket.remoteAddress ?? 'unknown';
    const token = readValidationToken(request.url);
    if (!withinCap(source)) {
      count(token === null ? 'batch' : 'handshake', 'rate_capped');
      leaveBody(request, response);
      return sendProblem(response, 'rate_limited');
    }
    if (token !== null) {
      leaveBody(request, response);
      return count('handshake', sayBack(response, token));
    }
    const answer = await inTime(
      receiveBatch(request, { source, receivedAt, requestId: requestIdOf(response) }),
      () => {
        count('batch', 'late');
        return { code: 'provider_unavailable' };
      },
    );
    leaveBody(request, response);
    if (answer === 'stored') return void response.status(202).end();
    sendProblem(response, answer.code, answer);
  };
}

/** The answer, or the late one: work that goes on behind it is unobserved, and doing it again is harmless. */
async function inTime(work: Promise<Answer>, late: () => Answer): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve(late()), answerWithinMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
