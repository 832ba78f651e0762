//! What goes wrong: a full disk, a panic while reading, another organization that comes in between.

use std::sync::mpsc;
use std::time::Duration;

use roster_core::command::Command;
use roster_core::decide::{Env, Mode, Rules, decide_batch};
use roster_core::scope::Scope;
use roster_core::set::WorkingSet;
use roster_core::value::{OrgNo, Seed};
use roster_store::{Decision, Entry, Store, StoreError};
use roster_testkit::sample::{self, ACME, TRUSTEE};

use crate::support::{apply, entry, sqlite, stores};

fn commands(body: &str) -> Vec<Command> {
    let batch =
        roster_umapi::action::parse(body.as_bytes(), &roster_umapi::action::Limits::default()).unwrap();
    batch.commands().into_iter().cloned().collect()
}

/// What deciding asks to be saved, and how many refusals there were.
fn decided(set: WorkingSet, commands: &[Command]) -> (Vec<Entry>, usize) {
    let env = Env {
        seed: Seed::new(7),
        mode: Mode::Live,
        rules: Rules::default(),
    };
    let outcomes = decide_batch(set, commands, &env);
    let refused = outcomes.iter().map(|outcome| outcome.refusals.len()).sum();
    let entries = outcomes.into_iter().map(|outcome| entry(outcome.changes));
    (entries.collect(), refused)
}

async fn act(store: &Store, org: OrgNo, body: &str) -> Result<usize, StoreError> {
    let commands = commands(body);
    store
        .transact(Scope::of(org, &commands), move |set| {
            let (entries, answer) = decided(set, &commands);
            Decision { entries, answer }
        })
        .await
}

async fn count(store: &Store, sql: &'static str) -> i64 {
    let found = store.read(move |reader| reader.number(sql, &[])).await;
    found.unwrap().unwrap()
}

fn create(n: usize) -> String {
    let name = "x".repeat(200);
    format!(
        r#"[{{"user":"p{n}@example.com","do":[{{"createFederatedID":{{"email":"p{n}@example.com","country":"DE","firstname":"{name}"}}}}]}}]"#
    )
}

