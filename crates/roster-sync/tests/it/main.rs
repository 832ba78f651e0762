//! Whole runs, from files and options to what arrives at a server with a script. What user-sync itself was seen to do is
//! in `crates/roster/tests/golden`; here is what it never does, and what it should not have done.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may be blunt"
)]

mod account;
mod careful;
mod check;
mod console;
mod fuzz;
mod hooks;
mod killed;
mod ldap;
mod losses;
mod okta;
mod refused;
mod scene;
#[allow(dead_code, reason = "the client's own tests need more of it")]
#[path = "../../../roster-client/tests/it/server.rs"]
mod server;
mod shrunk;
mod unremoved;
