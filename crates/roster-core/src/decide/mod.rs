//! What a batch of commands does to an organization (umapi.md 4–7).
//!
//! [`decide_batch`] is the only way in. It never fails: one command may change something *and* be refused a
//! step, and the answer says both. Each file holds one family of steps; `movement` has the few primitives in
//! which all of them speak.

mod address;
pub mod console;
mod create;
mod group;
mod membership;
mod movement;
mod remove;
mod update;

use std::collections::BTreeSet;

use crate::change::Change;
use crate::command::{Action, Command, Target};
use crate::refusal::{Refusal, StepRefusal, StepWarning};
use crate::set::WorkingSet;
use crate::value::{AccountId, Seed};

use group::Bound;

/// Whether a batch is carried out or rehearsed (umapi.md 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Carried out.
    Live,
    /// `testOnly=true`: the documented rehearsal. Missing people are forgiven, and a command sees what the
    /// ones before it did to user groups, but nothing else of what they did.
    TestOnly,
}

/// The settings that rules depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Enterprise and federated accounts need both names (R113).
    pub strict_names: bool,
    /// Country codes that create steps refuse, upper case.
    pub denied_countries: BTreeSet<String>,
    /// A user group with more members cannot be linked to a profile (R184).
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
    /// Where new identifiers come from; drawn once per request.
    pub seed: Seed,
    /// Live or rehearsal.
    pub mode: Mode,
    /// Settings.
    pub rules: Rules,
}

/// The answer to one command: what changes, what was refused, what to warn of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What happens, in order; empty in test mode.
    pub changes: Vec<Change>,
    /// Empty when the command was completed.
    pub refusals: Vec<StepRefusal>,
    /// Deprecations of the steps that were begun.
    pub warnings: Vec<StepWarning>,
}

/// Decides a batch in the order given. In live mode each command sees what the ones before it did.
pub fn decide_batch<'a>(
    mut set: WorkingSet,
    batch: impl IntoIterator<Item = &'a Command>,
    env: &Env,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (n, command) in (0..).zip(batch) {
        let before = (env.mode == Mode::TestOnly).then(|| set.clone());
        let mut run = Run {
            set,
            env,
            seed: env.seed.derive(n),
            changes: Vec::new(),
        };
        let (refusals, warnings) = run.command(command);
        let Run {
            set: after,
            mut changes,
            ..
        } = run;
        set = match before {
            None => after,
            Some(mut rehearsed) => {
                let groups_only = std::mem::take(&mut changes)
                    .into_iter()
                    .filter(is_about_groups)
                    .collect::<Vec<_>>();
                rehearsed.absorb(&groups_only);
                rehearsed
            }
        };
        outcomes.push(Outcome {
            changes,
            refusals,
            warnings,
        });
    }
    outcomes
}

fn is_about_groups(change: &Change) -> bool {
    matches!(
        change,
        Change::GroupCreated(_) | Change::GroupUpdated { .. } | Change::GroupDeleted(_)
    )
}

/// Why a step stops: one reason, or several where names cannot be resolved.
type Refusals = Vec<Refusal>;

/// One command on its way.
struct Run<'a> {
    set: WorkingSet,
    env: &'a Env,
    seed: Seed,
    changes: Vec<Change>,
}

/// Whom or what the steps of a command act on, once that is known. It stays the same account or group
/// whatever the steps rename.
#[derive(Debug, Clone, Copy)]
enum Subject {
    /// Nobody has looked yet.
    Unknown,
    /// Looked up; `None` when there is no such account.
    Account(Option<AccountId>),
    /// A user group, or an assignable admin or developer group.
    Group(Bound),
    /// The group was deleted by an earlier step: the rest is skipped.
    Gone,
}

