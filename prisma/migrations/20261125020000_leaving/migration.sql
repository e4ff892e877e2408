-- Disconnecting is a state machine in its account's row: whoever finds the row goes on where the last one died.

alter table calendar_accounts
  -- What is to be done next.
  add leaving_step text check (leaving_step in ('fence', 'writes', 'deletions', 'channels', 'grant', 'rows')),
  -- Nothing is kept.
  add leaving_purge boolean not null default false,
  -- What was made through us is deleted at the provider, too.
  add leaving_deletes boolean not null default false,
  -- Its grant lived when it was asked to leave, and nobody has found it dead since.
  add leaving_asks boolean not null default false,
  add leaving_since timestamptz,
  -- When it is looked at next.
  add leaving_after timestamptz,
  add leaving_attempts integer not null default 0,
  add check ((status = 'disconnecting') = (leaving_step is not null)),
  add check ((leaving_step is null) = (leaving_since is null)),
  add check ((leaving_step is null) = (leaving_after is null)),
  add constraint calendar_accounts_leaving_since_readable
    check (leaving_since between '0001-01-02 00:00:00+00'::timestamptz and '9999-12-30 00:00:00+00'::timestamptz),
  add constraint calendar_accounts_leaving_after_readable
    check (leaving_after between '0001-01-02 00:00:00+00'::timestamptz and '9999-12-30 00:00:00+00'::timestamptz);
create index calendar_accounts_leaving on calendar_accounts (leaving_after, id) where status = 'disconnecting';

-- Whoever leaves holds no mailbox any more: its user may connect it anew at once.
drop index calendar_accounts_mailbox;
create unique index calendar_accounts_mailbox on calendar_accounts (user_id, provider, provider_account_id)
  where provider_account_id is not null and status not in ('disconnecting', 'disconnected');
-- A revocation ends the grant of everybody who shares the mailbox: they are asked for.
create index calendar_accounts_sharing on calendar_accounts (provider, provider_account_id)
  where provider_account_id is not null;

-- What goes with an account or a calendar is found by it, row by row.
create index calendar_sync_channels_account on calendar_sync_channels (account_id);
create index calendar_writes_account on calendar_writes (account_id);
create index calendar_writes_calendar on calendar_writes (calendar_id);
create index calendar_sync_conflicts_account on calendar_sync_conflicts (account_id);
create index calendar_sync_conflicts_calendar on calendar_sync_conflicts (calendar_id);

-- The API asks an account to leave; all that follows is the workers'.
grant update (status, status_reason, leaving_step, leaving_purge, leaving_deletes, leaving_asks, leaving_since,
  leaving_after, leaving_attempts, updated_at) on calendar_accounts to calfleet_api;
grant select (leaving_step, leaving_purge, leaving_deletes, leaving_asks, leaving_since) on calendar_accounts
  to calfleet_api;
