-- Whoever rotates TOKEN_ENCRYPTION_KEYS seals the data keys of trips to a consent page anew, too. Accounts and kept
-- answers are the workers' to change already.
grant update (data_key) on calendar_oauth_states to calfleet_worker;