impl Run<'_> {
    fn command(&mut self, command: &Command) -> (Vec<StepRefusal>, Vec<StepWarning>) {
        let mut refusals = Vec::new();
        let mut warnings = Vec::new();
        let mut subject = match self.address(command) {
            Ok(subject) => subject,
            Err(refusal) => return (vec![StepRefusal { step: 0, refusal }], warnings),
        };
        for (n, step) in command.steps.iter().enumerate() {
            if let Some(warning) = step.deprecated {
                warnings.push(StepWarning { step: n, warning });
            }
            match self.step(command, &step.action, subject) {
                Ok(Subject::Gone) => break,
                Ok(next) => subject = next,
                Err(reasons) => {
                    refusals.extend(
                        reasons
                            .into_iter()
                            .map(|refusal| StepRefusal { step: n, refusal }),
                    );
                    break;
                }
            }
        }
        (refusals, warnings)
    }

    fn step(&mut self, command: &Command, action: &Action, subject: Subject) -> Result<Subject, Refusals> {
        match (&command.target, subject) {
            (Target::User { user, domain, .. }, subject) => {
                let account = match subject {
                    Subject::Account(account) => account,
                    _ => None,
                };
                self.user_step(user, domain.as_deref(), action, account)
            }
            (Target::UserGroup { name }, subject) => self.group_step(name, action, subject),
        }
    }

    fn user_step(
        &mut self,
        user: &str,
        domain: Option<&str>,
        action: &Action,
        account: Option<AccountId>,
    ) -> Result<Subject, Refusals> {
        match action {
            Action::CreateUser(create) => {
                return self
                    .create_user(user, domain, create)
                    .map(|id| Subject::Account(Some(id)))
                    .map_err(one);
            }
            Action::UpdateUser(update) => self.update_user(user, account, update).map_err(one)?,
            Action::JoinGroups(selection) => self.join_groups(user, account, selection)?,
            Action::LeaveGroups(selection) => self.leave_groups(user, account, selection)?,
            Action::AddRoles(roles) => self.add_roles(user, account, roles)?,
            Action::RemoveRoles(roles) => self.remove_roles(user, account, roles)?,
            Action::RemoveFromOrg { delete_account } => {
                self.remove_from_org(account, *delete_account).map_err(one)?;
            }
            Action::RemoveFromDomain { domain } => {
                self.remove_from_domain(user, account, domain.as_deref())
                    .map_err(one)?;
            }
            Action::ResetPassword => self.reset_password(user, account).map_err(one)?,
            Action::CreateGroup { .. }
            | Action::UpdateGroup { .. }
            | Action::DeleteGroup
            | Action::AddToGroup(_)
            | Action::RemoveFromGroup(_) => return Err(one(Refusal::StepUnknown { step: action.name() })),
        }
        // Parsers put removals last; were something to follow, it would meet nobody.
        Ok(Subject::Account(
            account.filter(|id| self.set.account(*id).is_ok()),
        ))
    }

    /// Lets a change happen, so that the next step sees it.
    fn emit(&mut self, change: Change) {
        self.set.absorb_one(&change);
        self.changes.push(change);
    }

    /// The account a step needs. In test mode a missing one is forgiven: `Ok(None)` ends the step well.
    fn needed(&self, user: &str, account: Option<AccountId>) -> Result<Option<AccountId>, Refusal> {
        match (account, self.env.mode) {
            (None, Mode::Live) => Err(Refusal::UserNotFound {
                user: user.to_owned(),
            }),
            (account, _) => Ok(account),
        }
    }

    /// The same, for a step that only members take.
    fn needed_member(&self, user: &str, account: Option<AccountId>) -> Result<Option<AccountId>, Refusal> {
        let account = self.needed(user, account)?;
        match account {
            Some(id) if !self.set.is_member(self.set.org_no(), id) => Err(Refusal::NotInOrg {
                user: user.to_owned(),
            }),
            account => Ok(account),
        }
    }
}

fn one(refusal: Refusal) -> Refusals {
    vec![refusal]
}
