//! Commits: shared by those who wait together, and never half.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use roster_core::scope::Scope;
use roster_core::value::OrgNo;
use roster_store::{Decision, Entry, Location, Options, Store, StoreError};
use roster_testkit::sample::{self, ACME};

use crate::support::{Fresh, apply, entry, sqlite, stores};

async fn log_length(store: &Store, org: OrgNo) -> i64 {
    let sql = "SELECT COUNT(*) FROM audit WHERE number >> 40 = $1";
    store
        .read(move |reader| reader.number(sql, &[org.0.into()]))
        .await
        .unwrap()
        .unwrap()
}

/// A change that every store takes: Acme gets one more empty group.
fn one_more_group(n: i64) -> Vec<roster_core::change::Change> {
    let mut scene = sample::Scene::default();
    let id = roster_core::value::GroupId(9_000 + n);
    scene.group(
        ACME,
        id,
        roster_core::org::GroupKind::UserGroup,
        &format!("Group {n}"),
        None,
    );
    let Some(roster_core::change::Change::GroupCreated(group)) = scene.changes.last_mut() else {
        panic!()
    };
    group.seq = roster_core::value::Seq(1_000 + n);
    scene.changes
}

/// A store whose commits take everybody who waits, however slow the machine is.
async fn unhurried(fresh: &Fresh) -> Store {
    let options = Options {
        commit_within: std::time::Duration::from_mins(1),
        ..Options::default()
    };
    Store::open(fresh.location.clone(), options).await.unwrap()
}

