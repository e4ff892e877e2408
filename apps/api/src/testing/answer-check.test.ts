import { createAnswerCheck, type GivenAnswer } from './answer-check.ts';

const check = createAnswerCheck('api');
const json = 'application/json; charset=utf-8';
const account = {
  id: '0190a0a0-0000-7000-8000-000000000000',
  provider: 'google',
  email: null,
  status: 'active',
  status_reason: null,
  scopes: [],
  created_at: '2026-11-20T12:00:00.000Z',
};
const problem = {
  type: 'about:blank',
  title: 'There is nothing here',
  status: 404,
  code: 'not_found',
  detail: 'There is nothing here',
  request_id: 'r',
};
const accounts = '/integrations/calendar/accounts';
const one = `${accounts}/${account.id}`;
const answer = (changes: Partial<GivenAnswer> & { body?: unknown } = {}): GivenAnswer => {
  const { body = account, ...rest } = changes;
  return { method: 'GET', path: one, status: 200, type: json, text: JSON.stringify(body), ...rest };
};
const problemType = 'application/problem+json';

test.each<[string, GivenAnswer]>([
  ['an account', answer()],
  ['a page', answer({ path: `${accounts}?limit=1`, body: { items: [account], next_cursor: null } })],
  ['a problem', answer({ status: 404, type: problemType, body: problem })],
  ['no operation, refused', answer({ path: '/nowhere', status: 404, type: problemType, body: problem })],
  ['what is not readable as HTTP', answer({ status: 431, type: problemType, body: problem })],
  ['HEAD', answer({ method: 'HEAD', text: '' })],
  [
    'a redirect',
    answer({ path: '/integrations/calendar/oauth/google/callback', status: 302, type: '', text: '' }),
  ],
])('%s is as the document says', (_name, given) => {
  expect(() => check(given)).not.toThrow();
});

test.each<[string, GivenAnswer, RegExp]>([
  ['another status', answer({ status: 201 }), /is not among 200/],
  ['another media type', answer({ type: 'text/html' }), /and not application\/json/],
  ['a member too many', answer({ body: { ...account, user_id: 'ada' } }), /additional properties/],
  [
    'one of an item',
    answer({ path: accounts, body: { items: [{ ...account, x: 1 }], next_cursor: null } }),
    /additional/,
  ],
  ['a member too few', answer({ body: { ...account, email: undefined } }), /required property 'email'/],
  ['a word that it does not know', answer({ body: { ...account, status: 'asleep' } }), /allowed values/],
  ['no instant', answer({ body: { ...account, created_at: 'yesterday' } }), /date-time/],
  [
    'a code that is not of the route',
    answer({ status: 404, type: problemType, body: { ...problem, code: 'gone' } }),
    /allowed values/,
  ],
  [
    'a body where none belongs',
    answer({ path: '/integrations/calendar/oauth/google/callback', status: 302 }),
    /has a body/,
  ],
  ['no operation, answered', answer({ path: '/nowhere' }), /is no operation/],
  [
    'a line in its middle',
    answer({
      path: '/integrations/calendar/export',
      type: 'application/x-ndjson',
      text: '{"type":"end","lines":0}',
    }),
    /middle of a line/,
  ],
  [
    'a line that is none',
    answer({ path: '/integrations/calendar/export', type: 'application/x-ndjson', text: '{"type":"end"}\n' }),
    /required property 'lines'/,
  ],
])('%s is not', (_name, given, wrong) => {
  expect(() => check(given)).toThrow(wrong);
});
