# `make demo` shows Roster at work; `make check` and `make test` are what a change must pass. Nothing needs to be typed
# before any of them on a Debian machine with the Rust toolchain.

.PHONY: demo check test test-deps judges bench fuzz build help

help: ## lists these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## builds Roster and runs the demonstration (Ctrl-C stops it; `make demo ARGS=--once` ends by itself)
	cargo run --package roster -- demo $(ARGS)

build: ## builds the program as it ships: target/release/roster
	cargo build --release --package roster

check: ## formatting, lints and documentation, all without a warning
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items

test: test-deps ## all tests, with PostgreSQL and the outside judges
	scripts/run-tests.sh

test-deps: ## installs what the tests need and this machine lacks
	scripts/install-test-deps.sh

bench: ## how fast the server is, beside what the machine can do (minutes; `make bench ARGS=--help` says what can be asked)
	cargo build --release --package roster
	cargo build --release --package roster-bench
	cargo run --release --package roster-bench -- $(ARGS)

judges: test-deps ## the outside judges alone: public clients against the program
	cargo build --package roster
	scripts/with-postgres.sh tests/judges/run.sh

FUZZ_SECONDS ?= 60

fuzz: ## random inputs for every reader of foreign bytes, FUZZ_SECONDS (60) for each
	ROSTER_FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test --workspace --lib --bins --tests k10_ -- --nocapture --test-threads=1
