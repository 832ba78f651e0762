//! Empty stores of each engine, one database a test.

use std::sync::atomic::{AtomicU32, Ordering};

use roster_core::change::Change;
use roster_core::value::OrgNo;
use roster_store::{Entry, Location, Options, Store};
use tempfile::TempDir;

/// A store of its own; the folder goes with it.
pub(crate) struct Fresh {
    pub(crate) store: Store,
    pub(crate) location: Location,
    pub(crate) folder: TempDir,
}

/// An empty store on each engine there is: SQLite always, PostgreSQL where `ROSTER_TEST_POSTGRES` names a server.
/// With `ROSTER_TEST_ALL` its absence is a failure.
pub(crate) async fn stores() -> Vec<Fresh> {
    let mut stores = vec![sqlite().await];
    if let Ok(url) = std::env::var("ROSTER_TEST_POSTGRES") {
        stores.push(postgres(&url).await);
    } else {
        assert!(
            std::env::var_os("ROSTER_TEST_ALL").is_none(),
            "ROSTER_TEST_POSTGRES names no server"
        );
    }
    stores
}

pub(crate) async fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("data").join("roster.db"));
    let store = Store::open(location.clone(), Options::default()).await.unwrap();
    Fresh {
        store,
        location,
        folder,
    }
}

async fn postgres(url: &str) -> Fresh {
    let location = Location::Postgres(new_database(url).await);
    let options = Options {
        readers: 2,
        writers: 2,
        ..Options::default()
    };
    let store = Store::open(location.clone(), options).await.unwrap();
    Fresh {
        store,
        location,
        folder: tempfile::tempdir().unwrap(),
    }
}

/// An empty PostgreSQL database, where there is a server.
pub(crate) async fn empty_database() -> Option<Location> {
    let url = std::env::var("ROSTER_TEST_POSTGRES").ok()?;
    Some(Location::Postgres(new_database(&url).await))
}

async fn new_database(url: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "roster_test_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    let (server, query) = url
        .split_once('?')
        .map_or((url, String::new()), |(a, b)| (a, format!("?{b}")));
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}{query}")
}

/// An entry with these changes and made-up circumstances.
pub(crate) fn entry(changes: Vec<Change>) -> Entry {
    Entry {
        org: None,
        at: 1_700_000_000_000,
        actor: "test".to_owned(),
        client: None,
        request_id: "r-1".to_owned(),
        command: "{}".to_owned(),
        changes,
    }
}

/// Applies changes in one transaction.
pub(crate) async fn apply(store: &Store, changes: Vec<Change>) {
    let entry = entry(changes);
    let orgs: Vec<OrgNo> = (0..4).map(OrgNo).collect();
    store
        .write(orgs, move |writer| writer.apply(&entry))
        .await
        .unwrap();
}
