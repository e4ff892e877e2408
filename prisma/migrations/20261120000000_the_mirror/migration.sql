-- The mirror: accounts, calendars, channels, events, occurrences, the change feed, sync runs and quarantine.
-- Row-level security is forced on every table of a user from the first migration on: the tables' owner, too,
-- sees nothing, and only the two roles below see anything. Runs inside one transaction of the migration runner.

-- Roles belong to the cluster, not to the database, so they may already be there.
do $$
begin
  if not exists (select from pg_roles where rolname = 'calfleet_worker') then
    create role calfleet_worker nologin nosuperuser nobypassrls;
  end if;
  if not exists (select from pg_roles where rolname = 'calfleet_api') then
    create role calfleet_api nologin nosuperuser nobypassrls;
  end if;
exception when duplicate_object or unique_violation then
  null; -- Another database of this cluster is being migrated at the same moment.
end $$;

grant usage on schema public to calfleet_worker, calfleet_api;

create table calendar_accounts (
  id uuid primary key,
  user_id text collate "C" not null,
  provider text not null check (provider in ('google', 'microsoft', 'memory')),
  -- The provider's own name of the mailbox; unknown until its calendars were listed once.
  provider_account_id text collate "C",
  email text,
  status text not null default 'active' check (status in ('active', 'reauth_needed', 'disconnecting', 'disconnected')),
  status_reason text,
  scopes text[] not null default '{}',
  -- Sealed by packages/vault: the account's own data key, wrapped by the key ring, and the tokens under it.
  data_key bytea not null,
  refresh_token bytea not null,
  access_token bytea,
  access_token_expires_at timestamptz,
  calendars_listed_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index calendar_accounts_user on calendar_accounts (user_id, id);
create unique index calendar_accounts_mailbox on calendar_accounts (user_id, provider, provider_account_id)
  where provider_account_id is not null and status <> 'disconnected';
-- A resumed discovery finds accounts that were never listed.
create index calendar_accounts_unlisted on calendar_accounts (id) where calendars_listed_at is null and status = 'active';

create table calendars (
  id uuid primary key,
  user_id text collate "C" not null,
  account_id uuid not null references calendar_accounts (id) on delete cascade,
  provider text not null check (provider in ('google', 'microsoft', 'memory')),
  provider_calendar_id text collate "C" not null,
  name text not null,
  time_zone text not null,
  access_role text not null check (access_role in ('free_busy_reader', 'reader', 'writer', 'owner')),
  is_primary boolean not null default false,
  active boolean not null default true,
  write_enabled boolean not null default false,
  incremental_enabled boolean not null default true,
  conflict_strategy text check (conflict_strategy in ('provider_wins', 'local_wins', 'newest_wins', 'manual')),
  state text not null default 'new'
    check (state in ('new', 'syncing', 'active', 'resyncing', 'deletes_held', 'paused', 'gone')),
  state_reason text,
  coverage text not null default 'none' check (coverage in ('push', 'poll', 'none')),
  -- Set once the provider said that this calendar cannot be watched: it is polled, and healthy.
  push_refused_at timestamptz,

  -- What must not be lost is a column: dirty_seq rises with every hint, synced_seq follows with every round (I5).
  dirty_seq bigint not null default 0,
  synced_seq bigint not null default 0,
  full_requested boolean not null default false,
  cursor text,
  generation bigint not null default 0,
  -- Rises with every answer of a single GET or push that was stored; see calendar_events.written_seq.
  write_seq bigint not null default 0,

  -- One round at a time, fenced (I6). now() serves leases only.
  lease_epoch bigint not null default 0,
  lease_until timestamptz,

  round_id uuid,
  round_mode text check (round_mode in ('full', 'incremental')),
  round_trigger text,
  round_generation bigint,
  round_cursor text,
  round_page_cursor text,
  round_dirty_seq bigint,
  round_write_seq bigint,
  round_window_start timestamptz,
  round_window_end timestamptz,
  round_started_at timestamptz,
  round_page_at timestamptz,
  round_pages integer not null default 0,
  round_seen integer not null default 0,
  round_created integer not null default 0,
  round_updated integer not null default 0,
  round_deleted integer not null default 0,
  round_calls integer not null default 0,
  check ((round_id is null) = (round_mode is null)),
  check ((round_id is null) = (round_generation is null)),
  check ((round_id is null) = (round_dirty_seq is null)),
  check ((round_id is null) = (round_started_at is null)),

  -- Held deletions (I10): a person said to delete what is held up to this stamp; the first full round that answers
  -- this request verifies and deletes. Both are our own stamps and numbers: no two clocks are ever compared.
  held_apply_until timestamptz,
  held_apply_seq bigint,
  check ((held_apply_until is null) = (held_apply_seq is null)),

  -- Occurrences are kept for this window.
  window_start timestamptz,
  window_end timestamptz,

  next_pull_at timestamptz,
  -- Looks of their own accord that found nothing missed, in a row: push-covered calendars stretch their beat by it.
  quiet_polls integer not null default 0,
  failures integer not null default 0,
  last_error_code text,
  last_error text,
  last_mode text check (last_mode in ('full', 'incremental')),
  last_synced_at timestamptz,
  last_round_started_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (account_id, provider_calendar_id),
  check (synced_seq <= dirty_seq)
);
create index calendars_user on calendars (user_id, id);
-- webhook-drain: what was rung and not pulled, and rounds that nobody carries on.
create index calendars_unsettled on calendars (id) where (dirty_seq > synced_seq or round_id is not null) and active;
-- webhook-drain: what nobody watches yet.
create index calendars_unwatched on calendars (id) where coverage = 'none' and active;
-- incremental-pull: what is due.
create index calendars_due on calendars (next_pull_at, id) where active and next_pull_at is not null;

create table calendar_sync_channels (
  id uuid primary key,
  user_id text collate "C" not null,
  account_id uuid not null,
  -- Channels outlive their calendar until they are stopped or expired.
  calendar_id uuid references calendars (id) on delete set null,
  provider text not null check (provider in ('google', 'microsoft', 'memory')),
  state text not null check (state in ('creating', 'active', 'retired', 'stopped', 'expired', 'abandoned', 'failed')),
  resource_id text collate "C",
  signing_key_id text collate "C" not null,
  replaces_id uuid unique references calendar_sync_channels (id) on delete set null,
  expires_at timestamptz,
  last_notification_at timestamptz,
  last_error text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (state <> 'active' or (expires_at is not null and resource_id is not null))
);
create index calendar_sync_channels_calendar on calendar_sync_channels (calendar_id, created_at desc);
create index calendar_sync_channels_live on calendar_sync_channels (expires_at) where state in ('active', 'retired');

create table calendar_events (
  id uuid primary key,
  user_id text collate "C" not null,
  calendar_id uuid not null references calendars (id) on delete cascade,
  provider_event_id text collate "C",
  provider_version text collate "C",
  -- No foreign key: an exception can come before its series, or without one.
  provider_series_id text collate "C",
  kind text not null check (kind in ('single', 'series', 'exception')),
  -- The slot of its series that an exception replaces: YYYYMMDD or YYYYMMDDTHHMMSSZ.
  slot text collate "C",
  original_start jsonb,
  ical_uid text,
  status text not null check (status in ('confirmed', 'tentative', 'cancelled')),
  summary text,
  description text,
  location text,
  all_day boolean not null,
  start_date date,
  end_date date,
  starts_at timestamptz,
  ends_at timestamptz,
  start_local timestamp,
  end_local timestamp,
  start_time_zone text,
  end_time_zone text,
  recurrence text[] not null default '{}',
  attendees jsonb not null default '[]',
  organizer jsonb,
  meeting_url text,
  visibility text not null,
  transparency text not null,
  event_type text not null,
  html_link text,
  managed boolean not null default false,
  local_only boolean not null default false,
  -- Of a deleted exception: the occurrence does not take place, as long as its series lives. Else its slot is free.
  slot_cancelled boolean not null default false,
  held_at timestamptz,
  version bigint not null default 1,
  -- What the mirror shows of the event, hashed: equal means that nobody could see a difference.
  fingerprint bytea not null,
  raw text,
  provider_updated_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  -- Stamped by every insert or confirmation. Not indexed, so that stamping stays a heap-only update.
  generation bigint not null,
  last_confirmed_at timestamptz not null,
  written_seq bigint not null default 0,
  recheck_at timestamptz,
  unique (calendar_id, provider_event_id),
  check ((kind = 'exception') = (slot is not null)),
  check ((kind = 'exception') = (provider_series_id is not null)),
  check (not slot_cancelled or (kind = 'exception' and deleted_at is not null))
) with (fillfactor = 90);
create index calendar_events_series on calendar_events (calendar_id, provider_series_id)
  where provider_series_id is not null;
create index calendar_events_rechecks on calendar_events (recheck_at) where recheck_at is not null;
create index calendar_events_held on calendar_events (calendar_id) where held_at is not null;
create index calendar_events_user on calendar_events (user_id, id);
create index calendar_events_ical on calendar_events (user_id, ical_uid);

-- Every concrete occurrence inside the window, so that ranges, free/busy and your own SQL need no RRULE code.
create table calendar_occurrences (
  -- Goes with its event; a second foreign key would only cost a look-up per row.
  calendar_id uuid not null,
  -- A single's own id, or the id of the series; an exception without its series stands alone.
  owner_id uuid not null,
  -- Empty for what stands alone.
  slot text collate "C" not null,
  event_id uuid not null references calendar_events (id) on delete cascade,
  user_id text collate "C" not null,
  all_day boolean not null,
  -- All-day and floating bounds stand here as if their zone were UTC; readers place them in the asked zone.
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  floating boolean not null default false,
  transparent boolean not null,
  -- Longer than the span that the week query looks back (8 days): found through an index of its own.
  is_long boolean not null generated always as (ends_at - starts_at > interval '8 days') stored,
  primary key (owner_id, slot)
);
create index calendar_occurrences_week on calendar_occurrences (user_id, starts_at);
create index calendar_occurrences_long on calendar_occurrences (user_id, ends_at) where is_long;
create index calendar_occurrences_event on calendar_occurrences (event_id);

-- The change feed. Gap-free under concurrent commits: rows carry their transaction, readers stop below the oldest
-- one still running. Partitioned by week from day one, so that retention drops partitions instead of rows.
create sequence calendar_changes_seq as bigint;
create table calendar_changes (
  at timestamptz not null,
  xid xid8 not null default pg_current_xact_id(),
  seq bigint not null default nextval('calendar_changes_seq'),
  user_id text collate "C" not null,
  kind text not null
    check (kind in ('created', 'updated', 'deleted', 'expired', 'calendar_changed', 'account_changed')),
  event_id uuid,
  calendar_id uuid,
  account_id uuid,
  series_id uuid,
  version bigint,
  fields text[] not null default '{}',
  origin text not null check (origin in ('local', 'provider', 'resolution', 'system')),
  primary key (at, seq)
) partition by range (at);
create index calendar_changes_feed on calendar_changes (user_id, xid, seq);
create table calendar_changes_default partition of calendar_changes default;
alter table calendar_changes_default enable row level security, force row level security;

create table calendar_sync_runs (
  id uuid primary key,
  user_id text collate "C" not null,
  account_id uuid not null,
  calendar_id uuid not null references calendars (id) on delete cascade,
  trigger text not null,
  mode text not null check (mode in ('full', 'incremental')),
  outcome text not null check (outcome in ('completed', 'failed', 'restarted', 'deletes_held')),
  created integer not null default 0,
  updated integer not null default 0,
  deleted integer not null default 0,
  pages integer not null default 0,
  provider_calls integer not null default 0,
  -- Requests up to this number are answered by this run.
  synced_seq bigint not null,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  error_code text,
  error text
);
create index calendar_sync_runs_user on calendar_sync_runs (user_id, id);
create index calendar_sync_runs_calendar on calendar_sync_runs (calendar_id, id);

create table calendar_quarantine (
  id uuid primary key,
  user_id text collate "C" not null,
  calendar_id uuid not null references calendars (id) on delete cascade,
  provider_event_id text collate "C",
  code text not null check (code in ('unreadable', 'unstorable', 'recurrence_unreadable', 'recurrence_truncated')),
  reason text not null,
  raw bytea not null,
  times_seen integer not null default 1,
  retry_requested_at timestamptz,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null
);
create index calendar_quarantine_user on calendar_quarantine (user_id, id);
-- An item without an id is known by its bytes.
create unique index calendar_quarantine_item on calendar_quarantine
  (calendar_id, coalesce(provider_event_id, 'sha256:' || encode(sha256(raw), 'hex')));
create index calendar_quarantine_retries on calendar_quarantine (retry_requested_at)
  where retry_requested_at is not null;

-- Answers to writes, kept for a day: the same key with the same body is answered the same way.
create table calendar_idempotency_keys (
  user_id text collate "C" not null,
  key text collate "C" not null,
  request_hash bytea not null,
  status integer,
  response jsonb,
  created_at timestamptz not null,
  primary key (user_id, key)
);
create index calendar_idempotency_keys_age on calendar_idempotency_keys (created_at);

-- One row: what the fleet knows about its Redis, and the epoch of the feed. Not a user's data.
create table calendar_fleet (
  singleton boolean primary key default true check (singleton),
  feed_epoch text not null,
  redis_epoch text,
  -- A pass after a Redis loss: won by compare-and-set, resumable by any worker.
  pass_epoch text,
  pass_detected_at timestamptz,
  pass_position uuid,
  pass_done_at timestamptz
);
insert into calendar_fleet (feed_epoch) values (to_hex(extract(epoch from clock_timestamp())::bigint));

-- Row-level security. Naming current_user matters: a login that is a member of a role inherits its privileges, and
-- with a bare `using (true)` it would inherit the sight as well.
do $$
declare t text;
begin
  foreach t in array array[
    'calendar_accounts', 'calendars', 'calendar_sync_channels', 'calendar_events', 'calendar_occurrences',
    'calendar_changes', 'calendar_sync_runs', 'calendar_quarantine', 'calendar_idempotency_keys'
  ] loop
    execute format('alter table %I enable row level security, force row level security', t);
    execute format(
      'create policy worker on %I using (current_user = ''calfleet_worker'') with check (current_user = ''calfleet_worker'')', t);
    execute format(
      'create policy api on %I using (current_user = ''calfleet_api''
         and user_id = nullif(current_setting(''calfleet.user_id'', true), ''''))
       with check (current_user = ''calfleet_api''
         and user_id = nullif(current_setting(''calfleet.user_id'', true), ''''))', t);
    execute format('grant select, insert, update, delete on %I to calfleet_worker', t);
  end loop;
end $$;

alter table calendar_fleet enable row level security, force row level security;
create policy worker on calendar_fleet using (current_user = 'calfleet_worker') with check (current_user = 'calfleet_worker');
create policy api on calendar_fleet for select using (current_user = 'calfleet_api');
grant select, update on calendar_fleet to calfleet_worker;
grant select on calendar_fleet to calfleet_api;
grant usage on sequence calendar_changes_seq to calfleet_worker, calfleet_api;

-- The API writes tokens and never reads them back: every column of the account but the sealed ones.
grant insert on calendar_accounts to calfleet_api;
grant select (id, user_id, provider, provider_account_id, email, status, status_reason, scopes, calendars_listed_at,
  created_at, updated_at) on calendar_accounts to calfleet_api;
grant select on calendars, calendar_sync_channels, calendar_events, calendar_occurrences, calendar_changes,
  calendar_sync_runs, calendar_quarantine to calfleet_api;
grant update (active, write_enabled, incremental_enabled, conflict_strategy, dirty_seq, full_requested,
  held_apply_until, held_apply_seq, state, state_reason, next_pull_at, updated_at) on calendars to calfleet_api;
grant update (held_at, local_only, version, updated_at) on calendar_events to calfleet_api;
grant update (retry_requested_at) on calendar_quarantine to calfleet_api;
grant insert on calendar_changes to calfleet_api;
grant select, insert, update, delete on calendar_idempotency_keys to calfleet_api;

-- Partitions are made and dropped by these two alone; they run as the migrating login, which owns the feed.
create function calfleet_ensure_change_partitions(from_at timestamptz, weeks integer) returns integer
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  made integer := 0;
  start_at timestamptz := date_trunc('week', from_at at time zone 'UTC') at time zone 'UTC';
  name text;
begin
  if weeks not between 1 and 60 then
    raise exception 'weeks must be 1 to 60' using errcode = '22023';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('calfleet.change_partitions', 0));
  for i in 0..weeks loop
    name := 'calendar_changes_' || to_char((start_at + make_interval(days => 7 * i)) at time zone 'UTC', 'YYYYMMDD');
    if to_regclass('public.' || name) is null then
      begin
        execute format('create table public.%I partition of public.calendar_changes for values from (%L) to (%L)',
          name, start_at + make_interval(days => 7 * i), start_at + make_interval(days => 7 * (i + 1)));
        execute format('alter table public.%I enable row level security, force row level security', name);
        made := made + 1;
      exception when check_violation then
        null; -- The default partition already holds rows of that week: they stay there until they are dropped.
      end;
    end if;
  end loop;
  return made;
end $$;

create function calfleet_drop_change_partitions(before timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  dropped integer := 0;
  part record;
begin
  perform pg_advisory_xact_lock(hashtextextended('calfleet.change_partitions', 0));
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.calendar_changes'::regclass and c.relname ~ '^calendar_changes_[0-9]{8}$'
      and (to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC') + interval '7 days' <= before
  loop
    execute format('drop table public.%I', part.relname);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;

revoke all on function calfleet_ensure_change_partitions(timestamptz, integer) from public;
revoke all on function calfleet_drop_change_partitions(timestamptz) from public;
grant execute on function calfleet_ensure_change_partitions(timestamptz, integer) to calfleet_worker;
grant execute on function calfleet_drop_change_partitions(timestamptz) to calfleet_worker;
