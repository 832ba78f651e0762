//! Databases of every release, with rows in them: the code of today opens them, finds them right and goes on.
//!
//! A release adds `tests/fixtures/VERSION.db` and `VERSION.postgres.sql`; `ROSTER_WRITE_FIXTURES=VERSION` makes them.
//! They are never made anew for a version that was released.

use std::path::{Path, PathBuf};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use roster_core::decide::{Env, Mode, Rules, decide_batch};
use roster_core::scope::Scope;
use roster_core::value::{Key, OrgNo, Seed};
use roster_store::{
    Decision, IntegrationSettings, Location, NewIntegration, Options, Secret, SecretKind, Store, UserList,
    UsersQuery,
};
use roster_testkit::{generate, sample};

use crate::support::{Fresh, apply, empty_database, entry, stores};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_every_release_open_verify_and_go_on() {
    if let Ok(version) = std::env::var("ROSTER_WRITE_FIXTURES") {
        for fresh in stores().await {
            write(&fresh, &version).await;
        }
    }
    let mut opened = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "db") {
            let place = tempfile::tempdir().unwrap();
            let copy = place.path().join("roster.db");
            std::fs::copy(&file, &copy).unwrap();
            goes_on(Location::Sqlite(copy), &file).await;
            opened += 1;
        } else if let Some(location) = empty_database().await {
            let dump = std::fs::read_to_string(&file).unwrap();
            let Location::Postgres(url) = &location else {
                panic!()
            };
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(&dump).await.unwrap();
            goes_on(location, &file).await;
            opened += 1;
        }
    }
    assert!(opened > 0, "there are no fixtures in {}", folder().display());
}

async fn goes_on(location: Location, file: &Path) {
    let store = Store::open(location, Options::default()).await.unwrap();
    let findings = store.verify().await.unwrap();
    assert!(findings.is_empty(), "{}: {findings:?}", file.display());
    let acme = sample::ACME;
    let query = UsersQuery {
        org: acme,
        list: UserList::Org,
        domain: None,
        direct_only: true,
        groups: true,
    };
    let (before, integrations) = store
        .read(move |reader| Ok((reader.count_users(&query)?, reader.integrations(acme)?.len())))
        .await
        .unwrap();
    assert!(before > 3, "{}: there are people in it", file.display());
    assert_eq!(integrations, 1, "{}", file.display());
    let body = br#"[{"user":"after@example.com","do":[{"createFederatedID":{"email":"after@example.com","country":"DE"}},{"add":{"group":["Video Extra"]}}]}]"#;
    act(&store, acme, body, 99).await;
    let person = store
        .read(move |reader| reader.find_user(acme, "after@example.com", None, true, true, &mut |_| {}))
        .await
        .unwrap();
    assert!(person, "{}: the database takes a new person", file.display());
    assert!(store.verify().await.unwrap().is_empty());
    assert!(
        store
            .read(|reader| reader.find_org(&Key::new("nobody@AdobeOrg")))
            .await
            .unwrap()
            .is_none()
    );
}

async fn act(store: &Store, org: OrgNo, body: &[u8], seed: u128) {
    let batch = roster_umapi::action::parse(body, &roster_umapi::action::Limits::default()).unwrap();
    let commands: Vec<_> = batch.commands().into_iter().cloned().collect();
    carry_out(store, org, commands, seed).await;
}

async fn carry_out(store: &Store, org: OrgNo, commands: Vec<roster_core::command::Command>, seed: u128) {
    let env = Env {
        seed: Seed::new(seed),
        mode: Mode::Live,
        rules: Rules::default(),
    };
    let scope = Scope::of(org, &commands);
    let decide = move |set| {
        let outcomes = decide_batch(set, &commands, &env);
        Decision {
            entries: outcomes
                .into_iter()
                .map(|outcome| entry(outcome.changes))
                .collect(),
            answer: (),
        }
    };
    store.transact(scope, decide).await.unwrap();
}

/// People of all kinds, groups, licences in use and waited for, a log, an integration.
async fn write(fresh: &Fresh, version: &str) {
    let store = &fresh.store;
    apply(store, sample::organizations()).await;
    let people: Vec<String> = (0..8)
        .map(|n| {
            let email = format!("person{n}@example.com");
            format!(r#"{{"user":"{email}","do":[{{"createFederatedID":{{"email":"{email}","country":"DE","firstname":"Ada","lastname":"Nº {n}"}}}},{{"add":{{"group":["Video Extra","Design Team"]}}}}]}}"#)
        })
        .collect();
    act(
        store,
        sample::ACME,
        format!("[{}]", people.join(",")).as_bytes(),
        1,
    )
    .await;
    let mut runner = TestRunner::deterministic();
    for n in 2..40 {
        let batch = generate::batches()
            .prop_map(|batches| batches.into_iter().next())
            .new_tree(&mut runner)
            .unwrap()
            .current();
        if let Some((org, commands)) = batch {
            carry_out(store, OrgNo(org), commands, n).await;
        }
    }
    let new = NewIntegration {
        client_id: "0123456789abcdef0123456789abcdef".to_owned(),
        org: sample::ACME,
        technical_account: "0123456789ABCDEF01234567@techacct.adobe.com".to_owned(),
        settings: IntegrationSettings {
            name: "sync".to_owned(),
            enabled: true,
            oauth: true,
            jwt: false,
            scopes: vec!["user_management_sdk".to_owned()],
            require_jti: false,
        },
        created_at: 1_700_000_000_000,
    };
    let secret = Secret {
        uuid: "5f1c1a52-3c5e-4a77-9d2e-0a4b1f6c7d80".to_owned(),
        kind: SecretKind::OAuth,
        hash: vec![7; 32],
        created_at: 1_700_000_000_000,
        last_used_at: None,
    };
    store
        .write(vec![sample::ACME], move |writer| {
            writer.create_integration(&new)?.unwrap();
            assert!(writer.add_secret(&new.client_id, &secret, 2)?);
            Ok(())
        })
        .await
        .unwrap();
    std::fs::create_dir_all(folder()).unwrap();
    match &fresh.location {
        Location::Sqlite(path) => {
            let target = folder().join(format!("{version}.db"));
            let conn = rusqlite::Connection::open(path).unwrap();
            conn.execute("VACUUM INTO ?1", [target.to_str().unwrap()])
                .unwrap();
        }
        Location::Postgres(url) => {
            let dump = std::process::Command::new("pg_dump")
                .args(["--inserts", "--no-owner", url])
                .output()
                .unwrap();
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            // Lines for psql alone are none for the server.
            let text = String::from_utf8(dump.stdout).unwrap();
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('\\')).collect();
            std::fs::write(
                folder().join(format!("{version}.postgres.sql")),
                lines.join("\n") + "\n",
            )
            .unwrap();
        }
    }
}
