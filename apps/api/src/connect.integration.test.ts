/** Connecting by consent, both providers: what is given out, what comes back, and what is kept of it. */
import { newMailbox, homeUri, openConnecting, type Connecting, type Dialect } from './testing/connecting.ts';

let all: Connecting;
let people = 0;
beforeAll(async () => {
  all = await openConnecting();
});
afterAll(() => all.close());

/** Nobody has met them before. */
function somebody(provider: Dialect): { user: string; email: string } {
  people += 1;
  const user = `user-${people}`;
  const email = `${user}@example.test`;
  newMailbox(all.sandbox, provider, email);
  return { user, email };
}

interface StoredAccount {
  id: string;
  provider_account_id: string;
  status: string;
  scopes: string[];
  refresh_token: Buffer;
  data_key: Buffer;
}

const accountsOf = (user: string): Promise<StoredAccount[]> =>
  all.house.worker<StoredAccount & Record<string, unknown>>(
    'select * from calendar_accounts where user_id = $1 order by id',
    [user],
  );

const opened = (account: StoredAccount | undefined): string =>
  account === undefined
    ? ''
    : all.house.vault.open({
        accountId: account.id,
        dataKey: account.data_key,
        field: 'refresh_token',
        sealed: account.refresh_token,
      });

const grantsOf = (provider: Dialect, email: string): string[] =>
  provider === 'google'
    ? all.sandbox.google.account(email).refreshTokens
    : all.sandbox.microsoft.mailbox(email).refreshTokens;

const writeScope = {
  google: 'https://www.googleapis.com/auth/calendar.events',
  microsoft: 'https://graph.microsoft.com/Calendars.ReadWrite',
};

const refusals = (): string[] =>
  all.house.logs.filter((line) => line.includes('A return from a consent page was refused'));

