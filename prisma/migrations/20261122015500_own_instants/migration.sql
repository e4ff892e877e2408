-- What the ticks and the rounds read is ours to keep sound: a round that lacks a part, and an instant that no program can
-- read (infinity, before the year 1, after 9999), would stop its selection for everybody. Of provider data nothing is said.
alter table calendars
  add check ((round_id is null) = (round_trigger is null)),
  add check ((round_id is null) = (round_write_seq is null)),
  add check ((round_id is null) = (round_window_start is null)),
  add check ((round_id is null) = (round_window_end is null)),
  add check ((round_id is null) = (round_page_at is null)),
  add check ((window_start is null) = (window_end is null));

do $$
declare
  t text;
  c text;
begin
  for t, c in
    select table_name, column_name from information_schema.columns
     where table_schema = 'public' and data_type = 'timestamp with time zone'
       and table_name in ('calendar_accounts', 'calendars', 'calendar_sync_channels', 'calendar_sync_runs',
         'calendar_quarantine', 'calendar_audits', 'calendar_schedules', 'calendar_preferences', 'calendar_fleet')
     order by table_name, ordinal_position
  loop
    execute format('alter table %I add constraint %I check (%I between %L::timestamptz and %L::timestamptz)',
      t, t || '_' || c || '_readable', c, '0001-01-02 00:00:00+00', '9999-12-30 00:00:00+00');
  end loop;
end $$;
