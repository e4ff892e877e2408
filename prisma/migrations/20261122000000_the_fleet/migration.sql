-- The fleet: what users want of their beat, what audits found, and when each schedule ran last.

create table calendar_preferences (
  user_id text collate "C" primary key,
  auto_sync_enabled boolean not null,
  sync_frequency_minutes integer not null check (sync_frequency_minutes between 5 and 1440),
  conflict_strategy text not null check (conflict_strategy in ('provider_wins', 'local_wins', 'newest_wins', 'manual')),
  write_permissions text not null check (write_permissions in ('none', 'managed', 'all')),
  -- All four or none (no days). Times of the day as HH:MM; an end before its start lies on the next day.
  working_time_zone text,
  working_days text[] not null default '{}',
  working_start text check (working_start ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
  working_end text check (working_end ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$'),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (working_days <@ '{mon,tue,wed,thu,fri,sat,sun}'::text[]),
  check (num_nulls(working_time_zone, working_start, working_end) in (0, 3)),
  check ((cardinality(working_days) > 0) = (working_time_zone is not null))
);

alter table calendars
  -- Of its user's preferences, so that auto-sync finds its rows through an index of their own.
  add column auto_sync boolean not null default false,
  add column audited_at timestamptz,
  add column audit_differences integer;
create index calendars_due_auto on calendars (next_pull_at, id) where active and auto_sync and next_pull_at is not null;
-- mirror-audit: who waited longest, those never audited first.
create index calendars_audit on calendars (audited_at nulls first, id) where active;

-- What an audit found. A calendar's newest one is in its row, too.
create table calendar_audits (
  id uuid primary key,
  user_id text collate "C" not null,
  account_id uuid not null,
  calendar_id uuid not null references calendars (id) on delete cascade,
  outcome text not null check (outcome in ('completed', 'unclear')),
  -- Items that the provider listed, and how many of them or of ours differed.
  seen integer not null,
  differences integer not null,
  -- At most 100 of them: kind, event_id, provider_event_id, and the names of fields. Never what the events say.
  details jsonb not null default '[]',
  requested_at timestamptz not null,
  finished_at timestamptz not null
);
create index calendar_audits_user on calendar_audits (user_id, id);
create index calendar_audits_calendar on calendar_audits (calendar_id, id);
create index calendar_audits_age on calendar_audits (finished_at);

do $$
declare t text;
begin
  foreach t in array array['calendar_preferences', 'calendar_audits'] loop
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
grant select, insert, update on calendar_preferences to calfleet_api;
grant select on calendar_audits to calfleet_api;
grant update (auto_sync) on calendars to calfleet_api;

-- One row per schedule: its last run. Not a user's data.
create table calendar_schedules (
  name text collate "C" primary key,
  started_at timestamptz not null,
  ended_at timestamptz,
  outcome text not null check (outcome in ('running', 'completed', 'failed')),
  counts jsonb not null default '{}',
  error text
);
alter table calendar_schedules enable row level security, force row level security;
create policy worker on calendar_schedules using (current_user = 'calfleet_worker') with check (current_user = 'calfleet_worker');
grant select, insert, update, delete on calendar_schedules to calfleet_worker;
