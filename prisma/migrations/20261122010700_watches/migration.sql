-- Channels over months: who is to be stopped and when, when a calendar may be tried again, and since when a key signs.

alter table calendar_sync_channels
  -- Nobody wants this channel: it is to be stopped at this time, or tried again then. Null: nothing to do, or given up.
  add column stop_after timestamptz,
  add column stop_attempts integer not null default 0;

alter table calendars
  -- Attempts to open or prolong a channel that failed in a row, and the time before which there is no further one.
  add column watch_failures integer not null default 0,
  add column watch_after timestamptz;

alter table calendar_fleet
  -- The key that signs new channels, and since when: channels on other keys are replaced over the day after it.
  add column signing_key_id text collate "C",
  add column signing_key_since timestamptz;

-- watch-renewal: channels that run out, oldest first.
create index calendar_sync_channels_expiring on calendar_sync_channels (expires_at, id) where state = 'active';
-- watch-renewal: channels on an old key, by the part of the day that is theirs (the last byte of a uuid is random).
create index calendar_sync_channels_key on calendar_sync_channels
  (signing_key_id, get_byte(uuid_send(calendar_id), 15), id) where state = 'active';
-- watch-renewal: attempts that nobody answered.
create index calendar_sync_channels_creating on calendar_sync_channels (created_at, id) where state = 'creating';
-- What is to be stopped.
create index calendar_sync_channels_stop on calendar_sync_channels (stop_after, id) where stop_after is not null;
-- Live channels whose calendar was deleted.
create index calendar_sync_channels_homeless on calendar_sync_channels (id)
  where calendar_id is null and state in ('creating', 'active');
-- Channels that nobody wants and that may still speak.
create index calendar_sync_channels_unwanted on calendar_sync_channels (provider)
  where state in ('retired', 'abandoned');
-- What runs out by itself: an abandoned one whose expiry is known, too.
drop index calendar_sync_channels_live;
create index calendar_sync_channels_live on calendar_sync_channels (expires_at)
  where state in ('active', 'retired', 'abandoned');

-- Calendars that still have a channel and should have none.
create index calendars_overwatched on calendars (id) where coverage = 'push' and (not active or state = 'gone');
-- Calendars without a channel that may have one; those that are gone or paused would only be stepped over.
drop index calendars_unwatched;
create index calendars_unwatched on calendars (id)
  where coverage = 'none' and active and state not in ('paused', 'gone');
-- Calendars that refused push, the longest ago first.
create index calendars_refused on calendars (push_refused_at, id) where active and push_refused_at is not null;

-- The daily look at calendar lists: whose hour it is, and whose last look is too long ago.
create index calendar_accounts_hour on calendar_accounts
  ((get_byte(uuid_send(id), 15) % 24), calendars_listed_at, id) where status = 'active';
create index calendar_accounts_listed on calendar_accounts (calendars_listed_at, id) where status = 'active';
