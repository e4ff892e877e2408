/** What a session is told of answers, so that every call is counted by what it came to. */
import type { ProviderAnswer } from '@calfleet/domain';
import { calendar, counted, errorFrom, FakeGraph, notFound, whole, type Part } from './graph.fixture.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());
afterAll(() => graph.close());

const told = async (
  ask: (session: ReturnType<typeof counted>) => Promise<unknown>,
): Promise<ProviderAnswer[]> => {
  const answers: ProviderAnswer[] = [];
  const session = { ...counted(), onAnswer: (answer: ProviderAnswer) => void answers.push(answer) };
  await errorFrom(ask(session));
  return answers;
};
const ok = { status: 200, code: null, cause: null };

it('a success, and nothing of what it said', async () => {
  graph.always(graph.delta());
  expect(await told((session) => graph.list({}, session))).toEqual([ok]);
});

it.each([
  [429, 'ApplicationThrottled', 'rate_limited'],
  [503, 'serviceNotAvailable', 'provider_unavailable'],
  [410, 'SyncStateNotFound', 'cursor_expired'],
  [403, 'ErrorAccessDenied', 'permission_denied'],
])('a refusal: %i %s is %s', async (status, code, ours) => {
  graph.always({ error: { code, message: 'private words' } }, status);
  expect(await told((session) => graph.list({}, session))).toEqual([{ status, code: ours, cause: null }]);
});

it('both answers, where a refused token was renewed', async () => {
  graph.always({ error: { code: 'InvalidAuthenticationToken' } }, 401);
  const refused = { status: 401, code: 'credentials_revoked', cause: null };
  expect(await told((session) => graph.list({}, session))).toEqual([refused, refused]);
});

it('no answer, and the name of what was in the way', async () => {
  graph.answer = (_, response) => void response.socket?.destroy();
  const [answer] = await told((session) => graph.list({}, session));
  expect(answer).toMatchObject({ status: null, code: 'provider_unavailable' });
  expect(answer?.cause).toMatch(/^[A-Z_a-z]+$/);
});

it('the parts of a batch one by one, as Graph counts them', async () => {
  const alive: Part = { status: 200, body: { id: calendar.providerCalendarId } };
  graph.lists({}, (url) =>
    /\/calendars\/[^/]+\?/.test(url)
      ? alive
      : url.endsWith('/a')
        ? { status: 200, body: whole('a') }
        : notFound,
  );
  const answers = await told((session) => graph.read({ events: ['a', 'b'] }, session));
  expect(answers).toHaveLength(3);
  expect(answers).toEqual(
    expect.arrayContaining([ok, ok, { status: 404, code: 'remote_missing', cause: null }]),
  );
});

it('a batch that failed as a whole, once', async () => {
  graph.always({ error: { code: 'serviceNotAvailable' } }, 503);
  const answers = await told((session) => graph.read({ events: ['a', 'b'] }, session));
  expect(answers).toEqual([{ status: 503, code: 'provider_unavailable', cause: null }]);
});
