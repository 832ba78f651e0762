//! The wire, as bytes: what is read from them, and what is written.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may be blunt"
)]

mod action_answer;
mod action_laws;
mod action_steps;
mod action_syntax;
mod codes;
mod fuzz;
mod lists;
mod parameters;
mod support;
mod tokens;
