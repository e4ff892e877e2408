/**
 * Who may ask what, for every operation of the document: each kind of caller against each, what is to be answered by rule,
 * and that a refusal leaves every table as it was. A new route is in it as soon as it is described; one that names things of
 * a kind that nobody seeds fails.
 */
import { newId } from '@calfleet/domain';
import { documentOfRoutes } from './testing/answer-check.ts';
import { connectNowhere } from './testing/connect-nowhere.ts';
import { operationsOf, requestOf, type AskedOperation, type Spot } from './testing/asked-operations.ts';
import { makeKey, revoke, signHs256 } from './testing/callers.ts';
import { seedEverything, type Owned } from './testing/everything.ts';
import { adminKey, openHouse, type Ask, type House, type Reply } from './testing/house.ts';
import { allRows } from './testing/all-rows.ts';

const secret = 'a-secret-of-more-than-thirty-two-characters';
const document = documentOfRoutes();
const operations = operationsOf(document);
const named = operations.map((operation) => [operation.name, operation] as const);

let house: House;
let keys: Record<'app' | 'revoked' | 'expired', string>;
beforeAll(async () => {
  house = await openHouse({
    jwt: { secret, keySetUrl: null, issuer: null, audience: null },
    connect: connectNowhere,
  });
  const [app, gone, short] = await Promise.all([
    makeKey(house, { scope: 'app' }),
    makeKey(house, { scope: 'admin' }),
    makeKey(house, { scope: 'admin', expiresMs: 1 }),
  ]);
  await revoke(house, gone);
  house.clock.advance(2);
  keys = { app: app.text, revoked: gone.text, expired: short.text };
});
afterAll(() => house.close());

const tokenOf = (sub: string, livesSeconds = 3_600): string =>
  signHs256({ sub, exp: Math.floor(house.clock.now().getTime() / 1000) + livesSeconds }, secret);

const ask = (operation: AskedOperation, who: Ask, idOf: (spot: Spot) => string | null): Promise<Reply> => {
  const { method, path, body } = requestOf(document, operation, idOf);
  return house.send(method, `!${path}`, body, who);
};

/** Its owner's things, one for each spot. @throws there is none of that kind */
const ownedBy =
  (owned: Owned) =>
  ({ room, name }: Spot): string => {
    const id = owned[room];
    if (id === undefined) throw new Error(`Nobody seeds what ${name} names: ${room}.`);
    return id;
  };

const refusal = ({ status, body }: Reply) => [status, body.code];
const isSuccess = ({ operation }: AskedOperation, { status }: Reply): boolean =>
  status < 400 && String(status) in operation.responses;

/** What two answers may differ in. */
const sameBut = ({ status, type, body }: Reply) => ({
  status,
  type,
  body: { ...body, request_id: '', next_cursor: '' },
});

test('every operation has its scope from the document', () => {
  const of = (scope: AskedOperation['scope']) => operations.filter((each) => each.scope === scope).length;
  expect(operations.length).toBeGreaterThan(40);
  expect([of('app') > 30, of('admin') > 1, of('page'), of('none') > 4]).toEqual([true, true, 1, true]);
});

