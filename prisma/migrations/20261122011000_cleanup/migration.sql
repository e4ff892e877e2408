-- What cleanup and the ticks need: windows that move on, what is past its time found by index, and selections that do
-- not walk over calendars which nobody can ask.

alter table calendars
  -- The window is being moved to here. Pages compute what the old and the new one hold, until both bounds move at once.
  add column moving_start timestamptz,
  add column moving_end timestamptz,
  -- When the last full round that was finished began: what it did not show is not there any more.
  add column last_full_at timestamptz,
  -- Its account can be asked. Kept by a trigger, so that no road to another status forgets it; acquireLease looks itself.
  add column account_active boolean not null default true,
  add check ((moving_start is null) = (moving_end is null));

-- Windows that end too early or too late, or begin too late, by provider.
create index calendars_window_end on calendars (provider, window_end, id) where window_end is not null;
create index calendars_window_start on calendars (provider, window_start, id) where window_start is not null;

create function calfleet_follow_account() returns trigger
language plpgsql set search_path = pg_catalog, public as $$
begin
  update public.calendars set account_active = (new.status = 'active')
   where account_id = new.id and account_active <> (new.status = 'active');
  return null;
end $$;
create trigger calendar_accounts_follow after update of status on calendar_accounts
  for each row when ((old.status = 'active') <> (new.status = 'active')) execute function calfleet_follow_account();
grant update (account_active) on calendars to calfleet_api;

-- The owner sees no row under forced row-level security.
alter table calendars no force row level security;
alter table calendar_accounts no force row level security;
update calendars c set account_active = false from calendar_accounts a where a.id = c.account_id and a.status <> 'active';
update calendars set last_full_at = last_round_started_at where last_mode = 'full';
alter table calendars force row level security;
alter table calendar_accounts force row level security;

-- Calendars that cannot be asked stay due, dirty and unwatched for months: each tick walked over all of them.
drop index calendars_due, calendars_due_auto, calendars_unsettled, calendars_unwatched, calendars_look_again, calendars_audit;
create index calendars_due on calendars (next_pull_at, id)
  where active and account_active and state not in ('paused', 'gone') and next_pull_at is not null;
create index calendars_due_auto on calendars (next_pull_at, id)
  where active and account_active and state not in ('paused', 'gone') and auto_sync and next_pull_at is not null;
create index calendars_unsettled on calendars (id)
  where active and account_active and state not in ('paused', 'gone') and (dirty_seq > synced_seq or round_id is not null);
create index calendars_unwatched on calendars (id)
  where active and account_active and state not in ('paused', 'gone') and coverage = 'none';
create index calendars_look_again on calendars (look_again_at)
  where active and account_active and state not in ('paused', 'gone') and look_again_at is not null;
create index calendars_audit on calendars (audited_at nulls first, id)
  where active and account_active and state not in ('paused', 'gone');

-- Where an event begins, whatever its kind of time: a column of its own, since row-level security keeps expressions out
-- of index conditions. Series are few and looked at whole.
alter table calendar_events
  add column begins_at timestamptz generated always as
    (coalesce(starts_at, start_date::timestamp at time zone 'UTC', start_local at time zone 'UTC')) stored;
create index calendar_events_begins on calendar_events (calendar_id, begins_at, id)
  where kind <> 'series' and deleted_at is null;
create index calendar_events_masters on calendar_events (calendar_id, provider_event_id)
  where kind = 'series' and deleted_at is null;

-- What is past its time. A cancelled slot is no tombstone: it goes with its series alone.
create index calendar_events_tombstones on calendar_events (deleted_at, id)
  where deleted_at is not null and not slot_cancelled;
create index calendar_sync_runs_age on calendar_sync_runs (finished_at, id);
create index calendar_quarantine_age on calendar_quarantine (last_seen_at, id);
create index calendar_sync_channels_dead on calendar_sync_channels (updated_at, id)
  where state in ('stopped', 'expired', 'abandoned', 'failed');
