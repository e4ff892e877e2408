/** What somebody who owns the database can do to the audit log, and that it shows. */
import { Client } from 'pg';
import { appendAudit, chainAudit, openDatabase, type Database } from '@calfleet/db';
import { createTestDatabase, ManualClock, type TestDatabase } from '@calfleet/testkit';
import { verifyAuditLog } from './audit-log.ts';
import type { NotedLink } from './audit-log-command.ts';

const at = new Date('2026-11-20T12:00:00Z');
const worker = { role: 'worker' } as const;
let database: TestDatabase;
let db: Database;
let owner: Client;
let clock: ManualClock;
beforeEach(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, poolSize: 4, applicationName: 'test' });
  // The one who can: row-level security is forced on owners, too, so it is a superuser.
  owner = new Client({ connectionString: database.adminUrl });
  await owner.connect();
  clock = new ManualClock(at);
});
afterEach(async () => {
  await Promise.all([db.close(), owner.end()]);
  await database.drop();
});

const append = (count: number) =>
  db.transaction(worker, async (tx) => {
    for (let n = 1; n <= count; n += 1) {
      clock.advance(1_000);
      const entry = {
        at: clock.now(),
        actor: 'operator:ada',
        target: `key:${n}`,
        facts: { n, text: 'ü"\\' },
      };
      await appendAudit(tx, { ...entry, action: 'key.created' });
    }
  });
const chain = (limit = 1_000) => db.transaction(worker, (tx) => chainAudit(tx, { limit }));

async function verify(noted: NotedLink | null = null): Promise<{ code: number; said: string[] }> {
  const said: string[] = [];
  const config = { databaseUrl: database.url, redisUrl: '', redisPrefix: '' };
  const print = (text: string) => void said.push(...text.split('\n'));
  return { code: await verifyAuditLog({ config, db, clock, print }, { noted }), said };
}

/** Of the nth entry. */
const nth = (n: number) => `(select entry_id from audit_chain where n = ${n})`;

test('an untouched log is whole, however it was chained', async () => {
  expect((await verify()).said).toEqual(['No links; 0 entries wait for theirs.']);
  await append(7);
  expect((await verify()).said).toEqual(['No links; 7 entries wait for theirs.']);
  const links = [...(await chain(3)), ...(await chain(3))];
  await append(3);
  links.push(...(await chain(100)));
  expect(links.map(({ n, target }) => [Number(n), target])).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 1, 2, 3].map((key, index) => [index + 1, `key:${key}`]),
  );
  expect(await chain()).toEqual([]);
  await append(1);
  expect(await verify()).toEqual({
    code: 0,
    said: [
      '10 links from 1 to 10, 0 faults, 1 entries wait for theirs.',
      `Note down elsewhere, for --noted: 10:${links.at(-1)?.hash}`,
    ],
  });
});

test('acts do not wait for the chain that is being laid', async () => {
  await append(1);
  await db.transaction(worker, async (tx) => {
    await chainAudit(tx, { limit: 10 });
    await append(5);
  });
  await chain();
  expect((await verify()).said[0]).toBe('6 links from 1 to 6, 0 faults.');
});

test('many workers at once lay one chain', async () => {
  await append(50);
  const laying = Array.from({ length: 4 }, () => chain(20));
  await append(50);
  await Promise.all(laying);
  while ((await chain(20)).length > 0);
  expect((await verify()).said[0]).toBe('100 links from 1 to 100, 0 faults.');
});

const tampered: [string, string, RegExp[]][] = [
  [
    'a changed entry',
    `update audit_log set actor = 'operator:eve' where id = ${nth(3)}`,
    [/^Link 3: .* was changed or put elsewhere\.$/],
  ],
  [
    'changed facts',
    `update audit_log set facts = '{"n": 4}' where id = ${nth(3)}`,
    [/^Link 3: .* was changed/],
  ],
  [
    'a time that was moved by a microsecond',
    `update audit_log set at = at + interval '1 microsecond' where id = ${nth(3)}`,
    [/^Link 3: .* was changed/],
  ],
  ['a removed entry', `delete from audit_log where id = ${nth(3)}`, [/^Link 3: entry .* is gone\.$/]],
  [
    'two that were swapped',
    `with ids as (select ${nth(2)} as a, ${nth(4)} as b)
     update audit_log l set actor = o.actor, target = o.target, facts = o.facts, at = o.at from audit_log o, ids
      where (l.id = a and o.id = b) or (l.id = b and o.id = a)`,
    [/^Link 2: .* was changed/, /^Link 4: .* was changed/],
  ],
  [
    'an entry that was removed with its link',
    `with gone as (delete from audit_chain where n = 3 returning entry_id)
     delete from audit_log where id = (select entry_id from gone)`,
    [/^Links 3 to 3 are gone\.$/],
  ],
  [
    'an entry that was put in long ago',
    `insert into audit_log (id, at, actor, action) values (gen_random_uuid(), '2026-01-01', 'operator:ada', 'x')`,
    [/^1 entries have no link, the oldest of 2026-01-01T00:00:00\.000Z\.$/],
  ],
  [
    'a link that was laid anew',
    `update audit_chain set hash = sha256('x') where n = 3`,
    [/^Link 3: .* was changed/, /^Link 4: .* was changed/],
  ],
];

test.each(tampered)('%s is found', async (_name, statement, faults) => {
  await append(5);
  await chain();
  await owner.query(statement);
  await append(2);
  await chain();
  const { code, said } = await verify();
  expect(code).toBe(1);
  expect(said.slice(0, -2)).toEqual(faults.map((fault) => expect.stringMatching(fault) as string));
});

test('a chain that was laid anew, and one that lost its end, are found by a link that was noted', async () => {
  await append(5);
  const hash = (await chain()).at(-1)?.hash ?? '';
  const noted = { n: 5n, hash };
  expect((await verify(noted)).code).toBe(0);
  await owner.query(`delete from audit_log where id = ${nth(5)}; delete from audit_chain where n = 5`);
  expect((await verify()).code).toBe(0);
  expect((await verify(noted)).said[0]).toBe('The chain ends before link 5.');
  await append(1);
  await chain();
  expect((await verify()).code).toBe(0);
  expect((await verify(noted)).said[0]).toBe(
    'Link 5 is not the one that was noted: the chain was laid anew.',
  );
});

test('what its owner archived from the front is no fault', async () => {
  await append(5);
  await chain();
  await owner.query(`delete from audit_log where id in (select entry_id from audit_chain where n <= 2)`);
  await owner.query(`delete from audit_chain where n <= 2`);
  expect(await verify()).toMatchObject({
    code: 0,
    said: [/^3 links from 3 to 5, 0 faults\.$/, /:/].map((line) => expect.stringMatching(line) as string),
  });
});

test.each([
  ['update audit_chain set n = n + 1', worker],
  ['delete from audit_chain', worker],
  ['truncate audit_chain', worker],
  ['select * from audit_chain', { role: 'api', userId: 'ada' } as const],
  [
    `insert into audit_chain values (1, gen_random_uuid(), sha256('x'))`,
    { role: 'api', userId: 'ada' } as const,
  ],
])('no role of the fleet may %s', async (statement, role) => {
  await expect(db.transaction(role, (tx) => tx.$executeRawUnsafe(statement))).rejects.toThrow(
    /permission denied/,
  );
});
