-- The newest migration that is applied: what processes compare at their start with the one that they were built with. The
-- ledger belongs to the migrating login. plpgsql, since a function in SQL would need the ledger to be there when it is made.
create function calfleet_schema_version() returns text
language plpgsql stable security definer set search_path = pg_catalog, public as $$
begin
  return (select max(migration_name collate "C") from public._prisma_migrations
           where finished_at is not null and rolled_back_at is null);
end $$;
revoke all on function calfleet_schema_version() from public;
grant execute on function calfleet_schema_version() to calfleet_worker, calfleet_api;
