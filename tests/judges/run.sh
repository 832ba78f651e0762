#!/bin/bash
# The outside judges: public clients and plain scripts against a running `roster serve`. See run.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=target/judges-venv/bin/python
[[ -x $python ]] || { echo "run scripts/install-test-deps.sh first" >&2; exit 2; }
export ROSTER_BIN=${ROSTER_BIN:-$PWD/target/debug/roster}
[[ -x $ROSTER_BIN ]] || cargo build --package roster
# Settings of the person who runs this are not the judges'.
unset UMAPI_CLIENT_ID UMAPI_CLIENT_SECRET UMAPI_ORG_ID UMAPI_URL UMAPI_AUTH_HOST UMAPI_AUTH_ENDPOINT UMAPI_MOCK
for name in $(compgen -v ROSTER_ | grep -vE '^ROSTER_(BIN|TEST_)'); do unset "$name"; done
export PYTHONDONTWRITEBYTECODE=1
exec "$python" tests/judges/run.py "$@"
