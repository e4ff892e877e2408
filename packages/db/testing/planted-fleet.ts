/**
 * A large fleet as rows, as months would leave it: most of it quiet, some due, some dirty, and a tenth of the accounts
 * that nobody can ask, whose calendars stay due, dirty and in the middle of a round.
 */
import type { Client } from 'pg';

/** Five calendars an account, an account a user. In bulk, by a superuser. */
export async function plantFleet(
  admin: Client,
  { calendars, at }: { calendars: number; at: Date },
): Promise<void> {
  const accounts = Math.ceil(calendars / 5);
  // Every reference is right by construction: nobody needs to look a million of them up.
  await admin.query('set session_replication_role = replica');
  for (const statement of statements) {
    // Written in, since a statement without parameters may be several.
    await admin.query(
      statement
        .replaceAll('$calendars', String(calendars))
        .replaceAll('$accounts', String(accounts))
        .replaceAll('$at', `timestamptz '${at.toISOString()}'`),
    );
  }
  await admin.query('reset session_replication_role');
  await admin.query('vacuum analyze');
}

/** In time order at their front and random at their end, as uuidv7 is. `n` numbers the rows of a table. */
const id = (table: string, n: string): string =>
  `(lpad(to_hex(${n}), 12, '0') || substr(md5('${table}' || (${n})), 1, 20))::uuid`;
/** 0 to 1, the same for the same row. */
const part = (salt: string, n: string): string =>
  `(('x' || substr(md5('${salt}' || (${n})), 1, 6))::bit(24)::int / 16777216.0)`;

const isAskable = 'account % 10 <> 0';

