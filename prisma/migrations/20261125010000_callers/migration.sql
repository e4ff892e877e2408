-- Who may call, and what was done.

-- Keys of the API. A key says which row is its own; of its secret there is a hash only.
create table api_keys (
  id text collate "C" primary key check (id ~ '^[0-9a-f]{16}$'),
  name text check (length(name) <= 100),
  scope text not null check (scope in ('app', 'admin')),
  key_hash bytea not null check (length(key_hash) = 32),
  created_at timestamptz not null,
  expires_at timestamptz check (expires_at > created_at),
  revoked_at timestamptz,
  last_used_at timestamptz
);
alter table api_keys enable row level security, force row level security;
create policy worker on api_keys to calfleet_worker
  using (nullif(current_user = 'calfleet_worker', false) is not null) with check (current_user = 'calfleet_worker');
create policy api on api_keys to calfleet_api
  using (nullif(current_user = 'calfleet_api', false) is not null) with check (current_user = 'calfleet_api');
-- Operators make and revoke keys in the workers' role; the API compares, and says when one was used.
grant select, insert, update (revoked_at) on api_keys to calfleet_worker;
grant select, update (last_used_at) on api_keys to calfleet_api;

-- Acts of administrators and operators, and refused callers counted. Nobody of the fleet can change or delete a row.
create table audit_log (
  id uuid primary key,
  at timestamptz not null,
  -- `key:<id>`, `key:environment`, `user:<sub>`, `operator:<login>`, `process:<name>`
  actor text collate "C" not null,
  action text collate "C" not null,
  target text collate "C",
  -- An address, or a host.
  source text collate "C",
  request_id text collate "C",
  facts jsonb not null default '{}',
  -- One row is one line wherever it is printed.
  check (concat(actor, action, target, source, request_id) !~ '[[:cntrl:]]')
);
create index audit_log_at on audit_log (at, id);
alter table audit_log enable row level security, force row level security;
create policy worker on audit_log to calfleet_worker
  using (nullif(current_user = 'calfleet_worker', false) is not null) with check (current_user = 'calfleet_worker');
create policy api on audit_log for insert to calfleet_api with check (current_user = 'calfleet_api');
grant select, insert on audit_log to calfleet_worker;
grant insert on audit_log to calfleet_api;
