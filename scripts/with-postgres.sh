#!/bin/bash
# Runs a command beside a PostgreSQL of its own on a free port of the loopback address, and stops that server again:
#
#     scripts/with-postgres.sh cargo test -p roster-store
#
# The command finds its address in ROSTER_TEST_POSTGRES. The server speaks TLS with a certificate for `localhost`; the
# folder ROSTER_TEST_POSTGRES_TLS has the authority that issued it (ca.pem), one that did not (other.pem) and a
# certificate for the role `certified` (client.pem, client.key). The role `scram` has the password `hunter2`. Everything
# the server writes is in a temporary folder.
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

# An authority, and what it issues: `authority NAME`, `issue NAME COMMON-NAME EXTENSION`.
mkdir "$dir/tls"
printf '[req]\ndistinguished_name = dn\n[dn]\n[ca]\nbasicConstraints = critical, CA:TRUE\n' >"$dir/tls/openssl.cnf"
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
authority() {
    openssl req -x509 "${key[@]}" -config "$dir/tls/openssl.cnf" -extensions ca -days 2 -subj "/CN=$1" \
        -keyout "$dir/tls/$1.key" -out "$dir/tls/$1.pem"
}
issue() {
    openssl req "${key[@]}" -config "$dir/tls/openssl.cnf" -subj "/CN=$2" -keyout "$dir/tls/$1.key" -out "$dir/tls/$1.csr"
    openssl x509 -req -in "$dir/tls/$1.csr" -CA "$dir/tls/ca.pem" -CAkey "$dir/tls/ca.key" -CAcreateserial -days 2 \
        -extfile <(echo "$3") -out "$dir/tls/$1.pem"
}
{ authority ca && authority other && issue server localhost subjectAltName=DNS:localhost \
    && issue client certified extendedKeyUsage=clientAuth; } >"$dir/tls.log" 2>&1 </dev/null \
    || { cat "$dir/tls.log" >&2; exit 2; }
cp "$dir/tls/ca.pem" "$dir/tls/server.pem" "$dir/tls/server.key" "$dir/data"
chmod 600 "$dir/data/server.key"
((EUID == 0)) && chown postgres "$dir/data/"{ca.pem,server.pem,server.key}
cat >>"$dir/data/postgresql.conf" <<'EOT'
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
ssl_ca_file = 'ca.pem'
EOT
{
    echo "host all scram all scram-sha-256"
    echo "hostssl all certified all cert"
    echo "host all certified all reject"
    cat "$dir/data/pg_hba.conf"
} >"$dir/pg_hba.conf"
cat "$dir/pg_hba.conf" >"$dir/data/pg_hba.conf"
"${as_server[@]}" "$bin/postgres" --single -D "$dir/data" postgres >"$dir/roles.log" 2>&1 <<'EOT' || { cat "$dir/roles.log" >&2; exit 2; }
CREATE ROLE scram SUPERUSER LOGIN PASSWORD 'hunter2'
CREATE ROLE certified SUPERUSER LOGIN
EOT

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
export ROSTER_TEST_POSTGRES_TLS="$dir/tls"
export ROSTER_TEST_POSTGRES="postgres://roster@127.0.0.1:$port/postgres"
status=0
"$@" || status=$?
exit "$status"
