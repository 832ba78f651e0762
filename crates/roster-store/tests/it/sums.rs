//! The log adds up to the rows, also where entries of the first stored form leave something unsaid.

use roster_core::change::{Change, Configured};
use roster_core::org::{Directory, Group, GroupKind};
use roster_core::value::{DirectoryId, GroupId, IdentityType, Login};
use roster_store::StoreError;
use roster_testkit::sample::{ACME, DESIGN, STRANGER, TRUSTEE};

use crate::listing::{Scene, link, person, scenes};
use crate::support::apply;

/// People in a group that is linked, and shared when it has members already.
async fn history(scene: &mut Scene) {
    let people = (0..4).map(|n| person(&format!("p{n}@example.com"), &["Design Team"]));
    scene.run(people.collect()).await;
    scene
        .run(vec![link("Design Team", &["Photo Suite Pro", "Video Default"])])
        .await;
    let mirror = Group {
        id: GroupId(303),
        org: STRANGER,
        kind: GroupKind::UserGroup,
        name: "Shared".to_owned(),
        description: None,
        source: Some(DESIGN),
        profile: None,
        seq: scene.world.orgs[&STRANGER].next,
        direct: 0,
    };
    apply(&scene.store, vec![Change::GroupCreated(mirror)]).await;
}

async fn findings(scene: &Scene) -> Vec<String> {
    let findings = scene.store.verify().await.unwrap();
    findings.iter().map(ToString::to_string).collect()
}

/// What is found after a statement, which is then undone.
async fn after(scene: &Scene, sql: &str) -> Vec<String> {
    let text = sql.to_owned();
    let undone = scene.store.write(vec![ACME, STRANGER], move |writer| {
        assert!(writer.execute(&text, &[])? > 0, "{text} changes nothing");
        let found: Vec<String> = writer.verify()?.iter().map(ToString::to_string).collect();
        Err::<(), _>(StoreError::GivenUp(found.join("\n")))
    });
    let found = undone.await.unwrap_err().to_string();
    let found = found.strip_prefix("given up: ").unwrap();
    found.lines().map(str::to_owned).collect()
}

/// Makes the log one that the first version could have written.
async fn as_of_version_1(scene: &Scene) {
    let aged = scene.store.write(vec![ACME], |writer| {
        writer.execute(
            "UPDATE audit SET changes = replace(changes, '{\"v\":2,', '{\"v\":1,')",
            &[],
        )?;
        writer.execute("DELETE FROM audit_sets WHERE keys LIKE '[\"%'", &[])
    });
    assert!(
        aged.await.unwrap() > 0,
        "nothing that only the second version has"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_say_whom_a_mirror_took_over_is_replayed() {
    for mut scene in scenes().await {
        history(&mut scene).await;
        as_of_version_1(&scene).await;
        assert_eq!(findings(&scene).await, Vec::<String>::new());
        let found = after(&scene, "UPDATE memberships SET seq = -seq WHERE grp = 303").await;
        assert_eq!(found.len(), 4, "{found:?}");
        let found = after(&scene, "UPDATE groups SET description = 'other' WHERE grp = 303").await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("groups 303"), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_with_a_group_or_a_directory_adds_up_in_every_version() {
    for version in [1, 2] {
        for mut scene in scenes().await {
            history(&mut scene).await;
            let directory = Directory {
                id: DirectoryId(77),
                org: ACME,
                public_id: "D77".to_owned(),
                name: "Elsewhere".to_owned(),
                kind: IdentityType::Federated,
                login: Login::Email,
                synced: false,
            };
            let trusted = Configured::Trusted {
                org: ACME,
                directory: directory.id,
                trustee: TRUSTEE,
            };
            scene
                .configure(Configured::DirectoryCreated(directory.clone()))
                .await;
            scene.configure(trusted).await;
            scene.configure(Configured::DirectoryDeleted(directory)).await;
            let mirror = scene.world.groups.get(&DESIGN).cloned().unwrap();
            for id in [GroupId(303), DESIGN] {
                let gone = if id == DESIGN {
                    mirror.clone()
                } else {
                    Group {
                        id,
                        org: STRANGER,
                        name: "Shared".to_owned(),
                        source: Some(DESIGN),
                        seq: scene.world.orgs[&STRANGER].next,
                        ..mirror.clone()
                    }
                };
                apply(&scene.store, vec![Change::GroupDeleted(gone)]).await;
            }
            if version == 1 {
                as_of_version_1(&scene).await;
            }
            assert_eq!(findings(&scene).await, Vec::<String>::new(), "version {version}");
            let found = after(&scene, "INSERT INTO links VALUES (1, 102, 162, 7000)").await;
            assert!(
                found.iter().any(|found| found.contains("links 102 to 162")),
                "{found:?}"
            );
        }
    }
}

/// A replay looks only at what comes out in the end.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_falsified_in_the_middle_is_found() {
    for mut scene in scenes().await {
        history(&mut scene).await;
        let status = |scene: &Scene, before: &str, after: &str| {
            let account = scene
                .world
                .accounts
                .values()
                .find(|a| a.person.email == "p0@example.com");
            let parse = |text: &str| roster_core::value::Status::parse(text).unwrap();
            Change::AccountStatusSet {
                account: account.unwrap().id,
                before: parse(before),
                after: parse(after),
            }
        };
        for (before, now) in [("active", "locked"), ("locked", "active")] {
            let change = status(&scene, before, now);
            apply(&scene.store, vec![change]).await;
        }
        assert_eq!(findings(&scene).await, Vec::<String>::new());
        let found = after(
            &scene,
            "UPDATE audit SET changes = replace(changes, '\"was\":\"active\",\"is\":\"locked\"', '\"was\":\"disabled\",\"is\":\"locked\"') \
             WHERE changes LIKE '%\"was\":\"active\",\"is\":\"locked\"%'",
        )
        .await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("the log agrees with itself"), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_beside_an_entry_that_is_gone_or_unreadable_is_found() {
    for mut scene in scenes().await {
        history(&mut scene).await;
        let found = after(
            &scene,
            "DELETE FROM audit_sets WHERE keys LIKE '[\"taken_over\"%'",
        )
        .await;
        assert!(
            found.iter().any(|found| found.contains("of group 303")),
            "{found:?}"
        );
        let found = after(&scene, "UPDATE audit_sets SET keys = 'nonsense'").await;
        assert!(
            found.iter().any(|found| found.starts_with("the log is whole")),
            "{found:?}"
        );
    }
}
