/** Bull Board over every queue of the fleet, for administrators: what waits, what failed and why, and to try it again. */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Router, type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import type { QueueBoardSource } from '@calfleet/jobs';
import { createAdminAdmission } from '../auth/admin-page.ts';
import { auditAct } from '../audit.ts';
import type { Context } from '../context.ts';
import type { OpenRoute } from '../route.ts';
import { guardBoard } from './guard.ts';

export const boardPath = '/admin/queues';

export const queueBoard: OpenRoute = {
  scope: 'page',
  audience: 'administrators',
  isMount: true,
  description: {
    summary: 'Bull Board over every queue of the fleet',
    details:
      'A page for administrators: an admin key as bearer token, or as the password of HTTP basic with any name.',
    answers: { 200: { description: 'The page; what lies below is its own.', type: 'text/html' } },
  },
  serve: openBoard,
};

function openBoard(context: Context): Router {
  const admit = createAdminAdmission(context);
  const router = Router({ caseSensitive: true });
  router.use(ownAssetsOnly);
  router.use(async (request: Request, response: Response, next: NextFunction) => {
    // What any answer but an asset holds is of this moment, and for this person.
    if (!request.path.startsWith('/static/')) response.setHeader('cache-control', 'no-store');
    response.setHeader('www-authenticate', 'Basic realm="Calfleet queues", charset="UTF-8"');
    const caller = await admit(request);
    response.removeHeader('www-authenticate');
    // Before it is done, so that nothing is done that is not written down.
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const { method, path } = request;
      await auditAct(context, request, { caller, action: 'queues.asked', target: `${method} ${path}` });
    }
    next();
  });
  const { board, show } = createBoard(context);
  router.use('/api', async (_request, _response, next) => {
    show(await context.queueBoard.open());
    next();
  });
  router.use(board);
  return router;
}

/**
 * Nothing from elsewhere: the page asks for a font of Google's, and does without. Styles are also written into the page
 * by its scripts. Over plain http inside a network nothing is upgraded to https, as Helmet's own default would.
 */
const ownAssetsOnly = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'", "'unsafe-inline'"],
    'img-src': ["'self'", 'data:'],
    'font-src': ["'self'"],
    'connect-src': ["'self'"],
    'base-uri': ["'self'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
  },
});

type Queues = Awaited<ReturnType<QueueBoardSource['open']>>;

function createBoard({ logger }: Context): { board: Express; show: (queues: Queues) => void } {
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(boardPath);
  const { replaceQueues } = createBullBoard({
    queues: [],
    serverAdapter,
    options: { uiConfig: { boardTitle: 'Calfleet queues' }, handlerHooks: { before: guardBoard(logger) } },
  });
  const board = serverAdapter.getRouter() as Express;
  board.disable('x-powered-by');
  let shown: Queues = [];
  return {
    board,
    show: (queues) => {
      // The same objects as long as none had to be opened anew.
      if (queues.length === shown.length && queues.every((queue, index) => queue === shown[index])) return;
      replaceQueues(queues.map((queue) => new BullMQAdapter(queue)));
      shown = queues;
    },
  };
}
