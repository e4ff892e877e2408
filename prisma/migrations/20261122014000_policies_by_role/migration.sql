-- What row-level security cost the planner. A policy without a role is asked for every role, so that each statement carried
-- both, joined by OR; and Postgres takes an equality without statistics for one that a row in two hundred meets. So it
-- thought of 500 rows as of everything there is, read whole ranges and sorted them. For its own role alone, and as "is not
-- null", which is taken for true, the worker's policy says nothing about rows. What it lets through is the same.
do $$
declare p record;
begin
  for p in select tablename, policyname, qual,
      format('(CURRENT_USER = %L::name)', 'calfleet_' || policyname) as condition
    from pg_policies where schemaname = 'public' and policyname in ('worker', 'api') loop
    if position(p.condition in p.qual) = 0 then
      raise exception 'The policy % of % does not name its role: %', p.policyname, p.tablename, p.qual;
    end if;
    execute format('alter policy %I on public.%I to %I using (%s)', p.policyname, p.tablename,
      'calfleet_' || p.policyname,
      replace(p.qual, p.condition, format('(nullif(%s, false) is not null)', p.condition)));
  end loop;
end $$;
