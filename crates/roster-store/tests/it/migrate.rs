//! A migration on PostgreSQL whose connection is cut off in the middle, and two at once.

use std::path::Path;
use std::time::{Duration, Instant};

use roster_store::{Location, Migrated, Options, Store, StoreError};
use tokio_postgres::Client;

use crate::support::empty_database;

const ENTRIES: i64 = 50_000;
/// How long one statement may take, and a transaction may stand idle, in milliseconds.
const PATIENCE: u32 = 30_000;

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A database that version 0.1.0 made, its log grown; `None` where there is no server.
async fn old() -> Option<(Location, Client)> {
    let location = empty_database().await?;
    let Location::Postgres(url) = &location else {
        panic!()
    };
    // A lock that nobody gives back is a failure after a while, not a wait without an end: also of the store's own
    // connections, which no time limit of a test could break off.
    connect(url)
        .await
        .batch_execute(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = {PATIENCE}', current_database());
             EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = {PATIENCE}', current_database());
             END $$"
        ))
        .await
        .unwrap();
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0.postgres.sql");
    // The dump changes settings of the connection that it comes through.
    connect(url)
        .await
        .batch_execute(&std::fs::read_to_string(dump).unwrap())
        .await
        .unwrap();
    let client = connect(url).await;
    let sql = "INSERT INTO audit (org, entry, at, actor, client, request_id, command, changes)
        SELECT 1, n + (SELECT MAX(entry) FROM audit WHERE org = 1), 1700000000000 + n, 'a test', NULL, md5(n::text),
               '{\"user\":\"' || repeat(md5(n::text), 8) || '\"}', '{\"v\":1,\"c\":[]}'
        FROM generate_series(1, $1::bigint) n";
    assert_eq!(
        client.execute(sql, &[&ENTRIES]).await.unwrap(),
        ENTRIES.unsigned_abs()
    );
    Some((location, client))
}

/// The schema version, and a sum over all of the log that does not depend on it.
async fn state(client: &Client) -> (i64, String) {
    let version: i64 = client
        .query_one("SELECT MAX(version) FROM schema_version", &[])
        .await
        .unwrap()
        .get(0);
    let number = if version == 1 {
        "(org << 40) + entry"
    } else {
        "number"
    };
    let sql = format!(
        "SELECT COUNT(*) || ' ' || SUM(({number}) % 1000003 * length(command) + length(changes)) FROM audit"
    );
    let left = client
        .query_one(
            "SELECT COUNT(*) FROM pg_class WHERE relname = 'audit_before'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(left.get::<_, i64>(0), 0, "a table of the migration is left");
    (version, client.query_one(&sql, &[]).await.unwrap().get(0))
}

async fn open(location: &Location) -> Result<Store, StoreError> {
    let options = Options {
        readers: 1,
        writers: 1,
        ..Options::default()
    };
    Store::open(location.clone(), options).await
}

/// Cuts off whoever holds the lock of a migration; whether there was one.
async fn cut(client: &Client) -> bool {
    let sql =
        "SELECT COUNT(pg_terminate_backend(l.pid)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
               WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()";
    client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_whose_connection_is_cut_has_changed_nothing_and_is_run_again() {
    let Some((location, client)) = old().await else {
        return;
    };
    let (version, log) = state(&client).await;
    assert_eq!(version, 1);
    let mut undone = 0;
    for round in 0..8_u64 {
        let migrating = tokio::spawn({
            let location = location.clone();
            async move { open(&location).await.map(|store| store.migrated()) }
        });
        let began = Instant::now();
        tokio::time::sleep(Duration::from_millis(round * 20)).await;
        while !migrating.is_finished() && !cut(&client).await && began.elapsed() < Duration::from_secs(30) {}
        let migrated = migrating.await.unwrap();
        let (version, after) = state(&client).await;
        assert_eq!(after, log, "cut off, and the log is another one");
        match migrated {
            Err(StoreError::Unavailable(_) | StoreError::Busy(_)) => {
                assert_eq!(version, 1, "it failed, and is done");
                undone += 1;
            }
            Err(other) => panic!("{other:?}"),
            // From here on there is nothing to cut any more.
            Ok(_) => break,
        }
    }
    assert!(undone > 1, "{undone} connections were cut");
    let store = open(&location).await.unwrap();
    assert_eq!(state(&client).await, (2, log));
    assert_eq!(store.verify().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_migrations_at_once_the_second_waits_for_the_first() {
    let Some((location, client)) = old().await else {
        return;
    };
    let (first, second) = tokio::join!(open(&location), open(&location));
    let mut both = [first.unwrap().migrated(), second.unwrap().migrated()];
    both.sort_by_key(|migrated| migrated.from);
    assert_eq!(both, [Migrated { from: 1, to: 2 }, Migrated { from: 2, to: 2 }]);
    assert_eq!(state(&client).await.0, 2);
}
