//! The rules of Roster: functions from values to values.
//!
//! Start at [`decide::decide_batch`] (what an action request does) and [`plan`] (what a sync would ask for).
//! What to load before deciding is [`scope::Scope`]; what comes out is a list of [`change::Change`]. Nothing in
//! here touches files, the network, a clock or chance: those are inputs.

pub mod change;
pub mod command;
pub mod decide;
pub mod describe;
pub mod licence;
pub mod listing;
pub mod org;
pub mod page;
pub mod plan;
pub mod refusal;
pub mod scope;
pub mod set;
pub mod throttle;
pub mod value;
