//! Deciding on the rows, saving, and finding again what was saved.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use roster_core::command::Command;
use roster_core::decide::{Env, Mode, Rules, decide_batch};
use roster_core::scope::Scope;
use roster_core::value::{AccountId, GroupId, OrgNo, Seed};
use roster_store::{Decision, Store};
use roster_testkit::{generate, sample, world::World};

use crate::support::{apply, entry, stores};

fn env(seed: u128) -> Env {
    Env {
        seed: Seed::new(seed),
        mode: Mode::Live,
        rules: Rules::default(),
    }
}

async fn act(store: &Store, org: OrgNo, batch: Vec<Command>, seed: u128) {
    let scope = Scope::of(org, &batch);
    let decide = move |set| {
        let outcomes = decide_batch(set, &batch, &env(seed));
        let entries = outcomes
            .into_iter()
            .map(|outcome| entry(outcome.changes))
            .collect();
        Decision { entries, answer: () }
    };
    store.transact(scope, decide).await.unwrap();
}

/// A scope that names every account and group of a world.
pub(crate) fn everything(world: &World, org: OrgNo, batches: &[(i64, Vec<Command>)]) -> Scope {
    let mut scope = Scope::of(org, batches.iter().flat_map(|(_, batch)| batch));
    scope.everywhere = true;
    scope.all_groups = true;
    for account in world.accounts.values() {
        scope.add_identifier(&account.person.email);
        scope.add_identifier(&account.person.username);
    }
    for group in world.groups.values().filter(|group| group.kind.has_own_name()) {
        scope.names.insert(group.key());
    }
    scope
}

/// Laws 1 and 2: the store loads what the memory holds, before and after any history.
#[tokio::test(flavor = "multi_thread")]
async fn rows_say_what_the_memory_says() {
    let mut runner = TestRunner::deterministic();
    let rounds = if std::env::var_os("ROSTER_TEST_LONG").is_some() {
        500
    } else {
        40
    };
    for round in 0..rounds {
        let history = generate::batches().new_tree(&mut runner).unwrap().current();
        for fresh in stores().await {
            let store = fresh.store;
            let mut world = World::of(&sample::organizations());
            apply(&store, sample::organizations()).await;
            for (n, (org, batch)) in (0..).zip(&history) {
                world.run(OrgNo(*org), batch, &env(n));
                act(&store, OrgNo(*org), batch.clone(), n).await;
            }
            for org in 1..4 {
                let scope = everything(&world, OrgNo(org), &history);
                let loaded = store.load(scope.clone()).await.unwrap();
                assert_eq!(loaded, world.load(&scope), "round {round}, {history:#?}");
                let narrow = Scope::of(
                    OrgNo(org),
                    history
                        .first()
                        .map(|(_, batch)| batch.as_slice())
                        .unwrap_or_default(),
                );
                assert_eq!(
                    store.load(narrow.clone()).await.unwrap(),
                    world.load(&narrow),
                    "round {round}"
                );
            }
        }
    }
}

/// Counters, recounted from the memory's rows.
#[tokio::test(flavor = "multi_thread")]
async fn counters_and_queues_follow_from_the_rows() {
    let mut runner = TestRunner::new(ProptestConfig::default());
    for _ in 0..30 {
        let history = generate::batches().new_tree(&mut runner).unwrap().current();
        for fresh in stores().await {
            let store = fresh.store;
            let mut world = World::of(&sample::organizations());
            apply(&store, sample::organizations()).await;
            for (n, (org, batch)) in (0..).zip(&history) {
                world.run(OrgNo(*org), batch, &env(n));
                act(&store, OrgNo(*org), batch.clone(), n).await;
            }
            check_counters(&store, &world, &format!("{history:#?}")).await;
        }
    }
}

async fn check_counters(store: &Store, world: &World, history: &str) {
    type Counted = BTreeMap<i64, (i64, i64)>;
    let (groups, seats): (Counted, Vec<(i64, i64)>) = store
        .read(|reader| {
            let mut groups = Counted::new();
            reader.query("SELECT grp, direct, members FROM groups", &[], &mut |row| {
                groups.insert(row.int(0)?, (row.int(1)?, row.int(2)?));
                Ok(())
            })?;
            let mut seats = Vec::new();
            reader.query(
                "SELECT profile, account FROM seats ORDER BY profile, account",
                &[],
                &mut |row| {
                    seats.push((row.int(0)?, row.int(1)?));
                    Ok(())
                },
            )?;
            Ok((groups, seats))
        })
        .await
        .unwrap();
    let mut expected = Counted::new();
    let mut queued = Vec::new();
    for (id, group) in &world.groups {
        let direct = members(world, *id);
        let mut all = direct.clone();
        for (source, profile) in world.links.keys() {
            if profile == id {
                all.extend(members(world, *source));
            }
        }
        all.sort_unstable();
        all.dedup();
        let any_route = if group.kind.product().is_some() && group.profile.is_some() {
            all.len()
        } else {
            0
        };
        expected.insert(
            id.0,
            (
                i64::try_from(direct.len()).unwrap(),
                i64::try_from(any_route).unwrap(),
            ),
        );
        let limited = group.profile.as_ref().is_some_and(|profile| {
            profile.quota.is_some()
                || group
                    .kind
                    .product()
                    .is_some_and(|product| world.products[&product].quota.is_some())
        });
        if limited {
            queued.extend(all.iter().map(|account| (id.0, account.0)));
        }
    }
    queued.sort_unstable();
    assert_eq!(groups, expected, "{history}");
    assert_eq!(seats, queued, "{history}");
}

fn members(world: &World, group: GroupId) -> Vec<AccountId> {
    world
        .joined
        .keys()
        .filter(|(g, _)| *g == group)
        .map(|(_, account)| *account)
        .collect()
}

/// Law 3: an organization's log, replayed, gives its rows.
#[tokio::test(flavor = "multi_thread")]
async fn replaying_the_logs_gives_the_tables() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..20 {
        let history = generate::batches().new_tree(&mut runner).unwrap().current();
        for fresh in stores().await {
            let store = fresh.store;
            let mut world = World::of(&sample::organizations());
            apply(&store, sample::organizations()).await;
            for (n, (org, batch)) in (0..).zip(&history) {
                world.run(OrgNo(*org), batch, &env(n));
                act(&store, OrgNo(*org), batch.clone(), n).await;
            }
            let mut replayed = World::default();
            for org in 0..4 {
                let changes = store
                    .read(move |reader| {
                        let mut changes = Vec::new();
                        let mut last = 0;
                        reader.log(OrgNo(org), 1, &mut |recorded| {
                            assert_eq!(recorded.number, last + 1, "no gaps");
                            last = recorded.number;
                            changes.extend(recorded.changes);
                            Ok(())
                        })?;
                        Ok(changes)
                    })
                    .await
                    .unwrap();
                for change in &changes {
                    replayed.apply(change);
                }
            }
            assert_eq!(replayed, world);
        }
    }
}
