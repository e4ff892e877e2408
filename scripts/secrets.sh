#!/bin/sh
# Adds to .env the secrets of docker-compose.yml that are not in it yet. What is there stays: the volumes remember the
# passwords, and what is sealed under a key needs that key.
set -eu
umask 077
cd "$(dirname "$0")/.."
touch .env
chmod 600 .env

random() { head -c "$1" /dev/urandom; }
word() { random 24 | od -An -v -tx1 | tr -d ' \n'; }
key() { printf 'k1:%s' "$(random 32 | base64 | tr -d '\n')"; }

# A name with an empty value, as in .env.example, is not set. The last line of a name counts.
is_set() { sed -n "s/^$1=//p" .env | tail -n 1 | grep -q .; }
keep() {
  if is_set "$1"; then
    echo "$1 stays"
  else
    printf '%s=%s\n' "$1" "$2" >> .env
    echo "$1 written"
  fi
}

# A file that somebody edited may end without a newline.
[ -z "$(tail -c 1 .env)" ] || echo >> .env
for name in POSTGRES_PASSWORD CALFLEET_DB_PASSWORD REDIS_PASSWORD GRAFANA_PASSWORD CALFLEET_ADMIN_KEY; do
  keep "$name" "$(word)"
done
for name in TOKEN_ENCRYPTION_KEYS CHANNEL_SIGNING_KEYS; do
  keep "$name" "$(key)"
done
