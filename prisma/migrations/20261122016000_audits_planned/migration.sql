-- The audit's sample goes by when an audit was last planned: one that never ends would else lead every sample.
alter table calendars add column audit_planned_at timestamptz;
drop index calendars_audit;
create index calendars_audit on calendars (audit_planned_at nulls first, id)
  where active and account_active and state not in ('paused', 'gone');