/// Keeps the writer busy until somebody else comes to the barrier, so that others can wait meanwhile.
async fn hold(store: &Store) -> (tokio::task::JoinHandle<Result<(), StoreError>>, Arc<Barrier>) {
    let gate = Arc::new(Barrier::new(2));
    let (held, store) = (Arc::clone(&gate), store.clone());
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let first = tokio::spawn(async move {
        store
            .write(vec![ACME], move |_| {
                if let Some(begun) = begun.take() {
                    begun.send(()).unwrap();
                }
                held.wait();
                Ok(())
            })
            .await
    });
    beginning.await.unwrap();
    (first, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_together_share_a_commit() {
    for fresh in stores().await {
        let store = unhurried(&fresh).await;
        apply(&store, sample::organizations()).await;
        let before = store.commits().commits.load(Ordering::Relaxed);
        let (first, gate) = hold(&store).await;
        let mut waiting = Vec::new();
        for n in 0..20 {
            let store = store.clone();
            waiting.push(tokio::spawn(async move {
                let entry = entry(one_more_group(n));
                store.write(vec![ACME], move |writer| writer.apply(&entry)).await
            }));
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        tokio::task::spawn_blocking(move || gate.wait()).await.unwrap();
        first.await.unwrap().unwrap();
        for job in waiting {
            job.await.unwrap().unwrap();
        }
        let commits = store.commits().commits.load(Ordering::Relaxed) - before;
        assert!(commits <= 4, "21 requests took {commits} commits");
        assert_eq!(log_length(&store, ACME).await, 21, "each of them is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_neighbour_takes_nobody_along() {
    for fresh in stores().await {
        let store = unhurried(&fresh).await;
        apply(&store, sample::organizations()).await;
        // All of them wait, in this order, before the writer takes any: so those that fail have neighbours on both sides.
        let (first, gate) = hold(&store).await;
        let (good, given_up, panics, conflict, last, ()) = tokio::join!(
            store.write(vec![ACME], |writer| writer.apply(&entry(one_more_group(1)))),
            store.write(vec![ACME], |writer| {
                writer.apply(&entry(one_more_group(2)))?;
                Err::<(), _>(StoreError::GivenUp("changed my mind".to_owned()))
            }),
            store.write(vec![ACME], |writer| -> Result<(), StoreError> {
                writer.apply(&entry(one_more_group(3)))?;
                panic!("a bug in a rule (this test means it)")
            }),
            // The sample's own group again: its key is taken.
            store.write(vec![ACME], |writer| writer
                .apply(&entry(sample::organizations().split_off(20)))),
            store.write(vec![ACME], |writer| writer.apply(&entry(one_more_group(5)))),
            async {
                tokio::task::spawn_blocking(move || gate.wait()).await.unwrap();
            },
        );
        first.await.unwrap().unwrap();
        good.unwrap();
        last.unwrap();
        assert_eq!(given_up, Err(StoreError::GivenUp("changed my mind".to_owned())));
        assert!(matches!(panics, Err(StoreError::Bug(_))), "{panics:?}");
        assert!(matches!(conflict, Err(StoreError::Conflict(_))), "{conflict:?}");
        let groups = "SELECT COUNT(*) FROM groups WHERE grp > 9000 AND grp < 9100";
        assert_eq!(
            store
                .read(move |reader| reader.number(groups, &[]))
                .await
                .unwrap(),
            Some(2)
        );
        assert_eq!(log_length(&store, ACME).await, 3);
        store
            .write(vec![ACME], |writer| writer.apply(&entry(one_more_group(4))))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_changes_nothing_is_in_the_log_of_who_asked() {
    for fresh in stores().await {
        let store = fresh.store;
        apply(&store, sample::organizations()).await;
        for (org, length) in [(Some(ACME), 2), (None, 2)] {
            let scope = Scope {
                org: ACME,
                ..Scope::default()
            };
            let decide = move |_| {
                let asked = Entry {
                    org,
                    ..entry(Vec::new())
                };
                Decision {
                    entries: vec![asked],
                    answer: 7,
                }
            };
            assert_eq!(store.transact(scope, decide).await.unwrap(), 7);
            assert_eq!(log_length(&store, ACME).await, length);
        }
        assert!(store.verify().await.unwrap().is_empty());
    }
}

/// `roster org apply` beside a running server.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_write_to_one_database_and_see_each_other() {
    for fresh in stores().await {
        let other = Store::open(fresh.location.clone(), Options::default())
            .await
            .unwrap();
        assert_eq!(
            other.migrated().from,
            other.migrated().to,
            "there is nothing left to migrate"
        );
        let generation = fresh.store.generation().await.unwrap();
        apply(&other, sample::organizations()).await;
        assert!(
            fresh.store.generation().await.unwrap() > generation,
            "configuration changed"
        );
        let done = Arc::new(AtomicU32::new(0));
        let mut tasks = Vec::new();
        for n in 0..40 {
            let store = if n % 2 == 0 {
                fresh.store.clone()
            } else {
                other.clone()
            };
            let done = Arc::clone(&done);
            tasks.push(tokio::spawn(async move {
                let entry = entry(one_more_group(n));
                store
                    .write(vec![ACME], move |writer| writer.apply(&entry))
                    .await
                    .unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(done.load(Ordering::Relaxed), 40);
        assert_eq!(log_length(&other, ACME).await, 41);
        assert_eq!(log_length(&fresh.store, ACME).await, 41);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("roster.db"));
    let store = Store::open(
        location,
        Options {
            queue: 2,
            ..Options::default()
        },
    )
    .await
    .unwrap();
    let gate = Arc::new(Barrier::new(2));
    let held = Arc::clone(&gate);
    let first = store.clone();
    let first = tokio::spawn(async move {
        first
            .write(Vec::new(), move |_| {
                held.wait();
                Ok(())
            })
            .await
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let mut waiting = Vec::new();
    for _ in 0..10 {
        let store = store.clone();
        waiting.push(tokio::spawn(
            async move { store.write(Vec::new(), |_| Ok(())).await },
        ));
    }
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    tokio::task::spawn_blocking(move || gate.wait()).await.unwrap();
    first.await.unwrap().unwrap();
    let mut refused = 0;
    for job in waiting {
        refused += u32::from(matches!(job.await.unwrap(), Err(StoreError::Busy(_))));
    }
    assert_eq!(refused, 8, "two may wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_known_is_refused_and_says_what_to_do() {
    for fresh in stores().await {
        let newer = "INSERT INTO schema_version (version, name, checksum) VALUES (99, 'future', 'x')";
        fresh
            .store
            .write(Vec::new(), move |writer| writer.execute(newer, &[]).map(drop))
            .await
            .unwrap();
        let error = Store::open(fresh.location.clone(), Options::default())
            .await
            .unwrap_err();
        assert!(
            matches!(&error, StoreError::UnknownSchema(text) if text.contains("99") && text.contains("newer Roster")),
            "{error}"
        );
        fresh
            .store
            .write(Vec::new(), |writer| {
                writer.execute("DELETE FROM schema_version WHERE version = 99", &[])?;
                writer
                    .execute(
                        "UPDATE schema_version SET checksum = 'edited' WHERE version = 1",
                        &[],
                    )
                    .map(drop)
            })
            .await
            .unwrap();
        let error = Store::open(fresh.location.clone(), Options::default())
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::UnknownSchema(_)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.db");
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE songs (title TEXT)")
        .unwrap();
    let error = Store::open(Location::Sqlite(file.clone()), Options::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StoreError::UnknownSchema(text) if text.contains("not Roster's")),
        "{error}"
    );
    std::fs::write(
        &file,
        "no database at all, but long enough to be read as one".repeat(40),
    )
    .unwrap();
    let error = Store::open(Location::Sqlite(file.clone()), Options::default())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(
        std::fs::read_to_string(&file).unwrap().starts_with("no database"),
        "nothing was written"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let fresh = sqlite().await;
    let Location::Sqlite(file) = &fresh.location else {
        panic!()
    };
    assert_eq!(
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        std::fs::metadata(file.parent().unwrap())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
}
