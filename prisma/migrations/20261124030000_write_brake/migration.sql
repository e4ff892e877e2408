-- The brake of writing back: who stopped it, what left when, and what bears our mark at the provider.

-- The kill switch over all accounts.
alter table calendar_fleet add writes_stopped_at timestamptz;

alter table calendar_accounts
  -- The same for one account: by a person, or by the brake.
  add writes_stopped_at timestamptz,
  add writes_stopped_reason text,
  -- A person let it go on: its writes are counted anew from here.
  add writes_resumed_at timestamptz,
  add check ((writes_stopped_at is null) = (writes_stopped_reason is null));
grant select (writes_stopped_at, writes_stopped_reason) on calendar_accounts to calfleet_api;

alter table calendar_writes
  -- When it left last; what was folded into another one never did.
  add sent_at timestamptz,
  -- A person let it go: the writes about its event are counted anew from here.
  add released_at timestamptz;
create index calendar_writes_sent on calendar_writes (event_id, sent_at) where sent_at is not null;
create index calendar_writes_sent_of_account on calendar_writes (account_id, sent_at) where sent_at is not null;
create index calendar_writes_released on calendar_writes (event_id, released_at) where released_at is not null;
grant update (released_at) on calendar_writes to calfleet_api;

-- The write that made the event, as the mark says that it bears at its provider. Another installation's mark looks the same.
alter table calendar_events add write_id text collate "C";
create index calendar_events_marked on calendar_events (calendar_id, id)
  where write_id is not null and not managed and deleted_at is null;

-- Counted by a program that knew nothing of writes.
truncate calendar_census;