const statements = [
  `insert into calendar_accounts (id, user_id, provider, status, data_key, refresh_token, calendars_listed_at,
     created_at, updated_at)
   select ${id('account', 'n')}, 'user ' || n, case when n % 3 = 0 then 'microsoft' else 'google' end,
     case when n % 10 = 0 then 'reauth_needed' else 'active' end, '\\x00', '\\x00',
     case when n % 500 <> 1 then $at - ${part('listed', 'n')} * interval '25 hours' end, $at, $at - interval '1 hour'
   from generate_series(1, $accounts) n`,
  `insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
     active, account_active, state, coverage, push_refused_at, watch_after, auto_sync, dirty_seq, synced_seq, cursor, round_id, round_mode,
     round_trigger, round_generation, round_dirty_seq, round_write_seq, round_window_start, round_window_end,
     round_started_at, round_page_at, window_start, window_end, next_pull_at, look_again_at, audited_at,
     last_error_code, last_synced_at, last_round_started_at, created_at, updated_at)
   select ${id('calendar', 'n')}, 'user ' || account, ${id('account', 'account')},
     case when account % 3 = 0 then 'microsoft' else 'google' end, n::text, 'Calendar ' || n, 'UTC', 'owner',
     part >= 0.02, askable, case when part < 0.04 then 'paused' when part < 0.05 then 'gone' else 'active' end,
     case when not askable then 'none' when chance < 0.8 then 'push' when chance < 0.99 then 'poll' else 'none' end,
     case when askable and chance between 0.8 and 0.99 then $at - chance * interval '8 days' end,
     case when askable and chance > 0.992 then $at + interval '1 hour' end,
     ${part('auto', 'n')} < 0.2, 2, case when not askable or ${part('dirty', 'n')} < 0.01 then 1 else 2 end, 'cursor',
     case when not askable then ${id('round', 'n')} end, case when not askable then 'incremental' end,
     case when not askable then 'schedule' end, case when not askable then 1 end, case when not askable then 1 end,
     case when not askable then 1 end, case when not askable then $at end, case when not askable then $at end,
     case when not askable then $at - interval '60 days' end, case when not askable then $at - interval '60 days' end,
     $at - interval '33 days', date_trunc('day', $at) + (366 + floor(1 + ${part('window', 'n')} * 8)) * interval '1 day',
     case when not askable or part < 0.05 then $at - chance * interval '60 days'
          when ${part('due', 'n')} < 0.02 then $at - chance * interval '20 minutes'
          else $at + chance * interval '6 hours' end,
     case when ${part('look', 'n')} < 0.005 then $at - chance * interval '1 minute' end,
     case when chance < 0.95 then $at - ${part('audit', 'n')} * interval '33 days' end,
     case when not askable then 'credentials_revoked' end, $at - chance * interval '6 hours',
     $at - chance * interval '6 hours', $at, $at
   from (select n, account, ${part('state', 'n')} as part, ${part('coverage', 'n')} as chance, ${isAskable} as askable
     from (select n, (n - 1) / 5 + 1 as account from generate_series(1, $calendars) n) as numbered) as planted`,
  // One that lives, and some that ended.
  `insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id,
     signing_key_id, expires_at, created_at, updated_at)
   select ${id('channel', 'n')}, user_id, account_id, id, provider, 'active', 'resource',
     case when n % 10 = 0 then 'k1' else 'k2' end, $at + ${part('expiry', 'n')} * interval '7 days', $at, $at
   from (select *, row_number() over (order by id) as n from calendars where coverage = 'push') as watched`,
  `insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id,
     signing_key_id, expires_at, stop_after, created_at, updated_at)
   select ${id('ended', 'n')}, user_id, account_id, id, provider,
     case when n % 20 = 0 then 'retired' when n % 20 = 1 then 'abandoned' else 'expired' end, 'resource', 'k1',
     $at - ${part('ended', 'n')} * interval '12 days' + interval '3 days',
     case when n % 40 = 0 then $at + interval '1 hour' end, $at, $at - ${part('ended', 'n')} * interval '12 days'
   from (select *, row_number() over (order by id) as n from calendars where ('x' || right(id::text, 1))::bit(4)::int < 2)
     as ended`,
  `update calendar_sync_channels set calendar_id = null where state = 'active' and right(id::text, 3) = '123'`,
  `insert into calendar_sync_runs (id, user_id, account_id, calendar_id, trigger, mode, outcome, synced_seq, started_at,
     finished_at)
   select ${id('run', 'n')}, user_id, account_id, id, 'schedule', 'incremental', 'completed', 1, ended, ended
   from (select *, $at - ${part('run', 'n')} * interval '32 days' as ended
     from (select c.*, row_number() over (order by id) as n from calendars c) numbered where n % 3 = 0) as runs`,
  `insert into calendar_audits (id, user_id, account_id, calendar_id, outcome, seen, differences, requested_at,
     finished_at)
   select ${id('audit', 'n')}, user_id, account_id, id, 'completed', 10, 0, ended, ended
   from (select *, $at - ${part('audited', 'n')} * interval '93 days' as ended
     from (select c.*, row_number() over (order by id) as n from calendars c) numbered where n % 20 = 0) as audits`,
  `insert into calendar_idempotency_keys (user_id, key, request_hash, created_at)
   select 'user ' || n, 'key', '\\x00', $at - ${part('key', 'n')} * interval '27 hours'
   from generate_series(1, $accounts / 4) n`,
  `insert into calendar_quarantine (id, user_id, calendar_id, provider_event_id, code, reason, raw, first_seen_at,
     last_seen_at)
   select ${id('bad', 'n')}, user_id, id, 'bad', 'unreadable', 'planted', '\\x00', seen, seen
   from (select *, $at - ${part('bad', 'n')} * interval '100 days' as seen
     from (select c.*, row_number() over (order by id) as n from calendars c) numbered where n % 200 = 0) as bad`,
  // Events: a few of every twentieth calendar, a recheck here and there, and fifty calendars full of what was deleted.
  `insert into calendar_events (id, user_id, calendar_id, provider_event_id, kind, status, all_day, starts_at, ends_at,
     visibility, transparency, event_type, fingerprint, created_at, updated_at, generation, last_confirmed_at,
     recheck_at)
   select ${id('event', '(n * 4 + k)')}, user_id, id, 'event ' || k, case when k = 1 then 'series' else 'single' end,
     'confirmed', false, $at, $at, 'default', 'opaque', 'default', '\\x', $at, $at, 1, $at,
     case when k = 2 and n % 400 = 0 then $at - interval '1 minute' end
   from (select c.*, row_number() over (order by id) as n from calendars c) numbered, generate_series(1, 4) k
   where n % 20 = 0`,
  `insert into calendar_events (id, user_id, calendar_id, provider_event_id, kind, status, all_day, starts_at, ends_at,
     visibility, transparency, event_type, fingerprint, created_at, updated_at, generation, last_confirmed_at, deleted_at)
   select ${id('gone', '(n * 2000 + k)')}, user_id, id, 'gone ' || k, 'single', 'cancelled', false, $at, $at, 'default',
     'opaque', 'default', '\\x', $at, $at, 1, $at, $at - ${part('gone', '(n * 2000 + k)')} * interval '60 days'
   from (select c.*, row_number() over (order by id) as n from calendars c) numbered, generate_series(1, 2000) k
   where n % greatest(10, $calendars / 50) = 7`,
];
