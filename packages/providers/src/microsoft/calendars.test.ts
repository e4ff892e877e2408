import { counted, errorFrom, FakeGraph, type Part } from './graph.fixture.ts';

const graph = new FakeGraph();

beforeAll(() => graph.open());

afterAll(() => graph.close());

beforeEach(() => {
  graph.seen = [];
});

const own = { name: 'Ada', address: 'ADA@example.com' };
const others = { name: 'Bob', address: 'bob@example.com' };
const me: Part = { status: 200, body: { id: 'oid-1', mail: null, userPrincipalName: 'ada@example.com' } };
const denied: Part = { status: 403, body: { error: { code: 'ErrorAccessDenied', message: '' } } };
const settings = (timeZone: string): Part => ({ status: 200, body: { timeZone } });

const list = (pageCursor: string | null = null) => graph.provider().listCalendars(counted(), { pageCursor });

/** A page of calendars beside who asks and in which zone. */
const answers = (value: object[], parts: { me?: Part; settings?: Part } = {}, more = {}) =>
  graph.lists({ value, ...more }, (url) =>
    url.startsWith('/me/mailboxSettings')
      ? (parts.settings ?? settings('Tokyo Standard Time'))
      : (parts.me ?? me),
  );

it('lists calendars with their roles, and the mailbox they belong to', async () => {
  answers([
    { id: 'a', name: 'Calendar', isDefaultCalendar: true, canEdit: true, canShare: true, owner: own },
    { id: 'b', name: 'Birthdays\0', canEdit: false, canShare: false, owner: own },
    { id: 'c', name: 'Work', canEdit: true, canShare: false, owner: own },
    { id: 'd', canEdit: true, canShare: false, owner: others },
    { id: 'e', name: 'Bob', canEdit: false, owner: others },
    { name: 'no id' },
  ]);
  const page = await list();
  const shown = page.calendars.map(({ providerCalendarId: id, name, accessRole, primary }) => [
    id,
    name,
    accessRole,
    primary,
  ]);
  expect(shown).toEqual([
    ['a', 'Calendar', 'owner', true],
    ['b', 'Birthdays\uFFFD', 'reader', false],
    ['c', 'Work', 'owner', false],
    ['d', 'd', 'writer', false],
    ['e', 'Bob', 'reader', false],
  ]);
  expect(new Set(page.calendars.map(({ timeZone }) => timeZone))).toEqual(new Set(['Asia/Tokyo']));
  expect(page).toMatchObject({ mailbox: { id: 'oid-1', email: 'ada@example.com' }, nextPageCursor: null });
});

it('names the mail address before the sign-in name', async () => {
  answers([], {
    me: { status: 200, body: { id: 'oid-1', mail: 'a@b.example', userPrincipalName: 'x@y.example' } },
  });
  expect((await list()).mailbox).toEqual({ id: 'oid-1', email: 'a@b.example' });
});

it('follows the next link, and no other', async () => {
  const next = `${graph.rootUrl}/me/calendars?$skip=100`;
  answers([], {}, { '@odata.nextLink': next });
  expect((await list()).nextPageCursor).toBe(next);
  await list(next);
  expect(graph.seen[2]?.url.href).toBe(next);
  answers([], {}, { '@odata.nextLink': 'https://evil.example/v1.0/me/calendars' });
  expect((await errorFrom(list())).code).toBe('provider_unavailable');
});

it.each(['Customized Time Zone', 'tzone://Microsoft/Custom', ''])('has no zone for %j', async (timeZone) => {
  answers([{ id: 'a' }], { settings: settings(timeZone) });
  expect((await list()).calendars[0]?.timeZone).toBeNull();
});

it('goes on without what the user did not grant', async () => {
  answers([{ id: 'a', canEdit: true, canShare: true }], { me: denied, settings: denied });
  expect(await list()).toMatchObject({ mailbox: null, calendars: [{ timeZone: null, accessRole: 'owner' }] });
});

it.each([
  [{ status: 404, body: { error: { code: 'MailboxNotEnabledForRESTAPI' } } }, 'permission_denied'],
  [{ status: 429, headers: { 'Retry-After': '7' } }, 'rate_limited'],
  [{ status: 503 }, 'provider_unavailable'],
])('raises %j of the mailbox as %s', async (part, code) => {
  answers([], { settings: part });
  expect((await errorFrom(list())).code).toBe(code);
});

it.each([[{}], [{ value: {} }], [[]]])('believes no answer like %j', async (body) => {
  graph.always(body);
  expect((await errorFrom(list())).code).toBe('provider_unavailable');
});
