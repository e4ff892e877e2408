-- Two-way: what is to be written to the provider, what both sides changed, and what every event was before.

create table calendar_writes (
  id uuid primary key,
  user_id text collate "C" not null,
  account_id uuid not null references calendar_accounts (id) on delete cascade,
  calendar_id uuid not null references calendars (id) on delete cascade,
  event_id uuid not null references calendar_events (id) on delete cascade,
  op text not null check (op in ('create', 'update', 'delete')),
  -- What is to be written: fields of the event in the shape of the merge. Narrowed as the provider's changes come in.
  patch jsonb not null default '{}',
  -- What the patch was made upon: the provider's state, its version with it. Null for a creation.
  base jsonb,
  base_version text collate "C",
  state text not null default 'pending'
    check (state in ('pending', 'pushing', 'applied', 'conflict', 'parked', 'discarded')),
  -- The write that carries this one's wishes too; its state is this one's.
  folded_into uuid references calendar_writes (id) on delete cascade,
  attempts integer not null default 0,
  -- How often somebody else's change came in between.
  rounds integer not null default 0,
  error jsonb,
  not_before timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  applied_at timestamptz,
  check ((op = 'create') = (base is null)),
  check ((state = 'applied') = (applied_at is not null))
);
create index calendar_writes_user on calendar_writes (user_id, id);
create index calendar_writes_waiting on calendar_writes (calendar_id, id) where state in ('pending', 'pushing');
create index calendar_writes_unsettled on calendar_writes (event_id, id)
  where state in ('pending', 'pushing', 'conflict', 'parked');
-- Asked with every page of every calendar.
create index calendar_writes_met on calendar_writes (calendar_id)
  where state in ('pending', 'pushing', 'conflict', 'parked');
create index calendar_writes_folded on calendar_writes (folded_into) where folded_into is not null;
create index calendar_writes_age on calendar_writes (updated_at) where state in ('applied', 'discarded');

-- What an event looked like before and after a change of its own: names of fields, and their values. Kept for its user.
create table calendar_event_revisions (
  event_id uuid not null references calendar_events (id) on delete cascade,
  -- Rises with each revision of the event.
  n bigint not null,
  user_id text collate "C" not null,
  calendar_id uuid not null,
  at timestamptz not null,
  origin text not null check (origin in ('local', 'provider', 'resolution')),
  fields text[] not null,
  before jsonb,
  after jsonb,
  -- The write that it came of, or whose values did not stand.
  write_id uuid,
  primary key (event_id, n)
);
create index calendar_event_revisions_age on calendar_event_revisions (at);

create table calendar_sync_conflicts (
  id uuid primary key,
  user_id text collate "C" not null,
  account_id uuid not null references calendar_accounts (id) on delete cascade,
  calendar_id uuid not null references calendars (id) on delete cascade,
  event_id uuid not null references calendar_events (id) on delete cascade,
  write_id uuid not null references calendar_writes (id) on delete cascade,
  fields text[] not null,
  base jsonb,
  local jsonb,
  provider jsonb,
  strategy text not null check (strategy in ('provider_wins', 'local_wins', 'newest_wins', 'manual')),
  status text not null check (status in ('open', 'resolved')),
  resolution text check (resolution in ('local', 'provider', 'merge')),
  -- `strategy`, or the user who decided.
  resolved_by text collate "C",
  created_at timestamptz not null,
  resolved_at timestamptz,
  check ((status = 'resolved') = (resolution is not null and resolved_by is not null and resolved_at is not null))
);
create index calendar_sync_conflicts_user on calendar_sync_conflicts (user_id, id);
create index calendar_sync_conflicts_open on calendar_sync_conflicts (event_id) where status = 'open';

-- One push at a time per calendar, as with pulls: a worker that lost its lease cannot write.
alter table calendars
  add push_epoch bigint not null default 0,
  add push_until timestamptz;

do $$
declare t text;
begin
  foreach t in array array['calendar_writes', 'calendar_event_revisions', 'calendar_sync_conflicts'] loop
    execute format('alter table %I enable row level security, force row level security', t);
    -- The form that planners can estimate (docs/decisions/0030).
    execute format('create policy worker on %I to calfleet_worker using (nullif(current_user = %L, false) is not null)
      with check (current_user = %L)', t, 'calfleet_worker', 'calfleet_worker');
    execute format('create policy api on %I to calfleet_api using (nullif(current_user = %L, false) is not null
        and user_id = nullif(current_setting(''calfleet.user_id'', true), ''''))
      with check (current_user = %L
        and user_id = nullif(current_setting(''calfleet.user_id'', true), ''''))', t, 'calfleet_api', 'calfleet_api');
    execute format('grant select, insert, update, delete on %I to calfleet_worker', t);
    execute format('grant select, insert on %I to calfleet_api', t);
  end loop;
end $$;
grant update (op, patch, base, base_version, state, folded_into, error, not_before, updated_at, applied_at)
  on calendar_writes to calfleet_api;
grant update (status, resolution, resolved_by, resolved_at) on calendar_sync_conflicts to calfleet_api;
-- A local write changes what the mirror shows at once.
grant insert, update, delete on calendar_occurrences to calfleet_api;
grant insert, update on calendar_events to calfleet_api;
