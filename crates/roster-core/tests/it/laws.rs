//! The laws that hold for every organization and every batch.

use std::collections::BTreeSet;

use proptest::prelude::*;
use roster_core::command::{Action, Command, GroupMembers, GroupSelection, OnConflict};
use roster_core::decide::{Env, Mode, Rules, decide_batch};
use roster_core::refusal::Refusal;
use roster_core::scope::Scope;
use roster_core::value::{OrgNo, Seed};
use roster_testkit::{generate, sample, world::World};

fn env(seed: u128, mode: Mode) -> Env {
    Env {
        seed: Seed::new(seed),
        mode,
        rules: Rules::default(),
    }
}

fn after(batches: &[(i64, Vec<Command>)]) -> World {
    let mut world = World::of(&sample::organizations());
    for (n, (org, batch)) in (0..).zip(batches) {
        world.run(OrgNo(*org), batch, &env(n, Mode::Live));
    }
    world
}

/// A scope that names everything there is.
fn everything(world: &World, batches: &[(i64, Vec<Command>)], org: OrgNo) -> Scope {
    let mut scope = Scope {
        org,
        everywhere: true,
        all_groups: true,
        ..Scope::default()
    };
    let mine = Scope::of(org, batches.iter().flat_map(|(_, batch)| batch));
    scope.identifiers = mine.identifiers;
    scope.domains = mine.domains;
    scope.products = mine.products;
    scope.names = mine.names;
    for account in world.accounts.values() {
        scope.add_identifier(&account.person.email);
        scope.add_identifier(&account.person.username);
    }
    for group in world.groups.values().filter(|group| group.kind.has_own_name()) {
        scope.names.insert(group.key());
    }
    scope
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Law 1.
    #[test]
    fn deciding_on_the_loaded_part_equals_deciding_on_the_whole(history in generate::batches(), (org, batch) in one_batch()) {
        let world = after(&history);
        let org = OrgNo(org);
        for mode in [Mode::Live, Mode::TestOnly] {
            let part = decide_batch(world.load(&Scope::of(org, &batch)), &batch, &env(9, mode));
            let all = [history.clone(), vec![(org.0, batch.clone())]].concat();
            let whole = decide_batch(world.load(&everything(&world, &all, org)), &batch, &env(9, mode));
            prop_assert_eq!(part, whole);
        }
    }

    /// No rule looks at what was not loaded, and every step the parser lets through has a meaning.
    #[test]
    fn no_rule_looks_outside_its_scope(history in generate::batches()) {
        let mut world = World::of(&sample::organizations());
        for (n, (org, batch)) in (0..).zip(&history) {
            for outcome in world.run(OrgNo(*org), batch, &env(n, Mode::Live)) {
                for refusal in outcome.refusals {
                    prop_assert!(!matches!(refusal.refusal, Refusal::OutsideScope { .. } | Refusal::StepUnknown { .. }), "{:?}", refusal);
                }
            }
        }
    }

    /// Half of law 2: what the working set absorbs is what happens to the whole.
    #[test]
    fn absorbing_in_the_set_equals_applying_to_the_world(history in generate::batches(), (org, batch) in one_batch()) {
        let world = after(&history);
        let scope = everything(&world, &[history, vec![(org, batch.clone())]].concat(), OrgNo(org));
        let mut absorbed = world.load(&scope);
        let mut applied = world;
        for outcome in decide_batch(absorbed.clone(), &batch, &env(9, Mode::Live)) {
            absorbed.absorb(&outcome.changes);
            for change in &outcome.changes {
                applied.apply(change);
            }
        }
        let reloaded = applied.load(&scope);
        for org in applied.orgs.values() {
            if let Ok(known) = absorbed.org(org.no) {
                prop_assert_eq!(known, org);
            }
        }
        for account in applied.accounts.values() {
            let known = absorbed.account(account.id).ok();
            prop_assert_eq!(known, reloaded.account(account.id).ok());
            if known.is_some() {
                prop_assert_eq!(absorbed.memberships_of(account.id).collect::<Vec<_>>(), reloaded.memberships_of(account.id).collect::<Vec<_>>());
                for group in applied.groups.keys() {
                    prop_assert_eq!(absorbed.place_in(*group, account.id), reloaded.place_in(*group, account.id));
                }
            }
        }
    }

    /// Law 6: what ignores conflicts changes nothing the second time.
    #[test]
    fn a_batch_that_ignores_conflicts_can_be_sent_twice(history in generate::batches(), (org, batch) in one_batch()) {
        let mut batch: Vec<Command> = batch.into_iter().filter(is_repeatable).map(ignoring).collect();
        let mut world = after(&history);
        // What is refused for the sake of something that a later command brings is not refused the second time.
        loop {
            let outcomes = world.clone().run(OrgNo(org), &batch, &env(9, Mode::Live));
            let accepted = outcomes.iter().map(|outcome| outcome.refusals.is_empty());
            let kept: Vec<Command> =
                batch.iter().zip(accepted).filter(|(_, kept)| *kept).map(|(command, _)| command.clone()).collect();
            if kept.len() == batch.len() {
                break;
            }
            batch = kept;
        }
        world.run(OrgNo(org), &batch, &env(9, Mode::Live));
        let once = world.clone();
        let again = world.run(OrgNo(org), &batch, &env(10, Mode::Live));
        let changes: Vec<_> = again.iter().flat_map(|outcome| &outcome.changes).collect();
        prop_assert!(changes.is_empty(), "{:?}", changes);
        prop_assert_eq!(world, once);
    }

    /// Law 8.
    #[test]
    fn test_mode_changes_nothing(history in generate::batches(), (org, batch) in one_batch()) {
        let world = after(&history);
        for outcome in decide_batch(world.load(&Scope::of(OrgNo(org), &batch)), &batch, &env(9, Mode::TestOnly)) {
            prop_assert!(outcome.changes.is_empty());
        }
    }

    /// umapi.md 7: a single command that fails in test mode also fails for real.
    #[test]
    fn what_fails_in_test_mode_fails_for_real(history in generate::batches(), (org, batch) in one_batch()) {
        let world = after(&history);
        for command in &batch {
            let one = std::slice::from_ref(command);
            let set = world.load(&Scope::of(OrgNo(org), one));
            let rehearsed = decide_batch(set.clone(), one, &env(9, Mode::TestOnly));
            let real = decide_batch(set, one, &env(9, Mode::Live));
            if !rehearsed[0].refusals.is_empty() {
                prop_assert!(!real[0].refusals.is_empty(), "{:?}", rehearsed[0].refusals);
            }
        }
    }

    /// Everybody in a group is in its organization's Users list; mirrors hold whom their source holds, unless
    /// they were removed from the mirror's organization.
    #[test]
    fn memberships_rest_on_the_users_list(history in generate::batches()) {
        let world = after(&history);
        for (group, account) in world.joined.keys() {
            let group = &world.groups[group];
            prop_assert!(world.accounts.contains_key(account));
            prop_assert!(world.members.contains_key(&(group.org, *account)));
            if let Some(source) = group.source {
                prop_assert!(world.joined.contains_key(&(source, *account)));
            }
        }
        for (org, account) in world.members.keys() {
            prop_assert!(world.accounts.contains_key(account));
            prop_assert!(world.orgs.contains_key(org));
        }
    }

    /// No two accounts of a directory share an e-mail or a username, no two groups of an organization a name.
    #[test]
    fn names_stay_unique(history in generate::batches()) {
        let world = after(&history);
        let mut seen = BTreeSet::new();
        for account in world.accounts.values() {
            prop_assert!(seen.insert((0, account.directory.0, roster_core::value::Key::new(&account.person.email))));
            prop_assert!(seen.insert((1, account.directory.0, roster_core::value::Key::new(&account.person.username))));
        }
        for group in world.groups.values().filter(|group| group.kind.has_own_name()) {
            prop_assert!(seen.insert((2, group.org.0, group.key())));
        }
    }
}

fn one_batch() -> impl Strategy<Value = (i64, Vec<Command>)> {
    (1_i64..4, proptest::collection::vec(generate::command(), 1..6))
}

/// Commands that reach the same state however often they run, whatever else is in the batch.
fn is_repeatable(command: &Command) -> bool {
    command.steps.iter().all(|step| {
        matches!(
            &step.action,
            Action::CreateUser(_)
                | Action::CreateGroup { .. }
                | Action::JoinGroups(GroupSelection::Named(_))
                | Action::AddRoles(_)
        ) || matches!(&step.action, Action::AddToGroup(GroupMembers::Named { .. }))
    })
}

fn ignoring(mut command: Command) -> Command {
    for step in &mut command.steps {
        match &mut step.action {
            Action::CreateUser(create) => create.on_conflict = OnConflict::Ignore,
            Action::CreateGroup { on_conflict, .. } => *on_conflict = OnConflict::Ignore,
            _ => {}
        }
    }
    command
}
