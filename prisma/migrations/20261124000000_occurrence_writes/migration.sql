-- Writes of single occurrences: they leave in order with those of their series, and may be wished for before their
-- provider has a name for them, or for their series.

alter table calendar_writes
  -- The series that the event belongs to, or came of; null: it stands for itself.
  add series_event_id uuid,
  -- An occurrence that was called off is to take place again; where its slot cannot be filled, as an event of its own.
  add revives boolean not null default false;

alter table calendar_events
  -- Of an exception whose series its provider does not know yet: our id of the series, which stands in
  -- provider_series_id as text, too.
  add local_series_id uuid,
  -- Of an exception that went with its series: its slot was empty.
  add slot_was_cancelled boolean not null default false;
create index calendar_events_local_series on calendar_events (local_series_id) where local_series_id is not null;
-- Asked with every page of every calendar.
create index calendar_events_unnamed on calendar_events (calendar_id)
  where provider_event_id is null and kind = 'exception';

alter table calendar_event_revisions
  -- Of a cut ("this and following"): the series that took over, if any did.
  add continued_by uuid;