describe.each(['google', 'microsoft'] as const)('%s', (provider) => {
  test('asks with PKCE, state, nonce and the access that is wanted', async () => {
    const { user } = somebody(provider);
    const trip = await all.begin(provider, { login_hint: 'ada@example.test' }, user);
    const params = new URL(trip.authorization_url).searchParams;
    expect(params.get('state')).toBe(trip.state);
    expect(Date.parse(trip.expires_at) - all.house.clock.now().getTime()).toBe(600_000);
    expect(Object.fromEntries(params)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      login_hint: 'ada@example.test',
      redirect_uri: `https://calendar.example.test/integrations/calendar/oauth/${provider}/callback`,
    });
    for (const name of ['state', 'nonce', 'code_challenge']) expect(params.get(name)).toMatch(/^[\w-]{43}$/);
    expect(params.get('scope')?.split(' ')).toContain(writeScope[provider]);
    const [row] = await all.house.worker('select * from calendar_oauth_states where user_id = $1', [user]);
    expect(JSON.stringify(row)).not.toContain(trip.state);
    const reading = await all.begin(provider, { access: 'read' }, user);
    expect(new URL(reading.authorization_url).searchParams.get('scope')?.split(' ')).not.toContain(
      writeScope[provider],
    );
  });

  test('keeps what is granted, sealed, and has the calendars listed', async () => {
    const { user, email } = somebody(provider);
    const back = await all.connect(provider, email, {}, user);
    const [account, ...others] = await accountsOf(user);
    expect(others).toEqual([]);
    expect(back.status).toBe(302);
    expect(back.headers.get('location')?.startsWith(`${homeUri}&account_id=`)).toBe(true);
    expect(back.told).toMatchObject({ account_id: account?.id });
    expect(opened(account)).toBe(grantsOf(provider, email).at(-1));
    expect(account).toMatchObject({ status: 'active', email });
    expect(account?.scopes).toContain(writeScope[provider]);
    const shown = await all.house.get(`/accounts/${account?.id ?? ''}`, { user });
    expect(shown.body).toMatchObject({ provider, email, status: 'active' });
    const board = await all.house.worker(
      'select 1 from calendar_oauth_states where user_id = $1 and used_at is null',
      [user],
    );
    expect(board).toEqual([]);
  });

  test('shows a page where the application named no address', async () => {
    const { user, email } = somebody(provider);
    const trip = await all.begin(provider, { redirect_uri: undefined }, user);
    const back = await all.comeBack(
      all.sandbox.consent({ authorizationUrl: trip.authorization_url, account: email }),
    );
    expect(back.status).toBe(200);
    expect(back.text).toContain(email);
    expect(back.text).not.toMatch(/<script/i);
    expect(back.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(back.headers.get('cache-control')).toBe('no-store');
  });

  test('says that the user cancelled, and keeps nothing', async () => {
    const { user, email } = somebody(provider);
    const trip = await all.begin(provider, {}, user);
    const location = all.sandbox.consent({
      authorizationUrl: trip.authorization_url,
      account: email,
      decision: 'cancel',
    });
    const back = await all.comeBack(location);
    expect(back.told).toMatchObject({ error: 'access_denied', state: trip.state, from: 'calfleet' });
    expect(await accountsOf(user)).toEqual([]);
    // The state went with it.
    expect((await all.comeBack(location)).status).toBe(400);
  });

  test('names what was not granted, and keeps nothing', async () => {
    const { user, email } = somebody(provider);
    const trip = await all.begin(provider, {}, user);
    const location = all.sandbox.consent({
      authorizationUrl: trip.authorization_url,
      account: email,
      scopes: [],
    });
    const back = await all.comeBack(location);
    expect(back.told?.['error']).toBe('missing_scope');
    expect(back.told?.['error_description']).toContain(writeScope[provider]);
    expect(await accountsOf(user)).toEqual([]);
  });

  test('refuses a state that was used, that nobody gave out, and none at all; and says so in the log', async () => {
    const { user, email } = somebody(provider);
    const trip = await all.begin(provider, {}, user);
    const location = all.sandbox.consent({ authorizationUrl: trip.authorization_url, account: email });
    const before = refusals().length;
    const both = await Promise.all([all.comeBack(location), all.comeBack(location)]);
    expect(both.map(({ status }) => status).sort()).toEqual([302, 400]);
    const forged = new URL(location);
    forged.searchParams.set('state', 'x'.repeat(43));
    expect(await all.comeBack(forged.href)).toMatchObject({ status: 400, told: null });
    forged.searchParams.delete('state');
    expect(await all.comeBack(forged.href)).toMatchObject({ status: 400, told: null });
    const said = refusals().slice(before).join('');
    for (const reason of ['used', 'unknown', 'missing']) expect(said).toContain(`"reason":"${reason}"`);
    expect(said).not.toContain(trip.state);
    expect(await accountsOf(user)).toHaveLength(1);
  });

  test('refuses what is too late: the state, and the code', async () => {
    const { user, email } = somebody(provider);
    const slow = await all.begin(provider, {}, user);
    const late = all.sandbox.consent({ authorizationUrl: slow.authorization_url, account: email });
    all.sandbox.clock.advance(600_001);
    expect((await all.comeBack(late)).told).toMatchObject({ error: 'code_rejected' });
    const slower = await all.begin(provider, {}, user);
    const later = all.sandbox.consent({ authorizationUrl: slower.authorization_url, account: email });
    all.house.clock.advance(600_001);
    expect((await all.comeBack(later)).told).toMatchObject({ error: 'state_expired' });
    expect(await accountsOf(user)).toEqual([]);
  });

  test('refuses another provider, and a code that somebody else’s browser brings', async () => {
    const { user, email } = somebody(provider);
    const other = provider === 'google' ? 'microsoft' : 'google';
    const trip = await all.begin(provider, {}, user);
    const location = all.sandbox.consent({ authorizationUrl: trip.authorization_url, account: email });
    const before = all.sandbox.usage.report().byOperation;
    const crossed = location.replace(`/oauth/${provider}/`, `/oauth/${other}/`);
    expect(await all.comeBack(crossed)).toMatchObject({ status: 400, told: null });
    // No code went to the wrong endpoint.
    expect(all.sandbox.usage.report().byOperation).toEqual(before);
    // Eve puts Ada's code behind a state of her own: verifier and nonce are others.
    const eves = await all.begin(provider, {}, 'eve');
    const adas = await all.begin(provider, {}, user);
    const stolen = new URL(all.sandbox.consent({ authorizationUrl: adas.authorization_url, account: email }));
    stolen.searchParams.set('state', eves.state);
    expect((await all.comeBack(stolen.href)).told).toMatchObject({ error: 'code_rejected' });
    expect(await accountsOf('eve')).toEqual([]);
    expect(await accountsOf(user)).toEqual([]);
  });

  test('gives the account that has the mailbox the new grant: more scopes, or alive again', async () => {
    const { user, email } = somebody(provider);
    await all.connect(provider, email, { access: 'read' }, user);
    const [first] = await accountsOf(user);
    expect(first?.scopes).not.toContain(writeScope[provider]);
    const calendarId = '0198f000-0000-7000-8000-00000000000'.concat(provider === 'google' ? '1' : '2');
    await all.house.worker(
      `insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
         cursor, dirty_seq, synced_seq, created_at, updated_at)
       values ($1, $2, $3, $4, 'c', 'c', 'UTC', 'owner', 'cursor-1', 1, 1, now(), now())`,
      [calendarId, user, first?.id, provider],
    );
    await all.connect(provider, email, {}, user);
    const [second, ...others] = await accountsOf(user);
    expect(others).toEqual([]);
    expect(second?.id).toBe(first?.id);
    expect(second?.scopes).toContain(writeScope[provider]);
    expect(opened(second)).toBe(grantsOf(provider, email).at(-1));
    for (const status of ['reauth_needed', 'disconnected']) {
      await all.house.worker('update calendar_accounts set status = $2 where id = $1', [first?.id, status]);
      const again = await all.connect(provider, email, {}, user);
      expect(again.told).toMatchObject({ account_id: first?.id });
    }
    expect(await accountsOf(user)).toMatchObject([{ id: first?.id, status: 'active' }]);
    const [calendar] = await all.house.worker('select * from calendars where id = $1', [calendarId]);
    expect(calendar).toMatchObject({ cursor: 'cursor-1', dirty_seq: '4', account_active: true });
    const feed = await all.house.worker(
      `select fields from calendar_changes where account_id = $1 and kind = 'account_changed'`,
      [first?.id],
    );
    expect(feed).toHaveLength(3);
  });

  test('keeps a second mailbox apart, and the same mailbox of another user', async () => {
    const { user, email } = somebody(provider);
    const { email: second, user: neighbour } = somebody(provider);
    await all.connect(provider, email, {}, user);
    await all.connect(provider, second, {}, user);
    await all.connect(provider, email, {}, neighbour);
    const mine = await accountsOf(user);
    expect(new Set(mine.map((account) => account.provider_account_id)).size).toBe(2);
    const [theirs, ...others] = await accountsOf(neighbour);
    expect(others).toEqual([]);
    expect(theirs?.provider_account_id).toBe(mine[0]?.provider_account_id);
  });

  test('two consents at once for one mailbox are one account', async () => {
    const { user, email } = somebody(provider);
    const trips = await Promise.all(Array.from({ length: 4 }, () => all.begin(provider, {}, user)));
    const locations = trips.map((trip) =>
      all.sandbox.consent({ authorizationUrl: trip.authorization_url, account: email }),
    );
    const backs = await Promise.all(locations.map((location) => all.comeBack(location)));
    expect(new Set(backs.map(({ told }) => told?.['account_id'])).size).toBe(1);
    expect(await accountsOf(user)).toHaveLength(1);
  });

  test('tells a provider that is away from one that refuses us', async () => {
    const { user, email } = somebody(provider);
    const operation = provider === 'google' ? 'oauth.token' : 'login.token';
    all.sandbox.faults.add({ operation, effect: { kind: 'status', status: 503 } });
    expect((await all.connect(provider, email, {}, user)).told).toMatchObject({
      error: 'provider_unavailable',
    });
    all.sandbox.faults.add({
      operation,
      effect: { kind: 'status', status: 401, reason: 'invalid_client' },
    });
    expect((await all.connect(provider, email, {}, user)).told).toMatchObject({ error: 'misconfigured' });
    expect(all.house.logs.some((line) => line.includes('invalid_client') && line.includes('"error"'))).toBe(
      true,
    );
    expect(await accountsOf(user)).toEqual([]);
  });
});

