#!/bin/sh
# Runs the Prisma CLI without its engine download, which many networks refuse. The stand-in engine exits 1, so that
# only what needs no engine (generate, validate, format) can succeed: `migrate` fails loudly instead of pretending.
set -eu
cd "$(dirname "$0")/.."
stand_in=$(mktemp)
trap 'rm -f "$stand_in"' EXIT
printf '#!/bin/sh\nexit 1\n' > "$stand_in"
chmod 700 "$stand_in"
PRISMA_SCHEMA_ENGINE_BINARY="$stand_in" PRISMA_HIDE_UPDATE_MESSAGE=1 CHECKPOINT_DISABLE=1 npx --no-install prisma "$@"
