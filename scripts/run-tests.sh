#!/bin/bash
# All tests, in stages, and at the end how many passed and failed. `make test` calls this once what it needs is there.
#
#     scripts/run-tests.sh              # all stages
#     scripts/run-tests.sh judges       # one of: rust, kerberos, doc, judges
set -uo pipefail
cd "$(dirname "$0")/.."

logs=target/test-logs
rm -rf "$logs"
mkdir -p "$logs"
# What a test needs is there, so a test that could skip itself elsewhere fails here instead.
export ROSTER_TEST_ALL=1
export RUST_BACKTRACE=${RUST_BACKTRACE:-1}

failed_stages=()

# Runs a stage, keeps what it prints, and says how long it took.
stage() {
    local name=$1 start=$SECONDS
    shift
    echo "== $name"
    "$@" </dev/null 2>&1 | tee "$logs/$name.log" || failed_stages+=("$name")
    awk -v name="$name" -v seconds=$((SECONDS - start)) 'BEGIN { printf "== %s: %.1f minutes\n", name, seconds / 60 }'
}

rust_tests() {
    # An Active Directory has to have ports that only root may give.
    local beside=(scripts/with-postgres.sh)
    if ((EUID == 0)); then
        beside+=(scripts/with-samba.sh)
    else
        echo "left out: tests of Active Directory need root"
        export ROSTER_TEST_SAMBA=
    fi
    if cargo nextest --version >/dev/null 2>&1; then
        "${beside[@]}" cargo nextest run --workspace --no-fail-fast --color never --status-level slow
    else
        # Doc tests are a stage of their own.
        "${beside[@]}" cargo test --workspace --lib --bins --tests --no-fail-fast --quiet
    fi
}

# Kerberos is left out of the usual build, so it is built once more, with it.
kerberos_tests() {
    if ((EUID != 0)); then
        echo "left out: tests of Kerberos need root"
        return
    fi
    # Cargo's own runner tells tests that were not asked for from those that were skipped.
    scripts/with-samba.sh cargo test --package roster-sync --package roster --features gssapi --test it --quiet kerberos
}

doc_tests() {
    cargo test --doc --workspace --no-fail-fast --quiet
}

# Adds up the closing lines of nextest, of cargo's own test runner, and of the judges. A stage that failed without a
# failed test, because something did not compile for example, counts as one.
count() {
    cat "$logs"/*.log | awk -v broken="${#failed_stages[@]}" '
        function number_before(word,   at) {
            at = match($0, "[0-9]+ " word)
            return at ? substr($0, RSTART, RLENGTH) + 0 : 0
        }
        / tests? run: |^test result: |^[0-9]+ passed, [0-9]+ failed$/ {
            passed += number_before("passed")
            failed += number_before("failed") + number_before("timed out")
            skipped += number_before("ignored") + number_before("skipped")
        }
        END { if (failed < broken) failed = broken; printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
}

for name in ${*:-rust kerberos doc judges}; do
    case $name in
        rust) stage rust rust_tests ;;
        kerberos) stage kerberos kerberos_tests ;;
        doc) stage doc doc_tests ;;
        judges) stage judges scripts/with-postgres.sh tests/judges/run.sh ;;
        *) echo "no such stage: $name" >&2; exit 2 ;;
    esac
done

if ((${#failed_stages[@]})); then
    echo "failed: ${failed_stages[*]} (what they printed is in $logs)"
fi
count | tee "$logs/total"
((${#failed_stages[@]} == 0))
