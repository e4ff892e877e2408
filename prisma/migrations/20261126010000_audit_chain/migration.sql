-- Each entry of the audit log with the hash of the one before it: laid behind the log, in the order in which entries were
-- found, so that no act waits for another one's transaction. Nobody of the fleet can change or delete a link.
create table audit_chain (
  n bigint primary key check (n > 0),
  -- No foreign key: an entry that was taken away is what the chain is there to tell.
  entry_id uuid not null unique,
  hash bytea not null check (length(hash) = 32)
);
alter table audit_chain enable row level security, force row level security;
create policy worker on audit_chain to calfleet_worker
  using (nullif(current_user = 'calfleet_worker', false) is not null) with check (current_user = 'calfleet_worker');
grant select, insert on audit_chain to calfleet_worker;
