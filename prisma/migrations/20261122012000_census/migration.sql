-- What operators see of the whole fleet: counted once a minute by one worker, and told by all.

create table calendar_census (
  singleton boolean primary key default true check (singleton),
  taken_at timestamptz,
  -- Whoever counts has until then; after it, another worker may.
  lease_until timestamptz,
  counts jsonb
);
alter table calendar_census enable row level security, force row level security;
create policy worker on calendar_census using (current_user = 'calfleet_worker') with check (current_user = 'calfleet_worker');
grant select, insert, update on calendar_census to calfleet_worker;

-- A failed or running tick must not hide when the last good one was.
alter table calendar_schedules add column succeeded_at timestamptz;

-- The channels that run out first, of each provider.
create index calendar_sync_channels_soonest on calendar_sync_channels (provider, expires_at) where state = 'active';
