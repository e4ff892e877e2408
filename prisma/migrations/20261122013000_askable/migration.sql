-- What the bench with a million calendars found.

-- Calendars that refused push: those that cannot be asked are not looked at, as with all other selections.
drop index calendars_refused;
create index calendars_refused on calendars (push_refused_at, id)
  where active and account_active and state not in ('paused', 'gone') and push_refused_at is not null;

-- Columns of their own, since row-level security keeps expressions out of index conditions: the part of the day in which
-- a channel on an old key is replaced, and the hour in which an account's list is read. The last byte of a uuid is random.
alter table calendar_sync_channels
  add column day_slot integer generated always as (get_byte(uuid_send(calendar_id), 15)) stored;
drop index calendar_sync_channels_key;
create index calendar_sync_channels_key on calendar_sync_channels (signing_key_id, day_slot, id) where state = 'active';
alter table calendar_accounts
  add column list_hour integer generated always as (get_byte(uuid_send(id), 15) % 24) stored;
drop index calendar_accounts_hour;
create index calendar_accounts_hour on calendar_accounts (list_hour, calendars_listed_at, id) where status = 'active';
