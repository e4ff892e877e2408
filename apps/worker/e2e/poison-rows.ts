/** Rows that nobody can read or serve, one for each way in which a tick may meet them; planted by the worker's role. */
import { newId, type AccountId } from '@calfleet/domain';
import type { PoisonHouse, Row } from './poison-house.ts';

export interface PoisonRow {
  name: string;
  plant(house: PoisonHouse, row: Row): Promise<unknown>;
  /** `heals`: served all the same. Else where the API names it, and how. */
  ends:
    | { as: 'heals' }
    | { as: 'calendar'; error: RegExp }
    | { as: 'account'; status: string; reason: RegExp }
    | { as: 'quarantine'; code: string };
}

const heals = { as: 'heals' } as const;

export const poisonRows: PoisonRow[] = [
  {
    name: "an account whose refresh token is another account's",
    plant: ({ sql }, { accountId }) =>
      sql(
        (tx) => tx.$executeRaw`
          update calendar_accounts a
             set access_token = null, access_token_expires_at = null,
                 refresh_token = (select refresh_token from calendar_accounts b where b.id <> a.id limit 1)
           where id = ${accountId}::uuid`,
      ),
    ends: { as: 'account', status: 'reauth_needed', reason: /damaged: connect again/ },
  },
  {
    name: 'an account whose data key is garbage',
    plant: ({ sql }, { accountId }) =>
      sql(
        (tx) => tx.$executeRaw`
          update calendar_accounts set access_token = null, access_token_expires_at = null,
            data_key = '\\x01036b000000'::bytea || sha256('x') where id = ${accountId}::uuid`,
      ),
    ends: { as: 'calendar', error: /TOKEN_ENCRYPTION_KEYS/ },
  },
  {
    name: 'an account whose access token is garbage',
    plant: ({ sql }, { accountId }) =>
      sql(
        (tx) => tx.$executeRaw`
          update calendar_accounts set access_token = 'garbage'::bytea where id = ${accountId}::uuid`,
      ),
    ends: heals,
  },
  {
    name: 'a calendar of a provider that is switched off',
    plant: ({ sql }, { accountId, calendarId }) =>
      sql(async (tx) => {
        await tx.$executeRaw`update calendar_accounts set provider = 'microsoft' where id = ${accountId}::uuid`;
        await tx.$executeRaw`
          update calendars set provider = 'microsoft', coverage = 'none' where id = ${calendarId}::uuid`;
      }),
    ends: { as: 'calendar', error: /provider microsoft is switched off/ },
  },
  {
    name: 'a garbage cursor',
    plant: ({ sql }, { calendarId }) =>
      sql(
        (tx) => tx.$executeRaw`update calendars set cursor = ${'\u0001 %%%'} where id = ${calendarId}::uuid`,
      ),
    ends: heals,
  },
  {
    name: 'a round that stands at a page that never was',
    plant: ({ clock, sql }, { calendarId }) =>
      sql(
        (tx) => tx.$executeRaw`
          update calendars set round_id = ${newId()}::uuid, round_mode = 'incremental', round_trigger = 'nobody',
            round_generation = 999, round_cursor = 'nowhere', round_page_cursor = 'no such page',
            round_dirty_seq = dirty_seq, round_write_seq = 12345, round_window_start = '0002-01-01',
            round_window_end = '9000-01-01', round_started_at = ${clock.now()}, round_page_at = ${clock.now()}
           where id = ${calendarId}::uuid`,
      ),
    ends: heals,
  },
  {
    name: 'a time zone that is nowhere',
    plant: ({ sql }, { calendarId }) =>
      sql(
        (tx) =>
          tx.$executeRaw`update calendars set time_zone = 'Mars/Olympus' where id = ${calendarId}::uuid`,
      ),
    ends: heals,
  },
  {
    name: 'a window of ten thousand years that ends before it begins',
    plant: ({ sql }, { calendarId }) =>
      sql(
        (tx) => tx.$executeRaw`
          update calendars set window_start = '9990-01-01', window_end = '0003-01-01' where id = ${calendarId}::uuid`,
      ),
    ends: heals,
  },
  {
    name: 'numbers, times and coverage that fit nothing',
    plant: ({ sql }, { calendarId }) =>
      sql(
        (tx) => tx.$executeRaw`
          update calendars set failures = 2000000000, quiet_polls = 2000000000, looks = -5, watch_failures = 2000000000,
            look_again_at = '0002-01-01', last_error_code = 'no such code', next_pull_at = '0002-01-01',
            audited_at = '9000-01-01', lease_until = '0002-01-01', lease_epoch = -7 where id = ${calendarId}::uuid`,
      ),
    ends: heals,
  },
  {
    name: 'preferences in a zone that is nowhere',
    plant: ({ clock, sql }, { userId }) =>
      sql(
        (tx) => tx.$executeRaw`
          insert into calendar_preferences (user_id, auto_sync_enabled, sync_frequency_minutes, conflict_strategy,
            write_permissions, working_time_zone, working_days, working_start, working_end, created_at, updated_at)
          values (${userId}, true, 5, 'manual', 'none', 'Mars/Olympus', '{mon}', '09:00', '09:00', ${clock.now()},
            ${clock.now()})`,
      ),
    ends: heals,
  },
  {
    name: 'channels: an unknown key, one being created for years, one to be stopped whose resource has a name of a page',
    plant: ({ clock, sql }, { accountId, calendarId, userId }) =>
      sql(async (tx) => {
        await tx.$executeRaw`
          update calendar_sync_channels set signing_key_id = 'lost' where calendar_id = ${calendarId}::uuid`;
        for (const [state, resource] of [
          ['creating', null],
          ['retired', null],
          ['retired', 'r'.repeat(3_000)],
        ] as const) {
          await tx.$executeRaw`
            insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id,
              signing_key_id, expires_at, stop_after, created_at, updated_at)
            values (${newId()}::uuid, ${userId}, ${accountId}::uuid, ${calendarId}::uuid, 'google', ${state}, ${resource},
              'lost', '9000-01-01', ${clock.now()}, '0002-01-01', '0002-01-01')`;
        }
      }),
    ends: heals,
  },
  {
    name: 'an event with a rule that is none, JSON that is none, times at the end of time, and a look at nothing',
    plant: ({ sql }, { calendarId }) =>
      sql(async (tx) => {
        await tx.$executeRaw`
          update calendar_events set raw = '{"half":', recheck_at = '0002-01-01', provider_event_id = null
           where calendar_id = ${calendarId}::uuid`;
        await tx.$executeRaw`
          insert into calendar_events (id, user_id, calendar_id, provider_event_id, kind, status, summary, all_day, starts_at,
            ends_at, start_time_zone, end_time_zone, recurrence, visibility, transparency, event_type, fingerprint, raw,
            created_at, updated_at, generation, last_confirmed_at)
          select ${newId()}::uuid, user_id, id, 'bad-rule', 'series', 'confirmed', 'bad', false, '2026-11-20', '2026-11-19',
            'Mars/Olympus', '', '{RRULE:FREQ=NEVER;BYDAY=XX,garbage}', '?', '?', '?', 'x', 'no json', '2026-11-20',
            '2026-11-20', generation, '2026-11-20' from calendars where id = ${calendarId}::uuid`;
        await tx.$executeRaw`
          insert into calendar_events (id, user_id, calendar_id, provider_event_id, kind, status, all_day, starts_at, ends_at,
            visibility, transparency, event_type, fingerprint, created_at, updated_at, generation, last_confirmed_at,
            attendees, organizer)
          select ${newId()}::uuid, user_id, id, 'absurd', 'single', 'confirmed', false, '0001-01-01', '9999-12-31',
            'default', 'opaque', 'default', 'x', '2026-11-20', '2026-11-20', generation, '2026-11-20', '"nobody"', '[]'
          from calendars where id = ${calendarId}::uuid`;
        // So that cleanup has its window to move.
        await tx.$executeRaw`
          update calendars set window_end = now() + interval '5 days' where id = ${calendarId}::uuid`;
      }),
    ends: { as: 'quarantine', code: 'recurrence_unreadable' },
  },
  {
    name: 'runs, audits and quarantined items with values of no sense',
    plant: ({ sql }, { accountId, calendarId, userId }) =>
      sql(async (tx) => {
        await tx.$executeRaw`
          insert into calendar_sync_runs (id, user_id, account_id, calendar_id, trigger, mode, outcome, created, synced_seq,
            started_at, finished_at, error_code)
          values (${newId()}::uuid, ${userId}, ${accountId}::uuid, ${calendarId}::uuid, '?', 'full', 'failed', -1, -1,
            '9000-01-01', '0002-01-01', '?')`;
        await tx.$executeRaw`
          insert into calendar_audits (id, user_id, account_id, calendar_id, outcome, seen, differences, details,
            requested_at, finished_at)
          values (${newId()}::uuid, ${userId}, ${accountId}::uuid, ${calendarId}::uuid, 'unclear', -1, -1, '"x"',
            '9000-01-01', '9000-01-01')`;
        await tx.$executeRaw`
          insert into calendar_quarantine (id, user_id, calendar_id, provider_event_id, code, reason, raw, retry_requested_at,
            first_seen_at, last_seen_at)
          values (${newId()}::uuid, ${userId}, ${calendarId}::uuid, null, 'unreadable', '', '\\xff00fe', '0002-01-01',
            '0002-01-01', '9000-01-01'),
            (${newId()}::uuid, ${userId}, ${calendarId}::uuid, ${'\u0001'}, 'unstorable', '', '', '0002-01-01',
            '0002-01-01', '9000-01-01')`;
      }),
    ends: { as: 'quarantine', code: 'unreadable' },
  },
];

