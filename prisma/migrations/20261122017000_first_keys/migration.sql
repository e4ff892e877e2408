-- Which signing key is the first one: believed when a second tick says so, and not as soon when it was the first before.
alter table calendar_fleet
  add column signing_key_next text collate "C",
  add column signing_key_next_since timestamptz,
  add column signing_keys_past text[] not null default '{}',
  add check ((signing_key_next is null) = (signing_key_next_since is null)),
  add constraint calendar_fleet_signing_key_next_since_readable
    check (signing_key_next_since between '0001-01-02 00:00:00+00'::timestamptz and '9999-12-30 00:00:00+00'::timestamptz);
