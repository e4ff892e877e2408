/** The audit log can be written to and never be rewritten, whatever role of the fleet tries. */
import { createTestDatabase, type TestDatabase } from '@calfleet/testkit';
import { appendAudit, openDatabase, type Database, type Role } from './index.ts';

let database: TestDatabase;
let db: Database;
const worker: Role = { role: 'worker' };
const anyUser: Role = { role: 'api', userId: 'ada' };
const at = new Date('2026-11-20T12:00:00Z');

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, poolSize: 2, applicationName: 'test' });
  for (const role of [worker, anyUser]) {
    await db.transaction(role, (tx) =>
      appendAudit(tx, {
        at,
        actor: 'key:environment',
        action: 'writes.stopped',
        facts: { text: 'a\u0000b' },
      }),
    );
  }
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const statements = [
  `update audit_log set actor = 'nobody'`,
  'delete from audit_log',
  'truncate audit_log',
  `insert into audit_log (id, at, actor, action) values (gen_random_uuid(), now(), 'a', E'b\\nc')`,
];

test.each(
  [worker, anyUser].flatMap((role) => statements.map((statement) => [role.role, statement, role] as const)),
)('%s: %s is refused', async (_name, statement, role) => {
  const attempt = db.transaction(role, (tx) => tx.$executeRawUnsafe(statement));
  await expect(attempt).rejects.toThrow(/permission denied|violates check constraint/);
});

test('workers read it, the API does not', async () => {
  const read = (role: Role) =>
    db.transaction(role, (tx) => tx.$queryRaw<unknown[]>`select facts from audit_log`);
  expect(await read(worker)).toEqual([{ facts: { text: 'a\ufffdb' } }, { facts: { text: 'a\ufffdb' } }]);
  await expect(read(anyUser)).rejects.toThrow(/permission denied/);
});

test.each([
  ['worker', `update api_keys set key_hash = ''`, worker],
  ['worker', `update api_keys set scope = 'admin'`, worker],
  ['worker', 'delete from api_keys', worker],
  ['api', `update api_keys set revoked_at = null`, anyUser],
  ['api', `insert into api_keys (id) values ('x')`, anyUser],
] as const)('keys are not remade. %s: %s', async (_name, statement, role) => {
  await expect(db.transaction(role, (tx) => tx.$executeRawUnsafe(statement))).rejects.toThrow(
    /permission denied/,
  );
});
