-- Providers that list one window and expand series themselves (Microsoft Graph): instances are stored as they are
-- shown, and what is no longer shown is looked at before anything is removed.

alter table calendar_occurrences
  -- The provider's own id of a plain occurrence; null where the engine expanded the series.
  add column provider_instance_id text collate "C",
  -- The round, or single read, that showed it last.
  add column seen_round uuid;
-- A removal names an instance by its id alone. Hash: the ids are 150 characters long, and only ever compared.
create index calendar_occurrences_instance on calendar_occurrences using hash (provider_instance_id)
  where provider_instance_id is not null;

-- The running round that named this series: at its end, instances that it did not show are asked for.
alter table calendar_events add column noted_round uuid;
-- When a list left it out, as long as looks still find it alive: a read may be older than the list.
alter table calendar_events add column absent_at timestamptz;
create index calendar_events_noted on calendar_events (noted_round) where noted_round is not null;
-- After a round: what waits for a look in this calendar.
create index calendar_events_rechecks_calendar on calendar_events (calendar_id, recheck_at)
  where recheck_at is not null;

alter table calendars
  -- How the calendar is read: small pages, then a plain view, where the list of changes goes round in circles.
  add column reading text not null default 'changes' check (reading in ('changes', 'small_pages', 'view')),
  add column reading_since timestamptz,
  -- A notification may come before the change is listed: an empty answer is asked for again, three times.
  add column look_again_at timestamptz,
  add column looks integer not null default 0;
create index calendars_look_again on calendars (look_again_at) where look_again_at is not null and active;