/// Ends every other connection to the database, as a restart of the server does.
async fn cut(location: &roster_store::Location) {
    let roster_store::Location::Postgres(url) = location else {
        return;
    };
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.batch_execute(sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_cut_while_they_were_idle_cost_nobody_an_error() {
    for fresh in stores().await {
        let store = &fresh.store;
        apply(store, sample::organizations()).await;
        for n in 0..5 {
            // As many readers as there may be, and every writer, have a connection now.
            let reads =
                (0..4).map(|_| store.read(|reader| reader.number("SELECT COUNT(*) FROM members", &[])));
            for read in futures_util::future::join_all(reads).await {
                read.unwrap();
            }
            act(store, TRUSTEE, &create(100 + n)).await.unwrap();
            cut(&fresh.location).await;
            assert_eq!(act(store, ACME, &create(n)).await, Ok(0), "written, round {n}");
            let found = store.read(|reader| reader.number(PEOPLE, &[])).await;
            assert!(found.is_ok(), "read, round {n}: {found:?}");
            cut(&fresh.location).await;
            let found = store.read(|reader| reader.number(PEOPLE, &[])).await;
            assert!(found.is_ok(), "read first, round {n}: {found:?}");
            assert_eq!(
                act(store, ACME, &create(50 + n)).await,
                Ok(0),
                "written last, round {n}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_a_connection_and_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://u@{}/d?sslmode=disable", silent.local_addr().unwrap());
    let opened = roster_store::Store::open(
        roster_store::Location::Postgres(url),
        roster_store::Options::default(),
    );
    let opened = tokio::time::timeout(Duration::from_secs(30), opened).await;
    let error = opened.expect("it waits for ever").unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

const PEOPLE: &str = "SELECT COUNT(*) FROM accounts WHERE email_key LIKE 'p%@example.com'";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_acknowledged_and_is_survived() {
    let fresh = sqlite().await;
    let store = fresh.store;
    apply(&store, sample::organizations()).await;
    // The connection may not make the file longer: what SQLite says then is what it says of a full disk.
    let full = |writer: &mut roster_store::Writer<'_>| {
        let pages = writer.number("PRAGMA page_count", &[])?.unwrap_or(0);
        writer.query(&format!("PRAGMA max_page_count = {pages}"), &[], &mut |_| Ok(()))
    };
    store.write(Vec::new(), full).await.unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match act(&store, ACME, &create(acknowledged)).await {
            Ok(refused) => {
                assert_eq!(refused, 0);
                acknowledged += 1;
            }
            Err(error) => break error,
        }
        assert!(acknowledged < 10_000, "the limit does not hold");
    };
    assert!(
        matches!(&error, StoreError::Unavailable(text) if text.contains("free some space")),
        "{error}"
    );
    let found = count(&store, PEOPLE).await;
    assert_eq!(
        found,
        i64::try_from(acknowledged).unwrap(),
        "reads go on, nobody is half there"
    );
    // Nobody restarts anything: the connection is opened anew, without the limit.
    for n in acknowledged..acknowledged + 3 {
        assert_eq!(act(&store, ACME, &create(n)).await, Ok(0));
    }
    assert_eq!(count(&store, PEOPLE).await, found + 3);
    assert_eq!(store.verify().await.unwrap(), Vec::new());
}

/// Whether a store says that its file is not where it was, and what to do.
fn says_lost<T>(result: &Result<T, StoreError>, what: &str) -> bool {
    matches!(result, Err(StoreError::Unavailable(text))
        if text.contains("roster.db was ") && text.contains(what) && text.contains("back"))
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_into_a_file_that_nobody_finds() {
    let fresh = sqlite().await;
    let store = fresh.store;
    apply(&store, sample::organizations()).await;
    assert_eq!(act(&store, ACME, &create(0)).await, Ok(0));
    let roster_store::Location::Sqlite(path) = fresh.location else {
        panic!("another engine");
    };
    let aside = path.with_file_name("aside.db");
    let copy = std::fs::read(&path).unwrap();
    for (n, what) in [(1, "moved away or removed"), (2, "exchanged for another")] {
        std::fs::rename(&path, &aside).unwrap();
        if n == 2 {
            std::fs::write(&path, &copy).unwrap();
        }
        for _ in 0..2 {
            let refused = act(&store, ACME, &create(n)).await;
            assert!(says_lost(&refused, what), "{refused:?}");
            assert!(says_lost(&store.ping_write().await, what));
        }
        let copied = store.checkpoint().await;
        assert!(says_lost(&copied, what), "{copied:?}");
        // Readers hear of it within a moment.
        std::thread::sleep(Duration::from_millis(110));
        let read = store.read(|reader| reader.number(PEOPLE, &[])).await;
        assert!(says_lost(&read, what), "{read:?}");
        let read = store.look_up(|reader| reader.number(PEOPLE, &[])).await;
        assert!(says_lost(&read, what), "{read:?}");
        if n == 2 {
            assert!(
                std::fs::read(&path).unwrap() == copy,
                "the other file was changed"
            );
        }
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(
            act(&store, ACME, &create(10 + n)).await,
            Ok(0),
            "it goes on by itself"
        );
    }
    // While a change is being made, too: whoever asked is not told that it was done.
    let (from, to) = (path.clone(), aside.clone());
    let moved = store
        .write(Vec::new(), move |writer| {
            writer.execute("UPDATE generation SET value = value", &[])?;
            std::fs::rename(&from, &to).map_err(|error| StoreError::Bug(error.to_string()))
        })
        .await;
    assert!(says_lost(&moved, "moved away"), "{moved:?}");
    std::fs::rename(&aside, &path).unwrap();
    assert_eq!(count(&store, PEOPLE).await, 3);
    assert_eq!(store.verify().await.unwrap(), Vec::new());
}

/// The other file is there for so short a time that nobody needs to look meanwhile.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_goes_on_reading_a_file_that_was_there_for_a_moment() {
    let fresh = sqlite().await;
    let store = fresh.store;
    apply(&store, sample::organizations()).await;
    let roster_store::Location::Sqlite(path) = fresh.location else {
        panic!("another engine");
    };
    let (aside, other) = (path.with_file_name("aside.db"), path.with_file_name("other.db"));
    store.checkpoint().await.unwrap();
    std::fs::copy(&path, &other).unwrap();
    assert_eq!(act(&store, ACME, &create(0)).await, Ok(0));
    let (mut during, mut refused) = (Vec::new(), 0);
    for _ in 0..5 {
        // Trusted for the next tenth of a second.
        std::thread::sleep(Duration::from_millis(110));
        assert_eq!(count(&store, PEOPLE).await, 1);
        std::fs::rename(&path, &aside).unwrap();
        std::fs::rename(&other, &path).unwrap();
        // More than are idle: they need new connections.
        let reads = (0..24).map(|_| {
            store.read(|reader| {
                std::thread::sleep(Duration::from_millis(5));
                reader.number(PEOPLE, &[])
            })
        });
        during.extend(futures_util::future::join_all(reads).await);
        std::fs::rename(&path, &other).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        let reads = (0..24).map(|_| store.read(|reader| reader.number(PEOPLE, &[])));
        for read in futures_util::future::join_all(reads).await {
            assert_eq!(read, Ok(Some(1)), "it goes on, and with the right file");
        }
    }
    for read in during {
        refused += usize::from(says_lost(&read, "exchanged for another"));
        assert!(
            read == Ok(Some(1)) || says_lost(&read, "exchanged for another"),
            "{read:?}"
        );
    }
    assert!(refused > 0, "no connection was opened meanwhile");
    assert_eq!(store.verify().await.unwrap(), Vec::new());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_saved_when_the_log_is_lost() {
    let fresh = sqlite().await;
    let store = fresh.store;
    apply(&store, sample::organizations()).await;
    assert_eq!(act(&store, ACME, &create(0)).await, Ok(0));
    let roster_store::Location::Sqlite(path) = fresh.location else {
        panic!("another engine");
    };
    let (log, aside) = (path.with_file_name("roster.db-wal"), path.with_file_name("aside"));
    let says = |result: Result<usize, StoreError>, what: &str| {
        assert!(
            matches!(&result, Err(StoreError::Unavailable(text)) if text.contains("roster.db-wal was ") && text.contains(what)),
            "{result:?}"
        );
    };
    // Another's log is not played into a database that has this one's pages.
    std::fs::rename(&log, &aside).unwrap();
    std::fs::write(&log, b"another log").unwrap();
    let before = std::fs::read(&path).unwrap();
    for _ in 0..2 {
        says(
            act(&store, ACME, &create(1)).await,
            "exchanged for another file while it was in use: nothing is written",
        );
    }
    let read = store.read(|reader| reader.number(PEOPLE, &[])).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(
        std::fs::read(&path).unwrap() == before,
        "the database was changed"
    );
    assert_eq!(std::fs::read(&log).unwrap(), b"another log");
    std::fs::rename(&aside, &log).unwrap();
    assert_eq!(act(&store, ACME, &create(2)).await, Ok(0), "it goes on by itself");
    assert_eq!(count(&store, PEOPLE).await, 2);
    // Gone for good: what a program that is killed leaves is all that was acknowledged.
    std::fs::remove_file(&log).unwrap();
    for _ in 0..2 {
        says(
            act(&store, ACME, &create(3)).await,
            "all that was acknowledged was copied into",
        );
    }
    assert!(!log.exists());
    let left = tempfile::tempdir().unwrap();
    let copy = left.path().join("roster.db");
    std::fs::copy(&path, &copy).unwrap();
    let again = Store::open(
        roster_store::Location::Sqlite(copy),
        roster_store::Options::default(),
    );
    let again = again.await.unwrap();
    assert_eq!(count(&again, PEOPLE).await, 2);
    assert_eq!(again.verify().await.unwrap(), Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_reading_leaves_no_old_moment_behind() {
    for fresh in stores().await {
        let store = fresh.store;
        apply(&store, sample::organizations()).await;
        for _ in 0..20 {
            let read = store.read(|reader| -> Result<(), StoreError> {
                reader.number("SELECT COUNT(*) FROM accounts", &[])?;
                panic!("a bug in a reader (this test means it)")
            });
            assert!(matches!(read.await, Err(StoreError::Bug(_))));
        }
        act(&store, ACME, &create(0)).await.unwrap();
        for _ in 0..20 {
            assert_eq!(count(&store, PEOPLE).await, 1);
        }
    }
}

/// A trustee brings an account in while its owner deletes it: `hold` is when the trustee waits for the owner.
async fn brought_in_while_deleted(hold: Hold) {
    for fresh in stores().await {
        let store = fresh.store;
        apply(&store, sample::organizations()).await;
        assert_eq!(act(&store, ACME, &create(0)).await, Ok(0));
        let (started, waits) = mpsc::channel();
        let (go, went) = mpsc::channel::<()>();
        let bring = commands(
            r#"[{"user":"p0@example.com","do":[{"createFederatedID":{"email":"p0@example.com","country":"DE","option":"ignoreIfAlreadyExists"}}]}]"#,
        );
        let trustee = store.clone();
        let joining = tokio::spawn(async move {
            let scope = Scope::of(TRUSTEE, &bring);
            let pause = move || {
                let _ = started.send(());
                // With one writer the owner cannot come in between at all.
                let _ = went.recv_timeout(Duration::from_millis(700));
            };
            let work = move |writer: &mut roster_store::Writer<'_>| {
                let set = writer.load_locked(&scope)?;
                if matches!(hold, Hold::Decided) {
                    pause();
                }
                let (entries, refused) = decided(set, &bring);
                for entry in &entries {
                    writer.apply(entry)?;
                }
                if matches!(hold, Hold::Applied) {
                    pause();
                }
                Ok(refused)
            };
            trustee.write(vec![TRUSTEE], work).await
        });
        tokio::task::spawn_blocking(move || waits.recv().unwrap())
            .await
            .unwrap();
        let owner = store.clone();
        let deleting = tokio::spawn(async move {
            let delete = r#"[{"user":"p0@example.com","do":[{"removeFromOrg":{"deleteAccount":true}}]}]"#;
            act(&owner, ACME, delete).await
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = go.send(());
        assert_eq!(deleting.await.unwrap(), Ok(0));
        joining.await.unwrap().unwrap();
        assert_eq!(count(&store, PEOPLE).await, 0, "it was deleted");
        assert_eq!(store.verify().await.unwrap(), Vec::new());
    }
}

#[derive(Clone, Copy)]
enum Hold {
    Decided,
    Applied,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_deleted_after_the_decision_to_bring_it_in_joins_nobody() {
    brought_in_while_deleted(Hold::Decided).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_brought_in_after_the_decision_to_delete_it_leaves_again() {
    brought_in_while_deleted(Hold::Applied).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_takes_the_same_number_of_statements_whatever_the_batch_holds() {
    let person = |n: usize| {
        format!(
            r#"{{"user":"p{n}@example.com","do":[{{"createFederatedID":{{"email":"p{n}@example.com","country":"DE"}}}},{{"add":{{"group":["Design Team","Video Extra","Sales","_product_admin_Video"]}}}}]}}"#
        )
    };
    for fresh in stores().await {
        let store = fresh.store;
        apply(&store, sample::organizations()).await;
        let statements = async |people: usize| {
            let body: Vec<String> = (0..people).map(person).collect();
            let body = format!("[{}]", body.join(","));
            act(&store, ACME, &body).await.unwrap();
            let scope = Scope::of(ACME, &commands(&body));
            let read = store.read(move |reader| {
                reader.load(&scope)?;
                Ok(reader.statements())
            });
            read.await.unwrap()
        };
        let one = statements(1).await;
        assert_eq!(statements(10).await, one);
        assert!(one <= 20, "{one} statements");
    }
}
