//! Keeping organizations in step with a directory: user-sync's files and options, read and carried out.
//!
//! Three steps in three places: `read` turns a directory and the organizations into core's values,
//! [`roster_core::plan`] compares them, `send` carries the plan out. [`run()`] strings them together, [`check()`] goes as far as
//! one can without changing anything. `source` is whichever directory a run has; [`key`] opens private keys. This crate
//! prints nothing and reads no environment: what comes from there is in [`Surroundings`].

mod account;
pub mod arguments;
mod check;
pub mod config;
mod doubt;
mod hook;
pub mod key;
mod lists;
mod load;
mod lock;
mod log;
mod losses;
mod memory;
mod notes;
mod observe;
mod options;
mod pattern;
mod progress;
mod read;
mod run;
mod select;
mod send;
mod source;
mod start;
mod summary;
mod whole;

pub use account::tell_failure;
pub use arguments::{Arguments, Asked, UsageError, parse};
pub use check::check;
pub use config::credential::{SecretStore, compound_name};
pub use log::{Level, Log, local_offset};
pub use progress::{Estimate, Nobody, Phase, Progress, Watch};
pub use read::ldap::{LDAP_PAUSES, LdapPauses, TicketFiles};
pub use run::{Surroundings, run};
pub use source::tickets;
pub use whole::write_whole;