test('nothing that was secret on the way is in a log line', () => {
  const text = all.house.logs.join('');
  expect(text).not.toMatch(/4\/0A|1\.AX|1\/\/0|ya29\.|code_verifier=/);
});

test.each([
  [{ access: 'write' }, 'access'],
  [{}, 'access'],
  [{ access: 'read', redirect_uri: 'https://evil.example.test/' }, 'redirect_uri'],
  [{ access: 'read', redirect_uri: homeUri.replace('?', '?x=1&') }, 'redirect_uri'],
  [{ access: 'read', login_hint: '' }, 'login_hint'],
  [{ access: 'read', scope: 'all' }, 'scope'],
])('refuses %j and names %s', async (body, path) => {
  const reply = await all.house.send('POST', '/accounts/google/authorize', body);
  expect(reply).toMatchObject({ status: 422, body: { errors: [{ path }] } });
});

test('knows two providers, wants a caller, and takes an Idempotency-Key without keeping the state', async () => {
  expect((await all.house.send('POST', '/accounts/apple/authorize', { access: 'read' })).status).toBe(404);
  const ask = { key: null };
  expect((await all.house.send('POST', '/accounts/google/authorize', { access: 'read' }, ask)).status).toBe(
    401,
  );
  const headers = { 'idempotency-key': 'connect-1' };
  const body = { access: 'read' };
  const first = await all.house.send('POST', '/accounts/google/authorize', body, { headers });
  const again = await all.house.send('POST', '/accounts/google/authorize', body, { headers });
  expect(again.body).toEqual(first.body);
  const [kept] = await all.house.worker(
    `select response::text as response from calendar_idempotency_keys where key = 'connect-1'`,
  );
  expect(JSON.stringify(kept)).not.toContain(String(first.body['state']));
});

test('a look that is no visit uses nothing up', async () => {
  const { user, email } = somebody('google');
  const trip = await all.begin('google', {}, user);
  const location = all.sandbox.consent({ authorizationUrl: trip.authorization_url, account: email });
  const url = new URL(location);
  const look = await fetch(all.house.api.url + url.pathname + url.search, { method: 'HEAD' });
  expect(look.status).toBe(404);
  expect((await all.comeBack(location)).status).toBe(302);
});

test('the API’s role sees a state only by knowing it, and changes nothing about it but that it was used', async () => {
  const { user } = somebody('google');
  await all.begin('google', {}, user);
  const ask = (sql: string) =>
    all.house.db.transaction({ role: 'api', userId: 'mallory' }, (tx) => tx.$queryRawUnsafe<unknown[]>(sql));
  expect(await ask('select id from calendar_oauth_states')).toEqual([]);
  await expect(ask(`update calendar_oauth_states set user_id = 'mallory'`)).rejects.toThrow(
    'permission denied',
  );
  await expect(ask('delete from calendar_oauth_states')).rejects.toThrow('permission denied');
});
