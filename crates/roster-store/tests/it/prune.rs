//! A log that begins later: what is left goes on to be checked, and what went is gone.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use roster_core::command::Action;
use roster_core::value::{Key, OrgNo};
use roster_store::audit::{Kept, Older, Retention, Search};
use roster_store::{Store, StoreError};
use roster_testkit::generate;
use roster_testkit::sample::{ACME, STRANGER, TRUSTEE};

use crate::erase::whom;
use crate::listing::{Scene, join, link, person, scenes, user};
use crate::support::sqlite;

fn retention(logs: Vec<(OrgNo, i64)>) -> Retention {
    Retention {
        logs,
        actor: "test".to_owned(),
        at: 1_800_000_000_000,
        exported: false,
    }
}

async fn prune(store: &Store, org: OrgNo, last: i64) {
    store.prune(retention(vec![(org, last)])).await.unwrap();
}

async fn findings(store: &Store) -> Vec<String> {
    let findings = store.verify().await.unwrap();
    findings.iter().map(ToString::to_string).collect()
}

async fn newest(store: &Store, org: OrgNo) -> i64 {
    store.read(move |reader| reader.newest_entry(org)).await.unwrap()
}

async fn numbers(store: &Store, org: OrgNo) -> Vec<i64> {
    store
        .read(move |reader| {
            let page = reader.log_page(org, 1, false, &Search::default(), 10_000)?;
            Ok(page.entries.iter().map(|entry| entry.number).collect())
        })
        .await
        .unwrap()
}

async fn number(store: &Store, sql: &'static str) -> i64 {
    let found = store.read(move |reader| reader.number(sql, &[])).await.unwrap();
    found.unwrap()
}

/// What is found after a statement, which is then undone.
async fn after(store: &Store, sql: &'static str) -> String {
    let undone = store.write(vec![ACME, TRUSTEE, STRANGER], move |writer| {
        assert!(writer.execute(sql, &[])? > 0, "{sql} changes nothing");
        let found: Vec<String> = writer.verify()?.iter().map(ToString::to_string).collect();
        Err::<(), _>(StoreError::GivenUp(found.join("\n")))
    });
    undone.await.unwrap_err().to_string()
}

fn out() -> Action {
    Action::RemoveFromOrg { delete_account: true }
}

