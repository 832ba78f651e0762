#!/bin/bash
# Runs a command beside a PostgreSQL of its own on a free port of the loopback address, and stops that server again:
#
#     scripts/with-postgres.sh cargo test -p roster-store
#
# The command finds its address in ROSTER_TEST_POSTGRES. Everything the server writes is in a temporary folder.
set -euo pipefail

bin=$(dirname "$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -1)")
[[ -x $bin/initdb ]] || { echo "PostgreSQL's server is not installed: run scripts/install-test-deps.sh" >&2; exit 2; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/roster-postgres.XXXXXX")
# PostgreSQL refuses to run as root.
as_server=()
if ((EUID == 0)); then
    chown postgres "$dir"
    as_server=(runuser -u postgres --)
fi

server=
stop() {
    if [[ -n $server ]]; then
        "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data" -m fast -s -w stop </dev/null || kill -KILL "$server" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cd "$dir"
"${as_server[@]}" "$bin/initdb" -D "$dir/data" -U roster -A trust -E UTF8 --no-locale >"$dir/initdb.log" 2>&1 </dev/null \
    || { cat "$dir/initdb.log" >&2; exit 2; }

# A port that was free a moment ago may be taken by the time the server asks for it, so try a few.
for _ in 1 2 3 4 5; do
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    if "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -s -w -t 60 start </dev/null \
        -o "-h 127.0.0.1 -p $port -k '' -c max_connections=300"; then
        server=$(head -1 "$dir/data/postmaster.pid")
        break
    fi
done
if [[ -z $server ]]; then
    cat "$dir/data/server.log" >&2
    exit 2
fi

cd "$OLDPWD"
export ROSTER_TEST_POSTGRES="postgres://roster@127.0.0.1:$port/postgres"
status=0
"$@" || status=$?
exit "$status"
