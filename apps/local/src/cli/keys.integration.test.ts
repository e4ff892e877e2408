import { isApiKey } from '@calfleet/vault';
import { createKey, revokeKey, showKeys } from './keys.ts';
import { auditCommand } from './operator.ts';
import { plantFleet, at, ids, type PlantedFleet } from './planted-fleet.fixture.ts';
import { UsageError } from './usage-error.ts';

let planted: PlantedFleet;
beforeEach(async () => {
  planted = await plantFleet();
});
afterEach(() => planted.close());

const wish = { name: 'keys create', scope: 'app', label: null, expiresMs: null } as const;

async function create(options: Partial<{ label: string; expiresMs: number }> = {}) {
  await createKey(planted.fleet, { ...wish, ...options });
  const [text = '', said = ''] = planted.printed();
  return { text, said, id: text.slice(3, 19) };
}

const log = () =>
  planted.worker(
    (tx) => tx.$queryRaw<{ actor: string; action: string; target: string; source: string; facts: unknown }[]>`
      select actor, action, target, source, facts from audit_log order by id`,
  );

test('a key is shown once, and only its hash is kept', async () => {
  const { text, said, id } = await create();
  expect(text).toMatch(/^cf_[0-9a-f]{16}_[\w-]{43}$/);
  expect(said).toBe(
    `Key ${id} with scope app, good until it is revoked. It is shown this once: only its hash is kept.`,
  );
  const [row] = await planted.worker(
    (tx) => tx.$queryRaw<{ key_hash: Uint8Array; dump: string }[]>`
      select key_hash, k::text || (select string_agg(l::text, '') from audit_log l) as dump from api_keys k`,
  );
  expect(isApiKey(text, row?.key_hash ?? new Uint8Array())).toBe(true);
  expect(row?.dump).toContain(id);
  expect(row?.dump).not.toContain(text.slice(20));
  expect(row?.dump).not.toContain(Buffer.from(text.slice(20)).toString('hex'));
});

test('the list says what each key is good for', async () => {
  await showKeys(planted.fleet);
  expect(planted.printed()).toEqual(['There is no key but CALFLEET_ADMIN_KEY.']);
  const app = await create({ label: 'Backend' });
  planted.clock.advance(1_000);
  const short = await create({ expiresMs: 3_600_000 });
  planted.clock.advance(1_000);
  const gone = await create();
  await revokeKey(planted.fleet, gone);
  await revokeKey(planted.fleet, gone);
  expect(planted.printed()).toEqual(
    [1, 2].map(() => `Key ${gone.id} is refused since 2026-03-02T12:00:02Z.`),
  );
  planted.clock.advance(3_600_000);
  await showKeys(planted.fleet);
  expect(planted.printed().map((line) => line.split(/ {2,}/))).toEqual([
    ['key', 'name', 'scope', 'state', 'created', 'last used', 'expires', 'revoked'],
    [app.id, 'Backend', 'app', 'good', '2026-03-02T12:00:00Z', '-', '-', '-'],
    [short.id, '-', 'app', 'expired', '2026-03-02T12:00:01Z', '-', '2026-03-02T13:00:01Z', '-'],
    [gone.id, '-', 'app', 'revoked', '2026-03-02T12:00:02Z', '-', '-', '2026-03-02T12:00:02Z'],
  ]);
});

test('what operators do is written down: who, what, and from where', async () => {
  const { id } = await create({ expiresMs: 3_600_000 });
  await revokeKey(planted.fleet, { id });
  await expect(revokeKey(planted.fleet, { id: '0000000000000000' })).rejects.toThrow(UsageError);
  await auditCommand(planted.fleet, { name: 'sync', calendar: ids.work, full: true });
  await auditCommand(planted.fleet, { name: 'adopt', account: ids.google });
  await auditCommand(planted.fleet, {
    name: 'audit',
    user: 'a\nb\u2028c',
    calendar: null,
    timeoutSeconds: 1,
  });
  await auditCommand(planted.fleet, { name: 'status', json: false });
  const rows = await log();
  expect(rows.map(({ action, target }) => [action, target])).toEqual([
    ['key.created', `key:${id}`],
    ['key.revoked', `key:${id}`],
    ['sync.asked', `calendar:${ids.work}`],
    ['adopt.asked', `account:${ids.google}`],
    ['audit.asked', 'user:a\\u000ab\\u2028c'],
  ]);
  expect(rows[0]?.facts).toEqual({
    scope: 'app',
    expires_at: new Date(at.getTime() + 3_600_000).toISOString(),
  });
  for (const { actor, source } of rows) {
    expect(actor).toMatch(/^operator:.+/);
    expect(source).not.toBe('');
  }
});
