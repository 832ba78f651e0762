//! The contract of the store, held by both engines.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may be blunt"
)]

mod audit;
mod contract;
mod credentials;
mod erase;
mod failures;
mod fixtures;
mod golden;
mod held;
mod listing;
mod migrate;
mod prune;
mod schema;
mod simulation;
mod sums;
mod support;
mod tls;
mod verify;
mod writes;
