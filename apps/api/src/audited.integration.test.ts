/** What the audit log tells of accounts: who connected, who was refused, who left, and who decided about deletions. */
import { newId } from '@calfleet/domain';
import { makeKey, revoke } from './testing/callers.ts';
import { newMailbox, openConnecting, type Connecting, type Dialect } from './testing/connecting.ts';
import { seedCalendar, seedEvent } from './testing/rows.ts';

let all: Connecting;
beforeAll(async () => {
  all = await openConnecting();
});
afterAll(() => all.close());

interface Entry {
  actor: string;
  action: string;
  target: string | null;
  source: string | null;
  request_id: string | null;
  at: Date;
  facts: Record<string, unknown>;
}
const entries = (where: string, ...values: unknown[]): Promise<Entry[]> =>
  all.house.worker<Entry>(`select * from audit_log where ${where} order by at, id`, values);

describe.each<Dialect>(['google', 'microsoft'])('%s', (provider) => {
  test('connected, connected again, and nothing of mailbox or grant in the log', async () => {
    const user = `user-${newId()}`;
    const email = `${newId()}@example.test`;
    newMailbox(all.sandbox, provider, email);
    const first = await all.connect(provider, email, {}, user);
    const again = await all.connect(provider, email, {}, user);
    expect(again.told?.['account_id']).toBe(first.told?.['account_id']);
    const target = `account:${first.told?.['account_id'] ?? ''}`;
    const found = await entries('actor = $1', `user:${user}`);
    expect(found).toMatchObject([
      { action: 'account.connected', target, at: all.house.clock.now(), facts: { provider } },
      { action: 'account.reconnected', target, facts: { provider } },
    ]);
    for (const { source, request_id } of found) {
      expect(source).toMatch(/127\.0\.0\.1$/);
      expect(request_id).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(JSON.stringify(found)).not.toContain(email);
  });

  test('a denied consent, and one with too little, name the user and the ending', async () => {
    const user = `user-${newId()}`;
    const email = `${newId()}@example.test`;
    newMailbox(all.sandbox, provider, email);
    const denied = await all.begin(provider, {}, user);
    await all.comeBack(
      all.sandbox.consent({ authorizationUrl: denied.authorization_url, account: email, decision: 'cancel' }),
    );
    const little = await all.begin(provider, {}, user);
    await all.comeBack(
      all.sandbox.consent({ authorizationUrl: little.authorization_url, account: email, scopes: [] }),
    );
    expect(await entries('actor = $1', `user:${user}`)).toMatchObject([
      { action: 'account.not_connected', target: null, facts: { provider, ending: 'access_denied' } },
      {
        action: 'account.not_connected',
        facts: { ending: 'missing_scope', missing: expect.arrayContaining([expect.any(String)]) as unknown },
      },
    ]);
  });
});

test('replayed and made-up states are counted in one row, however many they are', async () => {
  const own = await openConnecting();
  try {
    newMailbox(own.sandbox, 'google', 'ada@example.test');
    const trip = await own.begin('google');
    const location = own.sandbox.consent({
      authorizationUrl: trip.authorization_url,
      account: 'ada@example.test',
    });
    for (let n = 0; n < 31; n += 1) await own.comeBack(location);
    const forged = new URL(location);
    for (let n = 0; n < 20; n += 1) {
      forged.searchParams.set('state', `made-up-${n}`);
      await own.comeBack(forged.href);
    }
    await own.house.api.close({ timeoutMs: 1_000 });
    const told = await own.house.worker(`select * from audit_log where action = 'callers.refused'`);
    expect(told).toMatchObject([{ facts: { reasons: { state_used: 30, state_unknown: 20 } } }]);
  } finally {
    await own.close();
  }
});

test('an account that a backend brings and takes away, by the key that asked', async () => {
  const { house } = all;
  const { id, text: key } = await makeKey(house, { scope: 'app' });
  const headers = { 'x-request-id': 'req-1', 'idempotency-key': newId() };
  const body = { provider: 'google', refresh_token: 'canary-of-the-log' };
  const added = await house.send('POST', '/accounts', body, { key, headers });
  // The first answer again is no act.
  await house.send('POST', '/accounts', body, { key, headers });
  const target = `account:${added.body.id}`;
  await house.send('DELETE', `/accounts/${added.body.id}?purge=false`, undefined, { key });
  await house.send('DELETE', `/accounts/${newId()}`, undefined, { key });
  const found = await entries('actor = $1', `key:${id}`);
  expect(found).toMatchObject([
    { action: 'account.added', target, request_id: 'req-1', facts: { provider: 'google' } },
    { action: 'account.asked_to_leave', target, facts: { purge: 'false' } },
  ]);
  expect(found).toHaveLength(2);
  expect(JSON.stringify(found)).not.toContain('canary');
  await revoke(house, { id });
});

test('a decision about held deletions', async () => {
  const { house } = all;
  const at = await seedCalendar(house, { userId: `user-${newId()}` });
  const { calendarId, userId: user } = at;
  await seedEvent(house, at, { held: true });
  const decided = await house.send(
    'POST',
    `/calendars/${calendarId}/held-deletes`,
    { action: 'apply' },
    { user },
  );
  expect(decided.status).toBe(202);
  expect(await entries('target = $1', `calendar:${calendarId}`)).toMatchObject([
    { action: 'deletes.decided', actor: 'key:environment', facts: { decision: 'apply' } },
  ]);
});

test('a name with line ends is one line of the log', async () => {
  const { house } = all;
  const { calendarId, userId: user } = await seedCalendar(house, { userId: `user-${newId()}` });
  await house.send('DELETE', `/accounts/${calendarId}%0Aforged`, undefined, { user });
  const headers = { 'x-request-id': 'one\u0085two' };
  const body = { provider: 'google', refresh_token: 'x' };
  const added = await house.send('POST', '/accounts', body, { user, headers });
  const [entry] = await entries('target = $1', `account:${added.body.id}`);
  expect(entry?.request_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await entries(`concat(actor, action, target, source, request_id) ~ '[[:cntrl:]]'`)).toEqual([]);
});
