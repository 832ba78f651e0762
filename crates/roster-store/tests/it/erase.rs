//! A removed person's names leave the log; the entries stay, and the log goes on to give the rows.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use roster_core::command::{Action, Command};
use roster_core::value::{Key, OrgNo};
use roster_store::audit::{ERASED, EraseError, Erased, Person};
use roster_store::{Entry, Recorded, Store, StoreError};
use roster_testkit::generate;
use roster_testkit::sample::{ACME, TRUSTEE};

use crate::listing::{Scene, join, person, scenes, user};
use crate::support::sqlite;

pub(crate) fn whom(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        org: None,
        actor: "test".to_owned(),
        at: 1_700_000_000_000,
    }
}

/// A command as the server records it: the text beside what it changes.
async fn told(scene: &mut Scene, command: Command, text: &str) {
    let newest = newest(&scene.store).await;
    scene.run(vec![command]).await;
    let (text, number) = (text.to_owned(), newest + 1);
    say(&scene.store, number, &text).await;
}

async fn say(store: &Store, number: i64, text: &str) {
    let text = text.to_owned();
    store
        .write(vec![ACME], move |writer| {
            let params = [text.as_str().into(), ((ACME.0 << 40) + number).into()];
            writer.execute("UPDATE audit SET command = $1 WHERE number = $2", &params)
        })
        .await
        .unwrap();
}

async fn newest(store: &Store) -> i64 {
    store.read(|reader| reader.newest_entry(ACME)).await.unwrap()
}

/// An entry without changes.
async fn refused(store: &Store, text: &str) -> i64 {
    let entry = Entry {
        org: Some(ACME),
        command: text.to_owned(),
        ..crate::support::entry(Vec::new())
    };
    store
        .write(vec![ACME], move |writer| writer.apply(&entry))
        .await
        .unwrap();
    newest(store).await
}

async fn entries(store: &Store) -> Vec<Recorded> {
    store
        .read(|reader| {
            let mut all = Vec::new();
            reader.log(ACME, 1, &mut |entry| {
                all.push(entry);
                Ok(())
            })?;
            Ok(all)
        })
        .await
        .unwrap()
}

async fn findings(store: &Store) -> Vec<String> {
    let findings = store.verify().await.unwrap();
    findings.iter().map(ToString::to_string).collect()
}

fn out() -> Action {
    Action::RemoveFromOrg { delete_account: true }
}

fn renamed(to: &str) -> Action {
    Action::UpdateUser(roster_core::command::UpdateUser {
        username: Some(to.to_owned()),
        email: Some(to.to_owned()),
        ..roster_core::command::UpdateUser::default()
    })
}

async fn erase(store: &Store, name: &str) -> Erased {
    store.erase(whom(name)).await.unwrap()
}