describe.each(named.filter(([, { scope }]) => scope === 'app'))('%s, for a user', (_name, operation) => {
  let user: string;
  let owned: Owned;
  let before: string;
  beforeAll(async () => {
    user = `owner-${newId()}`;
    owned = await seedEverything(house, user);
    before = await allRows(house);
  });
  afterEach(async () => expect(await allRows(house)).toBe(before));

  test.each<[string, () => Ask]>([
    ['no key', () => ({ key: null, user })],
    ['a wrong key', () => ({ key: `${adminKey}x`, user })],
    ['a revoked key', () => ({ key: keys.revoked, user })],
    ['an expired key', () => ({ key: keys.expired, user })],
    ['an expired token', () => ({ key: tokenOf(user, -3_600), user: null })],
    [
      'a token of another secret',
      () => ({ key: signHs256({ sub: user, exp: 4e9 }, `${secret}x`), user: null }),
    ],
  ])('%s is not known', async (_who, who) => {
    expect(refusal(await ask(operation, who(), ownedBy(owned)))).toEqual([401, 'not_authenticated']);
  });

  test('a key that names no user is told so', async () => {
    const reply = await ask(operation, { key: keys.app, user: null }, ownedBy(owned));
    expect(refusal(reply)).toEqual([422, 'invalid_input']);
    expect(reply.body.errors).toMatchObject([{ path: 'X-User-Id' }]);
  });

  test('a token of one user and the name of another are not allowed', async () => {
    const reply = await ask(operation, { key: tokenOf('eve'), user }, ownedBy(owned));
    expect(refusal(reply)).toEqual([403, 'not_allowed']);
  });

  test('another user’s id and an unknown one have the same answer, wherever it stands', async () => {
    const visitor = `visitor-${newId()}`;
    const theirs = await seedEverything(house, visitor);
    before = await allRows(house);
    for (const strange of operation.spots) {
      const unknown = newId();
      for (const key of [keys.app, tokenOf(visitor)]) {
        const who = { key, user: visitor };
        // All else is the visitor's own, so that nothing but this id can be why.
        const [foreign, missing] = await Promise.all(
          [owned[strange.room], unknown].map((id) =>
            ask(operation, who, (spot) => (spot === strange ? id : ownedBy(theirs)(spot))),
          ),
        );
        if (!foreign || !missing) throw new Error('Both were asked.');
        // The feed knows no 404: it has nothing to tell of a calendar that is not the caller's.
        if ('404' in operation.operation.responses) expect(refusal(foreign)).toEqual([404, 'not_found']);
        else expect(foreign).toMatchObject({ status: 200, body: { items: [] } });
        expect(sameBut(foreign)).toEqual(sameBut(missing));
      }
    }
  });

  test('another user sees nothing of it', async () => {
    const visitor = `visitor-${newId()}`;
    const reply = await ask(operation, { key: tokenOf(visitor), user: null }, ({ in: place }) =>
      place === 'path' ? newId() : null,
    );
    const text = JSON.stringify(reply.body);
    expect([user, ...Object.values(owned)].filter((word) => text.includes(word))).toEqual([]);
    // What it made of its own.
    before = await allRows(house);
  });

  test('its owner is answered, by key and by token', async () => {
    for (const who of [
      { key: keys.app, user },
      { key: tokenOf(`${user}-by-token`), user: null },
      { key: adminKey, user: `${user}-by-admin` },
    ]) {
      const name = who.user ?? `${user}-by-token`;
      const own = name === user ? owned : await seedEverything(house, name);
      const reply = await ask(operation, who, ownedBy(own));
      expect([isSuccess(operation, reply), reply.status, reply.body.errors]).toEqual([
        true,
        reply.status,
        undefined,
      ]);
    }
    before = await allRows(house);
  });
});

describe.each(named.filter(([, { scope }]) => scope === 'admin' || scope === 'page'))(
  '%s, for administrators',
  (_name, operation) => {
    const noSpot = () => null;

    test.each<[string, number, () => Ask]>([
      ['no key', 401, () => ({ key: null })],
      ['a wrong key', 401, () => ({ key: `${adminKey}x` })],
      ['a revoked key', 401, () => ({ key: keys.revoked })],
      ['an expired key', 401, () => ({ key: keys.expired })],
      ['an expired token', 401, () => ({ key: tokenOf('ada', -3_600) })],
      ['a token', 403, () => ({ key: tokenOf('ada') })],
      ['a key of scope app', 403, () => ({ key: keys.app })],
    ])('%s is refused', async (_who, status, who) => {
      const before = await allRows(house);
      const code = status === 401 ? 'not_authenticated' : 'not_allowed';
      expect(refusal(await ask(operation, { user: null, ...who() }, noSpot))).toEqual([status, code]);
      expect(await allRows(house)).toBe(before);
    });

    test('a key of scope admin is answered, without the name of a user', async () => {
      const key = (await makeKey(house, { scope: 'admin' })).text;
      for (const each of [adminKey, key]) {
        const reply = await ask(operation, { key: each, user: null }, noSpot);
        expect([isSuccess(operation, reply), reply.status]).toEqual([true, reply.status]);
      }
    });

    test('an unknown id is not found', async () => {
      const before = await allRows(house);
      for (const strange of operation.spots) {
        const reply = await ask(operation, { user: null }, (spot) => (spot === strange ? newId() : null));
        expect(refusal(reply)).toEqual([404, 'not_found']);
      }
      expect(await allRows(house)).toBe(before);
    });
  },
);

describe.each(named.filter(([, { scope }]) => scope === 'none'))('%s, for everybody', (_name, operation) => {
  test('the answer is the same, whoever asks', async () => {
    const statuses: number[] = [];
    for (const key of [
      null,
      'wrong',
      keys.revoked,
      keys.app,
      tokenOf('ada', -3_600),
      tokenOf('ada'),
      adminKey,
    ]) {
      statuses.push((await ask(operation, { key, user: null }, () => null)).status);
    }
    expect(new Set(statuses).size).toBe(1);
    expect(String(statuses[0]) in operation.operation.responses).toBe(true);
  });
});