async fn history(scene: &mut Scene) {
    for n in 0..6 {
        scene
            .run(vec![person(&format!("p{n}@example.com"), &["Design Team"])])
            .await;
    }
    scene.run(vec![link("Design Team", &["Photo Suite Pro"])]).await;
    scene
        .act(TRUSTEE, vec![user("p1@example.com", vec![join(&["Sales"])])])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_checked_and_numbers_go_on() {
    for mut scene in scenes().await {
        history(&mut scene).await;
        let store = scene.store.clone();
        let last = newest(&store, ACME).await;
        prune(&store, ACME, last - 2).await;
        assert_eq!(numbers(&store, ACME).await, [last - 1, last, last + 1]);
        assert_eq!(findings(&store).await, Vec::<String>::new());
        scene.run(vec![user("p2@example.com", vec![out()])]).await;
        scene
            .run(vec![person("late@example.com", &["Design Team"])])
            .await;
        assert_eq!(numbers(&store, ACME).await.last(), Some(&(last + 3)));
        assert_eq!(findings(&store).await, Vec::<String>::new());
        // Again, up to the very last.
        let last = newest(&store, ACME).await;
        prune(&store, ACME, last).await;
        assert_eq!(numbers(&store, ACME).await, [last + 1], "that it was done");
        assert_eq!(findings(&store).await, Vec::<String>::new());
        let checkpoint = store
            .read(|reader| reader.checkpoint(ACME))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((checkpoint.entry, checkpoint.at), (last, 1_800_000_000_000));
        for (sql, says) in [
            (
                "UPDATE accounts SET firstname = 'x' WHERE email_key = 'p0@example.com'",
                "accounts of organization 1",
            ),
            ("DELETE FROM links WHERE grp = 101", "links of organization 1"),
            (
                "UPDATE memberships SET seq = -seq WHERE org = 1",
                "memberships of organization 1",
            ),
            (
                "UPDATE audit_checkpoints SET sums = 'nonsense'",
                "audit_checkpoints 1",
            ),
            (
                "UPDATE audit_checkpoints SET sums = replace(sums, '0', '1')",
                "of organization 1",
            ),
            (
                "UPDATE audit_checkpoints SET entry = entry - 1",
                "the log is whole",
            ),
        ] {
            let found = after(&store, sql).await;
            assert!(found.contains(says), "{sql}: {found}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_after_its_checkpoint_is_finished_by_the_next() {
    for mut scene in scenes().await {
        history(&mut scene).await;
        let store = scene.store.clone();
        let last = newest(&store, ACME).await;
        let copied = "CREATE TABLE kept AS SELECT * FROM audit";
        store
            .write(vec![ACME], move |writer| writer.execute(copied, &[]))
            .await
            .unwrap();
        prune(&store, ACME, last).await;
        // As if none of it had been deleted yet.
        store
            .write(vec![ACME], move |writer| {
                writer.execute(
                    "INSERT INTO audit SELECT * FROM kept WHERE number NOT IN (SELECT number FROM audit)",
                    &[],
                )?;
                writer.execute("DROP TABLE kept", &[])
            })
            .await
            .unwrap();
        assert_eq!(findings(&store).await, Vec::<String>::new());
        assert_eq!(
            numbers(&store, ACME).await,
            [last + 1],
            "they do not count any more"
        );
        assert_eq!(store.finish_pruning(ACME).await.unwrap(), last);
        assert_eq!(
            number(&store, "SELECT COUNT(*) FROM audit WHERE number >> 40 = 1").await,
            1
        );
        assert_eq!(store.finish_pruning(ACME).await.unwrap(), 0);
        assert_eq!(findings(&store).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_old_until_the_first_that_is_not() {
    for mut scene in scenes().await {
        history(&mut scene).await;
        let store = scene.store.clone();
        let last = newest(&store, ACME).await;
        store
            .write(vec![ACME], move |writer| {
                let place = (ACME.0 << 40) + last;
                writer.execute(
                    "UPDATE audit SET at = at + 1000 WHERE number = $1",
                    &[place.into()],
                )
            })
            .await
            .unwrap();
        let older = |moment: i64| {
            let store = store.clone();
            async move {
                store
                    .read(move |reader| reader.older(ACME, moment, moment + 5000))
                    .await
                    .unwrap()
                    .gone
            }
        };
        let at = 1_700_000_000_000;
        assert_eq!(older(at).await, None);
        assert_eq!(older(at + 1).await, Some((1, last - 1)));
        assert_eq!(older(at + 2000).await, Some((1, last)));
        prune(&store, ACME, last - 1).await;
        assert_eq!(older(at + 1).await, None);
        assert_eq!(older(at + 1001).await, Some((last, last)));
        assert_eq!(
            store.read(|reader| reader.older(OrgNo(99), 0, 0)).await.unwrap(),
            Older::default()
        );
    }
}

/// A clock that was ahead for an hour must not keep the log for years, and one that was behind must not take all of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_ahead_counts_as_what_comes_after_it() {
    for mut scene in scenes().await {
        history(&mut scene).await;
        let store = scene.store.clone();
        let last = newest(&store, ACME).await;
        assert!(last >= 7, "{last}");
        // Hours by entry; the clock says ten.
        let hour = 3_600_000;
        let old = |gone: Option<(i64, i64)>| Older { gone, kept: None };
        let kept = |behind: i64, at: i64, count: i64| {
            Some(Kept {
                behind,
                at: at * hour,
                count,
            })
        };
        for (times, moment, wanted) in [
            ([1, 2, 99, 3, 4, 5, 6], 5, old(Some((1, 5)))),
            ([1, 2, 99, 98, 97, 4, 8], 5, old(Some((1, 6)))),
            ([1, 2, 99, 5, 6, 7, 8], 5, old(Some((1, 2)))),
            ([1, 2, 3, 4, 4, 4, 99], 5, old(Some((1, 6)))),
            ([99, 99, 99, 99, 99, 99, 99], 5, old(None)),
            (
                [1, 2, 9, 3, 99, 4, 6],
                5,
                Older {
                    gone: Some((1, 2)),
                    kept: kept(3, 9, 2),
                },
            ),
            (
                [7, 8, 9, 9, 9, 9, 0],
                5,
                Older {
                    gone: None,
                    kept: kept(1, 7, 1),
                },
            ),
        ] {
            store
                .write(vec![ACME], move |writer| {
                    for (at, entry) in times.into_iter().zip(1_i64..) {
                        let row = [(at * hour).into(), ((ACME.0 << 40) + entry).into()];
                        writer.execute("UPDATE audit SET at = $1 WHERE number = $2", &row)?;
                    }
                    let row = [(11 * hour).into(), ((ACME.0 << 40) + 7).into()];
                    writer.execute(
                        "UPDATE audit SET at = $1 WHERE number > $2 AND number >> 40 = 1",
                        &row,
                    )
                })
                .await
                .unwrap();
            let found = store
                .read(move |reader| reader.older(ACME, moment * hour, 10 * hour))
                .await
                .unwrap();
            assert_eq!(found, wanted, "{times:?}");
        }
    }
}

/// A server warns of a clock that says less, also when an entry of a right clock came after the one that was ahead.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_time_need_not_be_that_of_the_newest_entry() {
    for mut scene in scenes().await {
        history(&mut scene).await;
        let store = scene.store.clone();
        let ahead = 2_000_000_000_000_i64;
        assert!(store.newest_time().await.unwrap() < ahead);
        store
            .write(vec![ACME], move |writer| {
                let row = [ahead.into(), ((ACME.0 << 40) + 2).into()];
                writer.execute("UPDATE audit SET at = $1 WHERE number = $2", &row)
            })
            .await
            .unwrap();
        assert_eq!(store.newest_time().await.unwrap(), ahead);
    }
}

/// Deleted means overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_out_is_not_in_the_file() {
    let fresh = sqlite().await;
    crate::support::apply(&fresh.store, roster_testkit::sample::organizations()).await;
    let mut scene = Scene::of(fresh);
    let store = scene.store.clone();
    let mut entry = crate::support::entry(Vec::new());
    entry.org = Some(ACME);
    entry.command = "only here@example.com ".repeat(500);
    store
        .write(vec![ACME], move |writer| writer.apply(&entry))
        .await
        .unwrap();
    history(&mut scene).await;
    prune(&store, ACME, newest(&store, ACME).await).await;
    store.checkpoint().await.unwrap();
    let name = vec![Key::new("here@example.com")];
    assert_eq!(store.traces(name).await.unwrap(), Some(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_history_pruned_anywhere_and_erased_the_log_gives_the_rows() {
    let mut runner = TestRunner::deterministic();
    let rounds = if std::env::var_os("ROSTER_TEST_LONG").is_some() {
        200
    } else {
        8
    };
    for round in 0..rounds {
        let history = generate::batches().new_tree(&mut runner).unwrap().current();
        let part: i64 = (0..100_i64).new_tree(&mut runner).unwrap().current();
        for mut scene in scenes().await {
            let store = scene.store.clone();
            scene
                .run(vec![person("gone@example.com", &["Design Team"])])
                .await;
            scene
                .act(TRUSTEE, vec![user("gone@example.com", vec![join(&["Sales"])])])
                .await;
            let (before, then) = history.split_at(history.len() / 2);
            for (org, batch) in before {
                scene.act(OrgNo(*org), batch.clone()).await;
            }
            let mut logs = Vec::new();
            for org in [OrgNo::ADOBE_ID, ACME, TRUSTEE, STRANGER] {
                let last = newest(&store, org).await * part / 100;
                if last > 0 {
                    logs.push((org, last));
                }
            }
            store.prune(retention(logs)).await.unwrap();
            assert_eq!(findings(&store).await, Vec::<String>::new(), "round {round}");
            for (org, batch) in then {
                scene.act(OrgNo(*org), batch.clone()).await;
            }
            assert_eq!(findings(&store).await, Vec::<String>::new(), "round {round}");
            // Made before the checkpoint or after it, gone after it: the checkpoint has a part of it.
            scene.act(ACME, vec![user("gone@example.com", vec![out()])]).await;
            store.erase(whom("gone@example.com")).await.unwrap();
            assert_eq!(findings(&store).await, Vec::<String>::new(), "round {round}");
            for (org, batch) in &history {
                scene.act(OrgNo(*org), batch.clone()).await;
            }
            let last = newest(&store, ACME).await;
            prune(&store, ACME, last * part / 100 + 1).await;
            assert_eq!(findings(&store).await, Vec::<String>::new(), "round {round}");
            for (sql, says) in [
                (
                    "UPDATE groups SET description = 'other' WHERE grp = 11",
                    "groups of organization 1",
                ),
                (
                    "UPDATE audit SET number = number + 1 WHERE number = (SELECT MAX(number) FROM audit WHERE number >> 40 = 1)",
                    "the log is whole",
                ),
            ] {
                let found = after(&store, sql).await;
                assert!(found.contains(says), "round {round}, {sql}: {found}");
            }
        }
    }
}