/// How often a text stands in the log.
async fn count(store: &Store, text: &str) -> i64 {
    let pattern = format!("%{}%", text.to_lowercase());
    store
        .read(move |reader| {
            let sql = "SELECT COUNT(*) FROM audit WHERE lower(changes) LIKE $1 OR lower(command) LIKE $1";
            reader.number(sql, &[pattern.as_str().into()])
        })
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_persons_names_leave_the_log_and_the_entries_stay() {
    for mut scene in scenes().await {
        let create = r#"{"user":"ada@example.com","do":[{"createFederatedID":{"email":"ada@example.com","firstname":"Ada"}}]}"#;
        told(&mut scene, person("ada@example.com", &["Design Team"]), create).await;
        told(
            &mut scene,
            person("ben@example.com", &["Design Team"]),
            r#"{"user":"ben@example.com"}"#,
        )
        .await;
        let update = r#"{"user":"ada@example.com","do":[{"update":{"email":"eve@example.com"}}]}"#;
        told(
            &mut scene,
            user("ada@example.com", vec![renamed("eve@example.com")]),
            update,
        )
        .await;
        let both =
            r#"{"usergroup":"Design Team","do":[{"add":{"user":["EVE@example.com","ben@example.com"]}}]}"#;
        let group = refused(&scene.store, both).await;
        let cut = refused(&scene.store, r#"{"sent":"[{\"user\":\"ada@exam","bytes":90000}"#).await;
        told(
            &mut scene,
            user("eve@example.com", vec![out()]),
            r#"{"user":"eve@example.com","do":[{"removeFromOrg":{}}]}"#,
        )
        .await;
        let before = entries(&scene.store).await;
        assert_eq!(findings(&scene.store).await, Vec::<String>::new());

        let erased = erase(&scene.store, "Eve@example.com").await;
        assert_eq!((erased.accounts.len(), erased.names.len()), (1, 2), "{erased:?}");
        assert_eq!(erased.entries[&ACME].len(), 5, "{erased:?}");
        assert!(erased.shared.is_empty() && erased.kept.is_empty());
        assert_eq!(findings(&scene.store).await, Vec::<String>::new());
        for name in ["ada@", "eve@"] {
            assert_eq!(count(&scene.store, name).await, 0, "{name}");
        }
        assert_ne!(
            count(&scene.store, "ben@example.com").await,
            0,
            "others keep theirs"
        );
        let after = entries(&scene.store).await;
        assert!(after.len() > before.len(), "what was erased is recorded");
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(
                (
                    before.number,
                    before.at,
                    &before.actor,
                    before.changes.len(),
                    &before.seats
                ),
                (
                    after.number,
                    after.at,
                    &after.actor,
                    after.changes.len(),
                    &after.seats
                )
            );
        }
        let text = |number: i64| &after[usize::try_from(number - 1).unwrap()].command;
        assert_eq!(*text(group), both.replace("EVE@example.com", ERASED));
        assert_eq!(*text(cut), r#"{"sent":"[{\"user\":\"(erased)","bytes":90000}"#);
        let marked = after.iter().filter(|entry| !entry.erased.is_empty()).count();
        assert_eq!(marked, 3, "made, renamed, removed");
        let noted: Vec<&Recorded> = after
            .iter()
            .filter(|e| e.command.contains("auditErase"))
            .collect();
        assert!(noted.iter().all(|entry| entry.actor == "test"));
        assert_eq!(
            erase(&scene.store, "eve@example.com").await.entries.len(),
            0,
            "once is enough"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_exists_is_not_erased() {
    for mut scene in scenes().await {
        scene.run(vec![person("ada@example.com", &[])]).await;
        let error = scene.store.erase(whom("ADA@example.com")).await.unwrap_err();
        assert!(matches!(error, EraseError::StillThere { .. }), "{error}");
        scene
            .run(vec![user("ada@example.com", vec![renamed("eve@example.com")])])
            .await;
        let error = scene.store.erase(whom("ada@example.com")).await.unwrap_err();
        assert!(
            error.to_string().contains("still exists as eve@example.com"),
            "{error}"
        );
        assert_eq!(count(&scene.store, ERASED).await, 0);
    }
}

/// Somebody else had the address later: their entries keep it.
#[tokio::test(flavor = "multi_thread")]
async fn another_person_keeps_a_name_that_was_used_again() {
    for mut scene in scenes().await {
        told(
            &mut scene,
            person("ada@example.com", &[]),
            r#"{"user":"ada@example.com","n":1}"#,
        )
        .await;
        told(
            &mut scene,
            user("ada@example.com", vec![renamed("old@example.com")]),
            r#"{"user":"ada@example.com","n":2}"#,
        )
        .await;
        told(
            &mut scene,
            person("ada@example.com", &[]),
            r#"{"user":"ada@example.com","n":3}"#,
        )
        .await;
        told(
            &mut scene,
            user("old@example.com", vec![out()]),
            r#"{"user":"old@example.com","n":4}"#,
        )
        .await;
        refused(&scene.store, r#"{"user":"ada@example.com","n":5}"#).await;
        let erased = erase(&scene.store, "old@example.com").await;
        assert_eq!(erased.shared, [Key::new("ada@example.com")].into());
        let all = entries(&scene.store).await;
        let named: Vec<&str> = all
            .iter()
            .filter(|entry| entry.command.contains("ada@"))
            .map(|entry| entry.command.as_str())
            .collect();
        assert_eq!(named, [r#"{"user":"ada@example.com","n":3}"#], "theirs alone");
        assert_eq!(count(&scene.store, "old@").await, 0);
        assert_eq!(findings(&scene.store).await, Vec::<String>::new());
    }
}

/// Half of what an account was called cannot be gone: it goes with one commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_add_up_for_an_account_is_left_as_it_is() {
    for mut scene in scenes().await {
        scene.run(vec![person("ada@example.com", &[])]).await;
        scene.run(vec![user("ada@example.com", vec![out()])]).await;
        let spoilt = scene.store.write(vec![ACME], |writer| {
            writer.execute(
                "UPDATE audit SET changes = replace(changes, 'ada@example.com', 'ida@example.com') WHERE changes LIKE '%account_deleted%'",
                &[],
            )
        });
        assert_eq!(spoilt.await.unwrap(), 1);
        let error = scene.store.erase(whom("ida@example.com")).await.unwrap_err();
        assert!(matches!(error, EraseError::Inconsistent(_)), "{error}");
    }
}

/// The bytes are gone, too: from the file, the write-ahead log, and what both have left free.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_in_the_file() {
    let fresh = sqlite().await;
    let store = &fresh.store;
    crate::support::apply(store, roster_testkit::sample::organizations()).await;
    let mut scene = Scene::of(fresh);
    let crowd = (0..300).map(|n| person(&format!("crowd{n}@example.com"), &["Design Team"]));
    scene.run(crowd.collect()).await;
    told(
        &mut scene,
        person("ada@example.com", &["Design Team"]),
        r#"{"user":"ada@example.com"}"#,
    )
    .await;
    scene
        .run(vec![user("ada@example.com", vec![renamed("eve@example.com")])])
        .await;
    let long = format!(
        r#"{{"user":"ada@example.com","x":"{}"}}"#,
        "ada@example.com ".repeat(2000)
    );
    refused(&scene.store, &long).await;
    scene.run(vec![user("eve@example.com", vec![out()])]).await;
    let erased = erase(&scene.store, "eve@example.com").await;
    let names = || erased.names.iter().cloned().collect();
    assert_ne!(
        scene.store.traces(names()).await.unwrap(),
        Some(Vec::new()),
        "at least the write-ahead log has it"
    );
    scene.store.rewrite_file().await.unwrap();
    assert_eq!(scene.store.traces(names()).await.unwrap(), Some(Vec::new()));
    let crowd = vec![Key::new("crowd7@example.com")];
    assert_eq!(
        scene.store.traces(crowd.clone()).await.unwrap(),
        Some(crowd),
        "it looks"
    );
    assert_eq!(findings(&scene.store).await, Vec::<String>::new());
}

/// A run that stops does so between two transactions: as one that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_moment_it_is_finished_by_another_run() {
    let mut stopped = 0;
    for wait in [0, 3, 8, 15, 30] {
        for mut scene in scenes().await {
            for n in 0..250 {
                refused(
                    &scene.store,
                    &format!(r#"{{"user":"{}@example.com","n":{n}}}"#, ["ada", "eve"][n % 2]),
                )
                .await;
            }
            scene.run(vec![person("ada@example.com", &[])]).await;
            scene
                .run(vec![user("ada@example.com", vec![renamed("eve@example.com")])])
                .await;
            scene.run(vec![user("eve@example.com", vec![out()])]).await;
            let store = scene.store.clone();
            let run = tokio::spawn(async move { store.erase(whom("eve@example.com")).await });
            tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
            run.abort();
            stopped += usize::from(run.await.is_err());
            assert_eq!(
                findings(&scene.store).await,
                Vec::<String>::new(),
                "after {wait} ms"
            );
            erase(&scene.store, "eve@example.com").await;
            assert_eq!(
                count(&scene.store, "ada@").await + count(&scene.store, "eve@").await,
                0,
                "after {wait} ms"
            );
            assert_eq!(findings(&scene.store).await, Vec::<String>::new());
        }
    }
    assert!(stopped > 0, "no run was stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_history_somebody_is_erased_and_the_log_gives_the_rows() {
    let mut runner = TestRunner::deterministic();
    for round in 0..8 {
        let history = generate::batches().new_tree(&mut runner).unwrap().current();
        for mut scene in scenes().await {
            for (org, batch) in &history {
                scene.act(OrgNo(*org), batch.clone()).await;
            }
            scene
                .run(vec![person("gone@example.com", &["Design Team"])])
                .await;
            let shared = vec![user("gone@example.com", vec![join(&["Sales"])])];
            scene.act(TRUSTEE, shared).await;
            scene.run(vec![user("gone@example.com", vec![out()])]).await;
            erase(&scene.store, "gone@example.com").await;
            assert_eq!(
                findings(&scene.store).await,
                Vec::<String>::new(),
                "round {round}"
            );
            assert_eq!(count(&scene.store, "gone@").await, 0);
            for (org, batch) in &history {
                scene.act(OrgNo(*org), batch.clone()).await;
            }
            assert_eq!(
                findings(&scene.store).await,
                Vec::<String>::new(),
                "round {round}"
            );
            let broken = scene.store.write(vec![ACME], |writer| {
                writer.execute("UPDATE groups SET description = 'other' WHERE grp = 11", &[])?;
                let found = writer.verify()?.len();
                Err::<(), _>(StoreError::GivenUp(found.to_string()))
            });
            assert_eq!(
                broken.await.unwrap_err().to_string(),
                "given up: 1",
                "round {round}"
            );
        }
    }
}
