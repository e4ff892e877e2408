-- One refresh for an account over the whole fleet: whoever wins the lease asks the token endpoint, the others watch the
-- row. Providers rotate refresh tokens, and some end the grant when an old one is used again.

alter table calendar_accounts
  -- Database clock, as every lease.
  add column token_lease_until timestamptz,
  -- How the last refresh failed, for those that waited for it; null as soon as the next one begins.
  add column token_failure text
    check (token_failure in ('provider_unavailable', 'rate_limited', 'credentials_revoked', 'misconfigured'));
