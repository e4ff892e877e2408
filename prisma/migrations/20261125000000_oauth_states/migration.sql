-- Connecting: what ties the browser that comes back from a provider to the user that went there. Good once, for minutes.
create table calendar_oauth_states (
  id uuid primary key,
  user_id text collate "C" not null,
  provider text not null check (provider in ('google', 'microsoft', 'memory')),
  -- SHA-256 of what travels through the browser.
  state_hash bytea not null unique check (length(state_hash) = 32),
  access text not null check (access in ('read', 'read_write')),
  -- Sealed by packages/vault like an account's tokens: a data key of its own, and the verifier under it.
  data_key bytea not null,
  code_verifier bytea not null,
  nonce text not null,
  -- Where the browser goes in the end; null: a page of ours.
  redirect_uri text,
  created_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > created_at),
  used_at timestamptz
);
create index calendar_oauth_states_age on calendar_oauth_states (expires_at, id);
alter table calendar_oauth_states enable row level security, force row level security;
create policy worker on calendar_oauth_states to calfleet_worker
  using (nullif(current_user = 'calfleet_worker', false) is not null)
  with check (current_user = 'calfleet_worker');
create policy api on calendar_oauth_states to calfleet_api
  using (nullif(current_user = 'calfleet_api', false) is not null
    and user_id = nullif(current_setting('calfleet.user_id', true), ''))
  with check (current_user = 'calfleet_api'
    and user_id = nullif(current_setting('calfleet.user_id', true), ''));
-- The browser that comes back has no key and names no user: what it knows of the state opens that one row.
create policy api_by_state on calendar_oauth_states for select to calfleet_api
  using (nullif(current_user = 'calfleet_api', false) is not null
    and state_hash = decode(nullif(current_setting('calfleet.oauth_state_hash', true), ''), 'hex'));
create policy api_use_by_state on calendar_oauth_states for update to calfleet_api
  using (nullif(current_user = 'calfleet_api', false) is not null
    and state_hash = decode(nullif(current_setting('calfleet.oauth_state_hash', true), ''), 'hex'));
-- Cleanup takes them away; to lock rows, one must be allowed to update something of them.
grant select, delete, update (used_at) on calendar_oauth_states to calfleet_worker;
grant select, insert, update (used_at) on calendar_oauth_states to calfleet_api;

-- Connected again: the grant is replaced, unread as ever.
grant update (status, status_reason, email, scopes, data_key, refresh_token, access_token, access_token_expires_at,
  token_failure, calendars_listed_at, updated_at) on calendar_accounts to calfleet_api;
