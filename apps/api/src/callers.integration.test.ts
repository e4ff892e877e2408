/** Who is calling: keys of both scopes, tokens of users, and everything that is wrong with one. */
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { newId } from '@calfleet/domain';
import { createApiKey } from '@calfleet/vault';
import { eventually } from '@calfleet/testkit';
import {
  makeKey,
  newKeyOf,
  openSignIn,
  revoke,
  signEs256,
  signHs256,
  type SignIn,
} from './testing/callers.ts';
import { adminKey, openHouse, prefix, type Ask, type House } from './testing/house.ts';

const secret = 'a-secret-of-more-than-thirty-two-characters';
const first = newKeyOf('first');
let house: House;
let signIn: SignIn;
beforeAll(async () => {
  signIn = await openSignIn();
  signIn.publish(first);
  house = await openHouse({
    jwt: { secret, keySetUrl: signIn.url, issuer: 'https://login.example.test', audience: 'calendars' },
  });
});
afterAll(async () => {
  await house.close();
  await signIn.close();
});
// Two looks at the published keys are a minute apart, and wrong keys of one test are not the next one's.
beforeEach(() => house.clock.advance(61_000));

const claims = (more: object = {}) => ({
  iss: 'https://login.example.test',
  aud: 'calendars',
  sub: 'ada',
  exp: house.clock.now().getTime() / 1000 + 300,
  ...more,
});
/** One address of each kind: a user's, an administrator's, and a page's. */
const ofUser = async (ask: Ask) => (await house.get('/calendars', ask)).status;
const ofAdmin = async (ask: Ask) => (await house.send('POST', '/admin/writes/resume', {}, ask)).status;
const ofBoard = async (ask: Ask) => (await house.get('!/admin/queues/api/queues', ask)).status;
const everywhere = async (ask: Ask) => [await ofUser(ask), await ofAdmin(ask), await ofBoard(ask)];

describe('keys', () => {
  test.each([
    ['app', [200, 403, 403]],
    ['admin', [200, 200, 200]],
  ] as const)('of scope %s: any user that is named, and %j', async (scope, answers) => {
    const { text: key } = await makeKey(house, { scope });
    expect(await everywhere({ key })).toEqual(answers);
    expect(await ofUser({ key, user: 'eve' })).toBe(200);
    expect(await ofUser({ key, user: null })).toBe(422);
    const basic = { authorization: `Basic ${Buffer.from(`anyone:${key}`).toString('base64')}` };
    expect(await ofBoard({ key: null, headers: basic })).toBe(answers[2]);
  });

  test('the one of the environment is always an admin key', async () => {
    expect(await everywhere({ key: adminKey })).toEqual([200, 200, 200]);
  });

  test.each(['app', 'admin'] as const)(
    'of scope %s that is wrong, expired or revoked is 401 everywhere',
    async (scope) => {
      const good = await makeKey(house, { scope });
      const other = createApiKey();
      const shapes = [
        other.text,
        `cf_${good.id}_${other.text.slice(20)}`,
        good.text.slice(0, -1),
        `${good.text}x`,
        good.text.toUpperCase(),
        good.id,
        `cf_${good.id}_`,
      ];
      for (const key of shapes) expect(await everywhere({ key })).toEqual([401, 401, 401]);
      expect(await ofUser({ key: good.text })).toBe(200);
      const { text: short } = await makeKey(house, { scope, expiresMs: 60_000 });
      house.clock.advance(59_999);
      expect(await ofUser({ key: short })).toBe(200);
      house.clock.advance(1);
      expect(await everywhere({ key: short })).toEqual([401, 401, 401]);
    },
  );

  test('two of them live side by side; a revoked one is refused within a second, the other one goes on', async () => {
    const [old, young] = [await makeKey(house, { scope: 'app' }), await makeKey(house, { scope: 'app' })];
    expect([await ofUser({ key: old.text }), await ofUser({ key: young.text })]).toEqual([200, 200]);
    await revoke(house, old);
    const refused = () =>
      eventually(async () => (await ofUser({ key: old.text })) === 401, { timeoutMs: 1_000 });
    await expect(refused()).resolves.toBe(true);
    expect(await ofUser({ key: young.text })).toBe(200);
  });

  test('the last use is written down, at most once a minute, and never back', async () => {
    const { id, text: key } = await makeKey(house, { scope: 'app' });
    const used = async () =>
      (
        await house.worker<{ last_used_at: Date | null }>('select last_used_at from api_keys where id = $1', [
          id,
        ])
      )[0]?.last_used_at ?? null;
    expect(await used()).toBeNull();
    const since = house.clock.now();
    await ofUser({ key });
    await eventually(async () => (await used())?.getTime() === since.getTime());
    house.clock.advance(59_000);
    await ofUser({ key });
    house.clock.advance(1_000);
    const next = house.clock.now();
    await ofUser({ key });
    await eventually(async () => (await used())?.getTime() === next.getTime());
    await ofUser({ key: `cf_${id}_${createApiKey().text.slice(20)}` });
    expect(await used()).toEqual(next);
  });
});

