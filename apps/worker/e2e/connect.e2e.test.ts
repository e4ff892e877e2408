/** From the application's first request over the provider's page to a mirror: by forms, and in a real browser. */
import { orThrow } from '@calfleet/client';
import type { Sandbox } from '@calfleet/sandbox';
import { eventually } from '@calfleet/testkit';
import { openBrowsers, type Browser, type Decision } from './browsers.ts';
import { openConnectHouse } from './connect-house.ts';

type Dialect = 'google' | 'microsoft';

const browsers = openBrowsers();
let all: Awaited<ReturnType<typeof openConnectHouse>>;
let people = 0;

beforeAll(async () => {
  all = await openConnectHouse();
  await all.house.startWorker();
});
afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await all.close();
});

const inDays = (days: number): string =>
  new Date(all.house.sandbox.clock.now() + days * 86_400_000).toISOString().slice(0, 10);

/** A user with a mailbox of three events, who has granted nothing yet. */
function somebody(provider: Dialect): { user: string; email: string; sandbox: Sandbox } {
  people += 1;
  const user = `visitor-${people}`;
  const email = `${user}@example.test`;
  const { sandbox } = all.house;
  const [start, end] = [`${inDays(1)}T09:00:00`, `${inDays(1)}T10:00:00`];
  const titles = ['One', 'Two', 'Three'];
  if (provider === 'google') {
    const calendar = sandbox.google.createAccount({ email, scopes: [] }).createCalendar({ primary: true });
    const at = { start: { dateTime: `${start}Z` }, end: { dateTime: `${end}Z` } };
    calendar.insertMany(titles.map((summary) => ({ summary, ...at })));
  } else {
    const mailbox = sandbox.microsoft.createMailbox({ email, scopes: [], calendars: [{ name: 'Calendar' }] });
    const at = {
      start: { dateTime: start, timeZone: 'UTC' },
      end: { dateTime: end, timeZone: 'UTC' },
    };
    for (const subject of titles) mailbox.calendar('Calendar').create({ subject, ...at });
  }
  return { user, email, sandbox };
}

async function visit(
  browser: Browser,
  {
    provider,
    user,
    home = true,
    access = 'read_write',
  }: { provider: Dialect; user: string; home?: boolean; access?: 'read' | 'read_write' },
  decision: Decision,
): Promise<{ told: Record<string, string>; text: string }> {
  const wish = { access, ...(home && { redirect_uri: all.homeUri }) };
  const { authorization_url: consentUrl } = await orThrow(
    all.as(user).POST('/accounts/{provider}/authorize', { params: { path: { provider } }, body: wish }),
  );
  const { url, text } = await browser.consent(consentUrl, decision);
  return { told: Object.fromEntries(new URL(url).searchParams), text };
}

const titlesOf = async (user: string): Promise<unknown[]> => {
  const { items } = await orThrow(all.as(user).GET('/events', { params: { query: { expand: false } } }));
  return items.map((event) => event.summary).sort();
};

const accountsOf = async (user: string) => (await orThrow(all.as(user).GET('/accounts'))).items;

/** Mirrored and watched, and nothing waits. */
const isCovered = async (user: string): Promise<boolean> => {
  const { items } = await orThrow(all.as(user).GET('/sync/status'));
  return (
    items.length > 0 &&
    items.every(
      ({ state, coverage, dirty_seq, synced_seq }) =>
        state === 'active' && coverage === 'push' && dirty_seq === synced_seq,
    )
  );
};

describe.each(browsers.map((browser) => [browser.name, browser] as const))('%s', (_name, browser) => {
  test.each(['google', 'microsoft'] as const)(
    '%s: allows, and the calendars are mirrored and watched',
    async (provider) => {
      const { user, email } = somebody(provider);
      const { told } = await visit(browser, { provider, user }, { account: email, decision: 'allow' });
      expect(await accountsOf(user)).toMatchObject([{ id: told['account_id'], email, status: 'active' }]);
      await eventually(() => isCovered(user));
      expect(await titlesOf(user)).toEqual(['One', 'Three', 'Two']);
    },
  );

  test.each(['google', 'microsoft'] as const)('%s: cancels, unticks, and sees our page', async (provider) => {
    const { user, email } = somebody(provider);
    const where = { provider, user };
    const cancelled = await visit(browser, where, { account: email, decision: 'cancel' });
    expect(cancelled.told).toMatchObject({ error: 'access_denied' });
    const untick = provider === 'google' ? 'calendar.events' : 'Calendars.';
    const partly = await visit(browser, where, { account: email, decision: 'allow', untick });
    expect(partly.told['error']).toBe('missing_scope');
    expect(partly.told['error_description']).toContain(untick);
    expect(await accountsOf(user)).toEqual([]);
    const decision = { account: email, decision: 'allow' } as const;
    const page = await visit(browser, { ...where, home: false }, decision);
    expect(page.text).toContain(`The calendars of ${email} are being read.`);
    expect(await accountsOf(user)).toHaveLength(1);
  });

  test.each(['google', 'microsoft'] as const)(
    '%s: gives more later, and what is written leaves at once',
    async (provider) => {
      const { user, email } = somebody(provider);
      const where = { provider, user };
      const decision = { account: email, decision: 'allow' } as const;
      await visit(browser, { ...where, access: 'read' }, decision);
      await eventually(() => isCovered(user));
      await visit(browser, where, decision);
      const [calendar] = (await orThrow(all.as(user).GET('/calendars'))).items;
      const calendarId = String(calendar?.id);
      await orThrow(
        all.as(user).POST('/sync/schedule', {
          body: {
            auto_sync_enabled: false,
            sync_frequency_minutes: 60,
            conflict_strategy: 'newest_wins',
            write_permissions: 'all',
          },
        }),
      );
      await orThrow(
        all
          .as(user)
          .PATCH('/calendars/{id}', { params: { path: { id: calendarId } }, body: { write_enabled: true } }),
      );
      const times = { start: { date: inDays(1) }, end: { date: inDays(2) } };
      const wish = { calendar_id: calendarId, summary: 'Four', ...times };
      await orThrow(all.as(user).POST('/events', { body: wish }));
      await eventually(async () => {
        const { items } = await orThrow(all.as(user).GET('/writes'));
        expect(items).toMatchObject([{ state: 'applied' }]);
      });
      expect(await accountsOf(user)).toMatchObject([{ status: 'active', status_reason: null }]);
    },
  );

  test.each(['google', 'microsoft'] as const)(
    '%s: connects again after the grant was taken back, and goes on without doubles',
    async (provider) => {
      const { user, email, sandbox } = somebody(provider);
      const where = { provider, user };
      const decision = { account: email, decision: 'allow' } as const;
      const { told } = await visit(browser, { ...where, access: 'read' }, decision);
      await eventually(() => isCovered(user));
      const owner = provider === 'google' ? sandbox.google.account(email) : sandbox.microsoft.mailbox(email);
      owner.revoke();
      owner.expireAccessTokens();
      await orThrow(all.as(user).POST('/sync', { body: {} }));
      await eventually(async () => (await accountsOf(user))[0]?.status === 'reauth_needed');
      expect((await visit(browser, where, decision)).told).toMatchObject({ account_id: told['account_id'] });
      await eventually(() => isCovered(user));
      expect(await titlesOf(user)).toEqual(['One', 'Three', 'Two']);
      const { items: runs } = await orThrow(all.as(user).GET('/sync/runs'));
      const last = runs.filter((run) => run.outcome === 'completed').at(0);
      expect(last).toMatchObject({ mode: 'incremental', created: 0 });
    },
  );
});
