/** Workers say each entry of the audit log in their own log, with its link: what is shipped from there is the copy elsewhere. */
import { Writable } from 'node:stream';
import { appendAudit, openDatabase } from '@calfleet/db';
import { createLogger } from '@calfleet/telemetry';
import { createTestDatabase } from '@calfleet/testkit';
import { layAuditChain } from './audit-chain.ts';

test('each entry is one line of the log, once, with its place in the chain', async () => {
  const database = await createTestDatabase();
  const db = openDatabase({ url: database.url, poolSize: 2, applicationName: 'test' });
  let log = '';
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log += chunk.toString();
      done();
    },
  });
  const logger = createLogger({ service: 'worker', level: 'info', destination });
  const at = new Date('2026-11-20T12:00:00Z');
  await db.transaction({ role: 'api', userId: 'ada' }, async (tx) => {
    for (let n = 0; n < 501; n += 1) {
      const facts = { reasons: { token_expired: n } };
      await appendAudit(tx, { at, actor: 'user:a\nb', action: 'tried', source: '127.0.0.1', facts });
    }
  });
  expect(await layAuditChain({ db, logger })).toBe(501);
  expect(await layAuditChain({ db, logger })).toBe(0);
  const lines = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toHaveLength(501);
  expect(lines[500]).toMatchObject({
    level: 'info',
    message: 'Audit',
    n: 501,
    hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    at: at.toISOString(),
    actor: 'user:a\\u000ab',
    action: 'tried',
    source: '127.0.0.1',
    facts: { reasons: { token_expired: expect.any(Number) as number } },
  });
  await db.close();
  await database.drop();
});
