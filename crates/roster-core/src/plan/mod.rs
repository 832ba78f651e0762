//! What a synchronization would ask for: people of a directory against accounts of organizations.
//!
//! [`plan()`] compares a [`World`] under [`Settings`] and returns a [`Plan`]; [`check()`] looks at a plan before it is sent;
//! [`Commands`] turns its entries into [`Command`](crate::command::Command)s one at a time, so that what is sent can
//! stream. Reading, regular expressions, hooks and words for people are the caller's; here is only the decision.
//!
//! Read [`people`] first, then `compare`.

mod check;
mod commands;
mod compare;
mod leftover;
pub mod output;
pub mod people;
pub mod settings;
pub mod text;

pub use check::{Finding, check};
pub use commands::Commands;
pub use compare::{assignable, plan};
pub use output::{FailedGroups, Note, Plan};
pub use people::World;
pub use settings::Settings;
