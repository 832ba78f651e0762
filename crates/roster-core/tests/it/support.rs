//! One way to ask and one way to read the answer, so that a change of signatures changes this file only.

use roster_core::decide::{Env, Mode, Rules, decide_batch};
use roster_core::org::{Account, GroupKind};
use roster_core::scope::Scope;
use roster_core::value::{AccountId, GroupId, IdentityType, Key, OrgNo, Seed};
use roster_testkit::{sample, world::World};
use roster_umapi::{action, code};

/// The sample organizations, and what was asked of them so far.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) rules: Rules,
    asked: u128,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            world: World::of(&sample::organizations()),
            rules: Rules::default(),
            asked: 0,
        }
    }

    /// The scene after a batch of Acme's that must succeed.
    pub(crate) fn with(batch: &str) -> Self {
        let mut scene = Self::new();
        let said = scene.act(batch);
        assert!(!said.contains("error"), "{said}");
        scene
    }

    /// Carries out Acme's batch; says what became of each command.
    pub(crate) fn act(&mut self, batch: &str) -> String {
        self.act_as(sample::ACME, batch)
    }

    pub(crate) fn act_as(&mut self, org: OrgNo, batch: &str) -> String {
        self.decide(org, batch, Mode::Live)
    }

    pub(crate) fn rehearse(&mut self, batch: &str) -> String {
        self.decide(sample::ACME, batch, Mode::TestOnly)
    }

    fn decide(&mut self, org: OrgNo, batch: &str, mode: Mode) -> String {
        let batch = action::parse(batch.as_bytes(), &action::Limits::default()).unwrap();
        let commands = batch.commands();
        self.asked += 1;
        let env = Env {
            seed: Seed::new(self.asked),
            mode,
            rules: self.rules.clone(),
        };
        let set = self.world.load(&Scope::of(org, commands.iter().copied()));
        let mut outcomes = decide_batch(set, commands, &env).into_iter();
        let mut said = Vec::new();
        for (n, entry) in batch.entries.iter().enumerate() {
            if let Err(errors) = &entry.command {
                said.extend(
                    errors
                        .iter()
                        .map(|e| format!("{n}.{} {}", e.step, code::syntax_code(&e.kind))),
                );
                continue;
            }
            let outcome = outcomes.next().unwrap();
            for change in &outcome.changes {
                self.world.apply(change);
            }
            said.extend(
                outcome
                    .warnings
                    .iter()
                    .map(|w| format!("{n}.{} {}", w.step, code::warning_message(w.warning))),
            );
            if outcome.refusals.is_empty() {
                said.push(format!("{n} done"));
            }
            said.extend(outcome.refusals.iter().map(|r| {
                format!(
                    "{n}.{} {}: {}",
                    r.step,
                    code::code(&r.refusal),
                    code::message(&r.refusal)
                )
            }));
        }
        said.join("\n")
    }

    /// The only account with an e-mail and a type.
    pub(crate) fn account(&self, email: &str, kind: IdentityType) -> Option<&Account> {
        let key = Key::new(email);
        self.world
            .accounts
            .values()
            .find(|a| a.kind == kind && Key::new(&a.person.email) == key)
    }

    pub(crate) fn federated(&self, email: &str) -> &Account {
        self.account(email, IdentityType::Federated)
            .unwrap_or_else(|| panic!("no federated {email}"))
    }

    pub(crate) fn is_member(&self, org: OrgNo, account: AccountId) -> bool {
        self.world.members.contains_key(&(org, account))
    }

    /// The full names of the groups of Acme that an account is a direct member of, in the order of joining.
    pub(crate) fn groups(&self, account: AccountId) -> Vec<String> {
        let mut groups: Vec<_> = self
            .world
            .joined
            .iter()
            .filter(|((_, a), _)| *a == account)
            .collect();
        groups.sort_by_key(|(_, seq)| **seq);
        let acme = groups
            .into_iter()
            .map(|((g, _), _)| &self.world.groups[g])
            .filter(|g| g.org == sample::ACME);
        acme.map(|group| self.full_name(group.id)).collect()
    }

    fn full_name(&self, id: GroupId) -> String {
        let group = &self.world.groups[&id];
        let base = match group.kind {
            GroupKind::ProductAdmin(product) => self.world.products[&product].name.clone(),
            kind => kind.base().map_or_else(
                || group.name.clone(),
                |base| self.world.groups[&base].name.clone(),
            ),
        };
        format!("{}{base}", group.kind.prefix())
    }
}

/// A batch that makes a federated member of Acme.
pub(crate) fn create(email: &str) -> String {
    format!(
        r#"[{{"user":"{email}","do":[{{"createFederatedID":{{"email":"{email}","country":"DE","firstname":"Ada","lastname":"Lima"}}}}]}}]"#
    )
}

/// A batch with one command for one person.
pub(crate) fn user(user: &str, steps: &str) -> String {
    format!(r#"[{{"user":"{user}","do":[{steps}]}}]"#)
}

/// A batch with one command for one group.
pub(crate) fn group(group: &str, steps: &str) -> String {
    format!(r#"[{{"usergroup":"{group}","do":[{steps}]}}]"#)
}