/** Rows of the whole fleet, and feed rows of weeks that nobody made. */
export async function poisonFleet({ sql, clock }: PoisonHouse, row: Row): Promise<void> {
  await sql(async (tx) => {
    await tx.$executeRaw`
      insert into calendar_schedules (name, started_at, outcome, counts) values
        ('frobnicate', '0002-01-01', 'failed', '"x"'), ('cleanup', '9000-01-01', 'running', 'null')
      on conflict (name) do update set started_at = '9000-01-01', counts = '[1]'`;
    await tx.$executeRaw`
      update calendar_fleet set pass_epoch = 'nobody', pass_detected_at = ${clock.now()},
        pass_position = ${newId()}::uuid, pass_done_at = null, signing_key_id = 'lost', signing_key_since = '9000-01-01'`;
    await tx.$executeRaw`
      insert into calendar_changes (at, user_id, kind, event_id, calendar_id, version, fields, origin) values
        ('1999-01-01', ${row.userId}, 'updated', ${newId()}::uuid, ${newId()}::uuid, -1, '{?}', 'system'),
        ('8999-01-01', ${row.userId}, 'deleted', null, null, null, '{}', 'system')`;
  });
}

/** An account of a provider that is switched off, whose calendars were never listed. */
export async function poisonAccount(house: PoisonHouse): Promise<{ accountId: AccountId; userId: string }> {
  const account = await house.addAccount({ provider: 'microsoft', refreshTokens: ['never used'] });
  await house.sql(
    (tx) => tx.$executeRaw`
      update calendar_accounts set created_at = created_at - interval '1 hour', updated_at = created_at - interval '1 hour'
       where id = ${account.accountId}::uuid`,
  );
  return account;
}
