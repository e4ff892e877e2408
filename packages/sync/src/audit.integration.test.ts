import { expectExactMirror } from '../testing/mirror.ts';
import { calendarFacts, countFeed, meeting, pullNow, putMeetings, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { planAudits } from './audit.ts';

const newWorld = useWorlds();

const query = <Row>(world: World, sql: string, ...values: unknown[]): Promise<Row[]> =>
  world.real.transaction({ role: 'worker' }, (tx) => tx.$queryRawUnsafe<Row[]>(sql, ...values));

interface KeptAudit {
  outcome: string;
  seen: number;
  differences: number;
  details: { kind: string; provider_event_id: string; fields: string[] }[];
}

async function lastAudit(world: World): Promise<KeptAudit | undefined> {
  const rows = await query<KeptAudit>(
    world,
    `select outcome, seen, differences, details from calendar_audits where calendar_id = $1::uuid
      order by id desc limit 1`,
    world.calendarId,
  );
  return rows[0];
}

async function mirrored(count: number): Promise<World> {
  const world = await newWorld();
  putMeetings(world, count);
  await pullNow(world);
  return world;
}

test('a mirror that is right has no difference, and the feed says nothing', async () => {
  const world = await mirrored(30);
  const before = await countFeed(world);
  expect(await world.audit()).toEqual({ outcome: 'completed', differences: 0 });
  expect(await countFeed(world)).toBe(before);
  expect(await lastAudit(world)).toEqual({ outcome: 'completed', seen: 30, differences: 0, details: [] });
  expect((await calendarFacts(world)).state).toBe('active');
});

test('what the mirror lost, shows otherwise or has too much is named, counted and repaired', async () => {
  const world = await mirrored(30);
  const { calendarId } = world;
  await query(
    world,
    `with beat as (update calendars set quiet_polls = 9, next_pull_at = next_pull_at + interval '5 h' where id = $1::uuid),
      -- Without a trace in the feed, as if it had never been stored.
      lost as (delete from calendar_events where calendar_id = $1::uuid and provider_event_id = 'm1' returning id),
      unsaid as (delete from calendar_changes where event_id in (select id from lost)),
      old as (update calendar_events set summary = 'An older title', fingerprint = '\\x00'
        where calendar_id = $1::uuid and provider_event_id = 'm2'),
      dead as (update calendar_events set deleted_at = updated_at
        where calendar_id = $1::uuid and provider_event_id = 'm3')
     update calendar_events set provider_event_id = 'ghost', provider_version = 'none'
      where calendar_id = $1::uuid and provider_event_id = 'm4'`,
    calendarId,
  );
  expect(await world.audit()).toEqual({ outcome: 'completed', differences: 5 });
  const { details = [] } = (await lastAudit(world)) ?? {};
  expect(details.map(({ kind, provider_event_id: id }) => `${id} ${kind}`).sort()).toEqual([
    'ghost extra',
    'm1 missing',
    'm2 stale',
    'm3 stale',
    'm4 missing',
  ]);
  expect(details.find(({ provider_event_id: id }) => id === 'm2')?.fields).toEqual(['summary']);
  await expectExactMirror(world);
  const [beat] = await query<{ quiet: number; soon: boolean; drift: number }>(
    world,
    `select quiet_polls as quiet, next_pull_at <= audited_at + interval '18 min' as soon, audit_differences as drift
       from calendars where id = $1::uuid`,
    calendarId,
  );
  expect(beat).toEqual({ quiet: 0, soon: true, drift: 5 });
  expect(await world.audit()).toEqual({ outcome: 'completed', differences: 0 });
});

test('what would delete too much is counted and held, not repaired behind a person', async () => {
  const world = await mirrored(40);
  await query(
    world,
    `update calendar_events set provider_event_id = 'ghost-' || provider_event_id where calendar_id = $1::uuid`,
    world.calendarId,
  );
  // 40 are missing, and 40 of ours nobody knows: the half of what is there then, and not more than the brake lets by.
  const { differences } = await world.audit();
  expect(differences).toBe(80);
  expect((await calendarFacts(world)).state).toBe('active');
  await query(
    world,
    `insert into calendar_events (id, user_id, calendar_id, provider_event_id, kind, status, all_day, visibility,
       transparency, event_type, fingerprint, created_at, updated_at, generation, last_confirmed_at, start_date, end_date)
     select gen_random_uuid(), user_id, calendar_id, 'more-' || n || provider_event_id, kind, status, all_day, visibility,
       transparency, event_type, fingerprint, created_at, updated_at, generation, last_confirmed_at, start_date, end_date
       from calendar_events, generate_series(1, 3) n where calendar_id = $1::uuid and deleted_at is null`,
    world.calendarId,
  );
  expect((await world.audit()).differences).toBe(120);
  expect((await calendarFacts(world)).state).toBe('deletes_held');
});

test.each([1, 2, 3, 4, 5, 6])(
  'what the owner changes when page %i is asked for is no difference, and arrives',
  async (page) => {
    const world = await mirrored(12);
    world.cloud.quirks.pageSizeMax = 4;
    const { providerCalendarId: id } = world;
    let asked = 0;
    world.onAsk = () => {
      asked += 1;
      if (asked !== page) return;
      world.cloud.put(id, meeting('new'));
      world.cloud.put(id, meeting('m3', 7, { summary: 'Moved' }));
      world.cloud.remove(id, 'm0');
      world.cloud.remove(id, 'm11');
    };
    expect(await world.audit()).toEqual({ outcome: 'completed', differences: 0 });
    world.onAsk = null;
    await world.settle();
    await expectExactMirror(world);
  },
);

test('where the cursor from before has died meanwhile, the audit says that it cannot tell', async () => {
  const world = await mirrored(5);
  let asked = 0;
  world.onAsk = () => {
    asked += 1;
    if (asked === 2) world.cloud.put(world.providerCalendarId, meeting('new'));
    // After the full round: the question for what changed meanwhile.
    if (asked === 3) world.cloud.expireCursors(world.providerCalendarId);
  };
  expect(await world.audit()).toEqual({ outcome: 'unclear', differences: 0 });
  expect(await lastAudit(world)).toMatchObject({ outcome: 'unclear' });
});

test.each(['m0', 'm11'])(
  'a process that stops in the middle hands the audit back, and the next one counts %s, too',
  async (lost) => {
    const world = await mirrored(12);
    world.cloud.quirks.pageSizeMax = 4;
    await query(
      world,
      `with lost as (delete from calendar_events where calendar_id = $1::uuid and provider_event_id = $2 returning id)
     delete from calendar_changes where event_id in (select id from lost)`,
      world.calendarId,
      lost,
    );
    const stop = new AbortController();
    let asked = 0;
    world.onAsk = () => {
      asked += 1;
      // The pull that brings it to rest asks once; a page of the audit was applied, and the next one is asked for.
      if (asked === 3) stop.abort();
    };
    expect((await world.audit(stop.signal)).outcome).toBe('handed_back');
    expect(world.jobs.map(({ name }) => name)).toContain('audit-calendar');
    world.onAsk = null;
    expect((await world.audit()).differences).toBe(1);
    await world.settle();
    await expectExactMirror(world);
  },
);

test('the sample goes by what was planned, and leaves out who cannot be asked', async () => {
  const [world, other] = [await mirrored(1), await mirrored(1)];
  const planned = async ({ auditSamplePercent }: { auditSamplePercent: number }) => {
    const names = [];
    for (const each of [world, other]) {
      each.jobs.length = 0;
    }
    // Each world hears of its own calendar only: both are asked to plan the same half.
    for (const each of [world, other]) {
      const settings = { ...each.deps.settings, auditSamplePercent };
      each.clock.advance(1_000);
      await planAudits({ ...each.deps, settings });
      names.push(each.jobs.length);
    }
    return names;
  };
  // Of two, one each time: the first run takes the one, the second run the other.
  const first = await planned({ auditSamplePercent: 50 });
  expect(await planned({ auditSamplePercent: 50 })).toEqual(first);
  await query(
    world,
    `update calendar_accounts set status = 'reauth_needed' where id = $1::uuid or id = $2::uuid`,
    world.accountId,
    other.accountId,
  );
  expect(await planned({ auditSamplePercent: 100 })).toEqual([0, 0]);
});
