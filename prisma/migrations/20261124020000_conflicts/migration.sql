-- A write has one conflict to be decided at most; the tick walks over those that are open, a user's page over the few of many.
drop index calendar_sync_conflicts_open;
create unique index calendar_sync_conflicts_one_open on calendar_sync_conflicts (write_id) where status = 'open';
create index calendar_sync_conflicts_open on calendar_sync_conflicts (id) where status = 'open';
create index calendar_sync_conflicts_status on calendar_sync_conflicts (user_id, status, id);
-- They go with their event, and with their write.
create index calendar_sync_conflicts_event on calendar_sync_conflicts (event_id);
create index calendar_sync_conflicts_write on calendar_sync_conflicts (write_id);

-- So do writes; and what was written of an event since a conflict is asked for by the tick.
create index calendar_writes_event on calendar_writes (event_id, id);
