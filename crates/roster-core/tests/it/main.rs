//! What the rules say, from outside: laws with random input, and each rule as a sentence.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may be blunt"
)]
#![allow(clippy::cast_possible_wrap, reason = "small counts")]

mod addressing;
mod create;
mod groups;
mod laws;
mod licences;
mod membership;
mod plan;
mod support;
mod update;
