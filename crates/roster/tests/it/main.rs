//! What is tested from outside: the program as people use it, and rules about the repository itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may be blunt"
)]

mod admin;
mod audit;
mod backup;
mod canary;
mod commands;
mod console;
mod crash;
mod data;
mod demo;
mod disk;
mod exchanged;
mod golden;
#[cfg(feature = "gssapi")]
mod kerberos;
mod keyring;
mod keys;
mod killed;
mod migrate;
mod org;
mod prune;
mod removal;
mod resumed;
mod strain;
mod support;
mod sync;
mod tidy;
