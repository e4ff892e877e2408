/** `fetch` for tests: an answer that is not as the document says fails the test that asked, whatever that looks at. */
import { createAnswerCheck, type CheckAnswer } from './answer-check.ts';

const checks = new Map<'api' | 'ingress', CheckAnswer>();

export function checkedFetch(server: 'api' | 'ingress'): typeof fetch {
  const check = checks.get(server) ?? createAnswerCheck(server);
  checks.set(server, check);
  return async (input, init) => {
    const asked = new Request(input, init);
    const { method } = asked;
    const { pathname, search } = new URL(asked.url);
    const response = await fetch(asked);
    check({
      method,
      path: pathname + search,
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      text: await response.clone().text(),
    });
    return response;
  };
}
