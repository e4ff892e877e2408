-- An event that is brought back while its deletion is on its way leaves that deletion to a row of its own.
grant update (event_id) on calendar_writes to calfleet_api;
