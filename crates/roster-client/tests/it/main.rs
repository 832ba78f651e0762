//! The client against a server that says what a test tells it to, over real connections.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may be blunt"
)]

mod actions;
mod patience;
mod reads;
mod server;
mod tokens;