describe('tokens', () => {
  const kinds: [string, (more?: object) => string][] = [
    ['HS256', (more) => signHs256(claims(more), secret)],
    ['ES256', (more) => signEs256(claims(more), first)],
  ];

  test.each(kinds)('%s: its user and nobody else, and no administrator', async (_name, make) => {
    const key = make();
    expect(await everywhere({ key })).toEqual([200, 403, 403]);
    expect(await ofUser({ key, user: null })).toBe(200);
    const foreign = await house.get('/calendars', { key, user: 'eve' });
    expect([foreign.status, foreign.body.code]).toEqual([403, 'not_allowed']);
    expect(await ofUser({ key, user: '' })).toBe(403);
  });

  test.each(kinds)('%s: what belongs to others is not there', async (_name, make) => {
    const sub = `user-${newId()}`;
    await house.send('POST', '/accounts', { provider: 'google', refresh_token: 'x' }, { user: 'ada' });
    const accounts = async (key: string) =>
      (await house.get('/accounts', { key, user: null })).body.items.length;
    expect(await accounts(make())).toBeGreaterThan(0);
    expect(await accounts(make({ sub }))).toBe(0);
  });

  test('a name beyond ASCII is the same user by key and by token', async () => {
    const sub = 'zoë-名';
    const user = Buffer.from(sub).toString('latin1');
    const made = await house.send('POST', '/accounts', { provider: 'google', refresh_token: 'x' }, { user });
    const key = signHs256(claims({ sub }), secret);
    for (const named of [null, user]) {
      const seen = await house.get('/accounts', { key, user: named });
      expect([seen.status, seen.body.items.map(({ id }) => id)]).toEqual([200, [made.body.id]]);
    }
    expect(await ofUser({ key, user: Buffer.from('zoe-名').toString('latin1') })).toBe(403);
    expect(
      await house.worker('select user_id from calendar_accounts where user_id = $1', [sub]),
    ).toHaveLength(1);
  });

  test.each(kinds)('%s: what is wrong, over or meant for others is 401 everywhere', async (_name, make) => {
    const over = house.clock.now().getTime() / 1000 - 60;
    const [head = '', body = '', tail = ''] = make().split('.');
    const other = make({ sub: 'eve' }).split('.');
    const refused = [
      make({ exp: over }),
      make({ exp: undefined }),
      make({ iss: 'https://evil.example' }),
      make({ aud: 'mail' }),
      make({ sub: '' }),
      `${head}.${other[1] ?? ''}.${tail}`,
      `${head}.${body}.`,
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`,
    ];
    for (const key of refused) expect(await everywhere({ key })).toEqual([401, 401, 401]);
    expect(await ofUser({ key: make({ exp: over + 1 }) })).toBe(200);
  });

  test('a public key is no secret', async () => {
    const pem = first.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(await everywhere({ key: signHs256(claims(), pem) })).toEqual([401, 401, 401]);
  });

  test('a house without settings for tokens takes none', async () => {
    const bare = await openHouse();
    try {
      for (const key of [signHs256(claims(), secret), signHs256(claims(), ''), signEs256(claims(), first)]) {
        expect((await bare.get('/calendars', { key })).status).toBe(401);
      }
    } finally {
      await bare.close();
    }
  });
});

describe('published keys', () => {
  const make = (key: typeof first, more: object = {}) => ({ key: signEs256(claims(more), key) });

  test('rotate without a restart: a new id is looked for at once, and then not for a minute', async () => {
    const second = newKeyOf('second');
    expect(await ofUser(make(second))).toBe(401);
    const reads = signIn.reads();
    signIn.publish(first, second);
    for (let n = 0; n < 5; n += 1) expect(await ofUser(make(newKeyOf(`made-up-${n}`)))).toBe(401);
    expect(signIn.reads()).toBe(reads);
    house.clock.advance(60_000);
    expect(await ofUser(make(second))).toBe(200);
    expect(signIn.reads()).toBe(reads + 1);
    // The old one is taken back, and no longer good once the keys were read again.
    signIn.publish(second);
    house.clock.advance(10 * 60_000);
    expect([await ofUser(make(second)), await ofUser(make(first))]).toEqual([200, 401]);
    signIn.publish(first);
    house.clock.advance(60_000);
    expect(await ofUser(make(first))).toBe(200);
  });

  test('many callers at once ask once', async () => {
    house.clock.advance(10 * 60_000);
    const reads = signIn.reads();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ofUser(make(first))));
    expect(new Set(answers)).toEqual(new Set([200]));
    expect(signIn.reads()).toBe(reads + 1);
  });

  test.each([500, 302])(
    'a sign-in that answers %i locks nobody out for an hour, and then says so',
    async (status) => {
      expect(await ofUser(make(first))).toBe(200);
      signIn.answer(status);
      try {
        house.clock.advance(50 * 60_000);
        expect(await ofUser(make(first))).toBe(200);
        house.clock.advance(10 * 60_000);
        const reply = await house.get('/calendars', make(first));
        expect([reply.status, reply.body.code]).toEqual([503, 'provider_unavailable']);
        expect(await ofUser({ key: adminKey })).toBe(200);
      } finally {
        signIn.answer(200);
      }
      house.clock.advance(60_000);
      expect(await ofUser(make(first))).toBe(200);
    },
  );
});

describe('the audit log', () => {
  const rows = (action: string) =>
    house.worker<{ actor: string; target: string; source: string; request_id: string; at: Date }>(
      'select * from audit_log where action like $1 order by id desc',
      [action],
    );

  test('says which key stopped and resumed writing, from where', async () => {
    const { id, text: key } = await makeKey(house, { scope: 'admin' });
    const headers = { 'x-request-id': 'req-7' };
    await house.send('POST', '/admin/writes/stop', {}, { key, headers });
    await house.send('POST', '/admin/writes/stop', { account_id: newId() }, { key });
    await house.send('POST', '/admin/writes/resume', {}, { key: adminKey });
    expect((await rows('writes.%')).slice(0, 2)).toMatchObject([
      { action: 'writes.resumed', actor: 'key:environment', target: null },
      { action: 'writes.stopped', actor: `key:${id}`, request_id: 'req-7', at: house.clock.now() },
    ]);
    expect((await rows('writes.%'))[0]?.source).toMatch(/127\.0\.0\.1$/);
  });

  test('says what was done on the queue board, on one line', async () => {
    const change = (path: string) => house.send('PUT', `!/admin/queues${path}`, undefined, { user: null });
    await change('/api/queues/accounts/pause');
    await change('/api/queues/accounts/resume');
    await change('/api/queues/x%0Aforged/obliterate');
    const targets = (await rows('queues.%')).map(({ target }) => target);
    expect(targets.slice(0, 3)).toEqual([
      'PUT /api/queues/x%0Aforged/obliterate',
      'PUT /api/queues/accounts/resume',
      'PUT /api/queues/accounts/pause',
    ]);
  });

  test('counts who was refused, in one row however many they were', async () => {
    const own = await openHouse({ jwt: { secret, keySetUrl: null, issuer: null, audience: null } });
    const { text: key } = await makeKey(own, { scope: 'app' });
    for (let n = 0; n < 30; n += 1) await own.get('/calendars', { key: `guess-${n}` });
    await own.send('POST', '/admin/writes/stop', {}, { key });
    await own.get('/calendars', { key: signHs256(claims({ sub: 'ada' }), secret), user: 'eve' });
    await own.get('/calendars', { key: signHs256(claims({ exp: 1 }), secret) });
    await own.api.close({ timeoutMs: 1_000 });
    const told = await own.worker<{
      actor: string;
      facts: { reasons: object; sources: Record<string, number> };
    }>(`select actor, facts from audit_log where action = 'callers.refused'`);
    expect(told).toMatchObject([
      {
        actor: 'process:api',
        facts: { reasons: { key_unknown: 30, scope: 1, other_user: 1, token_expired: 1 } },
      },
    ]);
    expect(Object.values(told[0]?.facts.sources ?? {})).toEqual([33]);
    await own.close();
  });
});

test('no key and no token is anywhere but with who has it', async () => {
  const { text: key } = await makeKey(house, { scope: 'admin' });
  const wrong = createApiKey().text;
  const token = signHs256(claims(), secret);
  for (const each of [key, wrong, token]) {
    await everywhere({ key: each });
    await house.get(`/nowhere/${each}`, { key: each });
    await house.send('POST', '/sync', { calendar_id: each }, { key: each });
  }
  const admin = new Client({ connectionString: house.database.adminUrl });
  await admin.connect();
  const { rows: tables } = await admin.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`,
  );
  let everything = house.logs.join('');
  for (const { name } of tables) {
    const { rows } = await admin.query<{ dump: string | null }>(
      `select string_agg(t::text, '') as dump from "${name}" t`,
    );
    everything += rows[0]?.dump ?? '';
  }
  await admin.end();
  const redis = new Redis(house.redisUrl);
  for (const name of await redis.keys(`${house.redisPrefix}*`)) {
    everything += name + ((await redis.dumpBuffer(name))?.toString('latin1') ?? '');
  }
  await redis.quit();
  expect(everything).toContain(key.slice(3, 19));
  for (const each of [key.slice(20), wrong.slice(20), token.split('.')[2] ?? '', secret, adminKey]) {
    expect(everything).not.toContain(each);
    expect(everything).not.toContain(Buffer.from(each).toString('hex'));
  }
  const anyone = await house.get('!/metrics', { key: null, user: null });
  expect(anyone.body['text']).not.toContain(key.slice(3, 19));
});

test('the address of an unknown caller is not told apart from one that is not there', async () => {
  const reply = await fetch(`${house.api.url}${prefix}/admin/nothing`);
  expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
});
