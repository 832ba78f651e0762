//! Verification: silent after every history, and not to be deceived.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use roster_core::change::Change;
use roster_core::command::Action;
use roster_core::org::{Group, GroupKind};
use roster_core::value::{GroupId, OrgNo};
use roster_testkit::generate;
use roster_testkit::sample::{ACME, DESIGN, STRANGER, TRUSTEE};

use crate::listing::{Scene, join, leave, link, members_of, person, scenes, user};
use crate::support::apply;

async fn findings(scene: &Scene) -> Vec<String> {
    let findings = scene.store.verify().await.unwrap();
    findings.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_after_any_history() {
    let mut runner = TestRunner::deterministic();
    let rounds = if std::env::var_os("ROSTER_TEST_LONG").is_some() {
        300
    } else {
        15
    };
    for round in 0..rounds {
        let history = generate::batches().new_tree(&mut runner).unwrap().current();
        for mut scene in scenes().await {
            populate(&mut scene).await;
            assert_eq!(findings(&scene).await, Vec::<String>::new());
            for (org, batch) in &history {
                scene.act(OrgNo(*org), batch.clone()).await;
            }
            assert_eq!(
                findings(&scene).await,
                Vec::<String>::new(),
                "round {round}: {history:#?}"
            );
        }
    }
}

/// Somebody in every kind of group, two waiting for licences, one way through a link, one shared group.
async fn populate(scene: &mut Scene) {
    let everywhere = [
        "Design Team",
        "Photo Suite Standard",
        "Photo Suite Pro",
        "Video Extra",
        "_admin_Design Team",
        "_developer_Video Extra",
        "_product_admin_Video",
    ];
    let batch = (0..4)
        .map(|n| person(&format!("p{n}@example.com"), &everywhere))
        .collect();
    scene.run(batch).await;
    scene
        .run(vec![
            link("Design Team", &["Photo Suite Pro", "Video Default"]),
            person("q@example.net", &["R&D / EU @home"]),
            link("R&D / EU @home", &["Photo Suite Standard"]),
        ])
        .await;
    let shared = vec![user("p1@example.com", vec![join(&["Sales"])])];
    assert_eq!(scene.act(TRUSTEE, shared).await, 0);
}

/// What is broken by hand, and the rule that has to notice. The accounts p0 to p3 belong to Acme; `{p0}` is the number
/// of the first.
const BROKEN: &[(&str, &str)] = &[
    (
        "UPDATE organizations SET members = members + 1 WHERE org = 1",
        "an organization counts its members",
    ),
    (
        "UPDATE organizations SET listed = listed - 1 WHERE org = 1",
        "an organization counts those it lists",
    ),
    (
        "UPDATE domain_counts SET people = people + 1 WHERE org = 1 AND domain = 'example.com'",
        "people of a domain are counted",
    ),
    (
        "INSERT INTO domain_counts VALUES (1, 'nowhere.example', 3)",
        "no people are counted in a domain that nobody has",
    ),
    (
        "INSERT INTO domain_counts VALUES (1, '@AdobeID', 3)",
        "no people are counted in a domain that nobody has",
    ),
    (
        "UPDATE groups SET direct = direct + 1 WHERE grp = 101",
        "a group counts its direct members",
    ),
    (
        "UPDATE groups SET members = members + 1 WHERE grp = 162",
        "a profile without links counts its direct members as members",
    ),
    (
        "UPDATE groups SET members = members - 1 WHERE grp = 152",
        "a profile counts its members by any route",
    ),
    (
        "UPDATE groups SET members = 1 WHERE grp = 101",
        "only profiles count members by any route",
    ),
    (
        "UPDATE groups SET active = active - 1 WHERE grp = 151",
        "a profile counts the seats held",
    ),
    (
        "UPDATE products SET active = active - 1 WHERE product = 16",
        "a product counts those who hold a licence",
    ),
    (
        "UPDATE groups SET queued = 1 WHERE grp = 152",
        "a profile has a queue exactly when its or its product's quota is finite",
    ),
    (
        "UPDATE groups SET quota = NULL WHERE grp = 151",
        "a profile has a queue exactly when its or its product's quota is finite",
    ),
    (
        "DELETE FROM seats WHERE profile = 151 AND account = {p0}",
        "every member of a profile with a queue stands in it",
    ),
    (
        "INSERT INTO seats SELECT 15, account, 151, 99, 0, 0 FROM accounts WHERE email_key = 'root@example.com'",
        "only members of a profile stand in its queue",
    ),
    (
        "INSERT INTO seats VALUES (15, {p0}, 152, 99, 0, 1)",
        "only members of a profile stand in its queue",
    ),
    (
        "UPDATE groups SET quota = 1 WHERE grp = 151",
        "no more seats are held than a profile has",
    ),
    (
        "UPDATE products SET quota = 1 WHERE product = 16",
        "no more licences are held than a product has",
    ),
    (
        "UPDATE groups SET quota = 4 WHERE grp = 151",
        "nobody waits who could hold a licence",
    ),
    (
        "DELETE FROM accounts WHERE account = {p0}",
        "a member has an account",
    ),
    (
        "UPDATE accounts SET status = 'locked' WHERE account = {p0}",
        "a member's domain, type and being listed follow from the account",
    ),
    (
        "UPDATE members SET domain = 'example.net' WHERE account = {p0}",
        "a member's domain, type and being listed follow from the account",
    ),
    (
        "DELETE FROM relations WHERE org = 2",
        "a member's directory is related to the organization",
    ),
    (
        "UPDATE memberships SET grp = 999 WHERE grp = 101 AND account = {p0}",
        "a membership has a group of its organization",
    ),
    (
        "UPDATE memberships SET org = 2 WHERE grp = 101 AND account = {p0}",
        "a membership has a group of its organization",
    ),
    (
        "DELETE FROM members WHERE account = {p0}",
        "who is in a group is in the Users list",
    ),
    (
        "INSERT INTO links VALUES (1, 151, 101, 99)",
        "a link joins a user group and a profile of one organization",
    ),
    (
        "UPDATE groups SET base = 151 WHERE kind = 'USER_ADMIN_GROUP'",
        "a role has a base of its organization and of the right kind",
    ),
    (
        "UPDATE groups SET base = NULL WHERE kind = 'DEVELOPER_GROUP'",
        "a role has a base of its organization and of the right kind",
    ),
    (
        "UPDATE groups SET product = 999 WHERE grp = 162",
        "a profile or product admin group has a product of its organization",
    ),
    (
        "UPDATE groups SET name_key = NULL WHERE grp = 101",
        "a group has a name of its own unless its name follows from another",
    ),
    (
        "INSERT INTO groups (grp, org, kind, name, seq) VALUES (900, 1, 'SUPPORT_ADMIN_GROUP', '', 900)",
        "a role has one group",
    ),
    (
        "DELETE FROM groups WHERE grp = 12",
        "an organization has its three admin groups",
    ),
    (
        "UPDATE groups SET source = 101 WHERE grp = 103",
        "a shared group has a source in another organization",
    ),
    (
        "DELETE FROM memberships WHERE grp = 203",
        "a shared group has nobody whom its source has not",
    ),
    (
        "UPDATE accounts SET directory = 12 WHERE account = {p0}",
        "an account belongs to the owner of its directory and has its type",
    ),
    (
        "UPDATE relations SET relation = 'owned' WHERE org = 2",
        "a directory is owned by its organization and by no other",
    ),
    (
        "UPDATE relations SET relation = 'trusted' WHERE org = 1",
        "a directory is owned by its organization and by no other",
    ),
    (
        "UPDATE domains SET org = 3 WHERE name = 'example.com'",
        "a domain is placed in a directory of who claimed it",
    ),
    (
        "UPDATE organizations SET next_seq = 5 WHERE org = 1",
        "a place is taken only once it has been given out",
    ),
    (
        "UPDATE members SET seq = 100000 WHERE account = {p0} AND org = 1",
        "a place is taken only once it has been given out",
    ),
    (
        "INSERT INTO passwords VALUES (4711, 'x', 1)",
        "a password belongs to an account",
    ),
    ("DELETE FROM generation", "there is one generation"),
    (
        "UPDATE accounts SET email_key = 'other' WHERE account = {p0}",
        "a name is found under its folded form",
    ),
    (
        "UPDATE accounts SET username = 'Other' WHERE account = {p0}",
        "a name is found under its folded form",
    ),
    (
        "UPDATE groups SET name = 'Other' WHERE grp = 101",
        "a name is found under its folded form",
    ),
    (
        "UPDATE products SET name_key = 'VIDEO' WHERE product = 16",
        "a name is found under its folded form",
    ),
    (
        "UPDATE organizations SET id_key = 'x@adobeorg' WHERE org = 2",
        "a name is found under its folded form",
    ),
    (
        "UPDATE domains SET name = 'Example.com' WHERE name = 'example.com'",
        "a name is found under its folded form",
    ),
    (
        "UPDATE accounts SET status = 'gone' WHERE account = {p0}",
        "words are known",
    ),
    (
        "UPDATE accounts SET country = 'Germany' WHERE account = {p0}",
        "words are known",
    ),
    (
        "UPDATE groups SET kind = 'CLUB' WHERE grp = 102",
        "words are known",
    ),
    (
        "UPDATE organizations SET state = 'asleep' WHERE org = 3",
        "words are known",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_row_that_cannot_be_true_is_found() {
    for mut scene in scenes().await {
        populate(&mut scene).await;
        let p0 = scene
            .world
            .accounts
            .values()
            .find(|a| a.person.email == "p0@example.com")
            .unwrap()
            .id;
        for (sql, rule) in BROKEN {
            let (sql, rule) = (sql.replace("{p0}", &p0.to_string()), *rule);
            let what = sql.clone();
            // Broken, verified and mended again in one transaction.
            let broken = scene.store.write(vec![ACME, TRUSTEE], move |writer| {
                assert!(writer.execute(&sql, &[])? > 0, "{sql} breaks nothing");
                let findings = writer.verify_rows()?;
                let found = findings.iter().any(|finding| finding.rule == rule);
                let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
                Err::<(), _>(roster_store::StoreError::GivenUp(format!("{found} {all:#?}")))
            });
            let answer = broken.await.unwrap_err().to_string();
            assert!(answer.starts_with("given up: true"), "{what}: {answer}");
        }
        assert_eq!(
            findings(&scene).await,
            Vec::<String>::new(),
            "everything was mended"
        );
    }
}

/// What is changed behind the log's back; other rules may or may not notice.
const BEHIND: &[(&str, &str)] = &[
    (
        "UPDATE accounts SET firstname = 'Other' WHERE account = {p0}",
        "accounts",
    ),
    (
        "UPDATE accounts SET public_id = 'Other' WHERE account = {p0}",
        "accounts",
    ),
    (
        "UPDATE accounts SET status = 'locked' WHERE account = {p0}",
        "accounts",
    ),
    ("DELETE FROM accounts WHERE account = {p0}", "accounts"),
    (
        "INSERT INTO accounts SELECT account + 900, public_id, 99, kind, 'x', 'x', 'x', 'x', domain, NULL, NULL, country, status FROM accounts WHERE account = {p0}",
        "accounts",
    ),
    (
        "UPDATE members SET seq = seq + 5000 WHERE account = {p0} AND org = 1",
        "members",
    ),
    ("DELETE FROM members WHERE account = {p0} AND org = 1", "members"),
    (
        "INSERT INTO members VALUES (1, 7000, 4711, 'x', 'adobeID', 0)",
        "members",
    ),
    (
        "UPDATE groups SET description = 'other' WHERE grp = 101",
        "groups",
    ),
    ("UPDATE groups SET quota = 7 WHERE grp = 151", "groups"),
    ("UPDATE groups SET seq = 7000 WHERE grp = 101", "groups"),
    ("DELETE FROM groups WHERE grp = 102", "groups"),
    (
        "INSERT INTO groups (grp, org, kind, name, name_key, seq) VALUES (900, 1, 'USER_GROUP', 'x', 'x', 7000)",
        "groups",
    ),
    (
        "UPDATE memberships SET seq = seq + 5000 WHERE grp = 101 AND account = {p0}",
        "memberships",
    ),
    (
        "DELETE FROM memberships WHERE grp = 101 AND account = {p0}",
        "memberships",
    ),
    (
        "INSERT INTO memberships VALUES (1, {p0}, 102, 7000)",
        "memberships",
    ),
    ("UPDATE links SET seq = 7000 WHERE grp = 101", "links"),
    ("DELETE FROM links WHERE grp = 101", "links"),
    ("INSERT INTO links VALUES (1, 102, 162, 7000)", "links"),
    ("UPDATE products SET code = 'x' WHERE product = 16", "products"),
    ("DELETE FROM products WHERE product = 15", "products"),
    (
        "UPDATE domains SET restrict_adobe_ids = 1 WHERE name = 'example.com'",
        "domains",
    ),
    ("DELETE FROM domains WHERE name = 'example.net'", "domains"),
    (
        "UPDATE directories SET login = 'email' WHERE directory = 12",
        "directories",
    ),
    (
        "UPDATE relations SET relation = 'former' WHERE org = 2",
        "relations",
    ),
    ("INSERT INTO relations VALUES (3, 12, 'trusted')", "relations"),
    (
        "UPDATE organizations SET name = 'Other' WHERE org = 2",
        "organizations",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_behind_the_logs_back_is_found() {
    for mut scene in scenes().await {
        populate(&mut scene).await;
        let p0 = scene
            .world
            .accounts
            .values()
            .find(|a| a.person.email == "p0@example.com")
            .unwrap()
            .id;
        for (sql, table) in BEHIND {
            let (sql, table) = (sql.replace("{p0}", &p0.to_string()), *table);
            let what = sql.clone();
            let broken = scene.store.write(vec![ACME, TRUSTEE], move |writer| {
                assert!(writer.execute(&sql, &[])? > 0, "{sql} changes nothing");
                let mut findings = writer.verify()?;
                findings.retain(|finding| finding.rule == "replaying the log gives the rows");
                let found = findings
                    .iter()
                    .any(|finding| finding.row.starts_with(&format!("{table} ")));
                Err::<(), _>(roster_store::StoreError::GivenUp(format!(
                    "{found} {findings:#?}"
                )))
            });
            let answer = broken.await.unwrap_err().to_string();
            assert!(answer.starts_with("given up: true"), "{what}: {answer}");
        }
        assert_eq!(
            findings(&scene).await,
            Vec::<String>::new(),
            "everything was mended"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_a_gap_or_an_unreadable_entry_is_found() {
    for mut scene in scenes().await {
        populate(&mut scene).await;
        let spoil = [
            "DELETE FROM audit WHERE number = 1099511627778",
            "UPDATE audit SET changes = 'nonsense' WHERE number = 1099511627778",
        ];
        for sql in spoil {
            let broken = scene.store.write(vec![ACME], move |writer| {
                assert_eq!(writer.execute(sql, &[])?, 1);
                let findings = writer.verify()?;
                let found = findings.iter().any(|finding| finding.rule == "the log is whole");
                Err::<(), _>(roster_store::StoreError::GivenUp(format!(
                    "{found} {findings:#?}"
                )))
            });
            let answer = broken.await.unwrap_err().to_string();
            assert!(answer.starts_with("given up: true"), "{sql}: {answer}");
        }
    }
}

/// A group is shared when it has members already: those whom the mirror takes over stand in no entry of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_took_over_members_is_replayed() {
    for mut scene in scenes().await {
        populate(&mut scene).await;
        let next = scene.world.orgs[&STRANGER].next;
        let mirror = Group {
            id: GroupId(303),
            org: STRANGER,
            kind: GroupKind::UserGroup,
            name: "Shared".to_owned(),
            description: None,
            source: Some(DESIGN),
            profile: None,
            seq: next,
            direct: 0,
        };
        apply(&scene.store, vec![Change::GroupCreated(mirror.clone())]).await;
        scene.world.apply(&Change::GroupCreated(mirror));
        let shared = roster_store::UsersQuery {
            org: STRANGER,
            ..members_of(GroupId(303))
        };
        assert_eq!(scene.emails(&shared).await.len(), 4);
        assert_eq!(findings(&scene).await, Vec::<String>::new());
        // Some leave the source, and so the mirror, and some the organization that it was shared with.
        scene
            .run(vec![user("p0@example.com", vec![leave(&["Design Team"])])])
            .await;
        let out = Action::RemoveFromOrg {
            delete_account: false,
        };
        scene.act(STRANGER, vec![user("p1@example.com", vec![out])]).await;
        scene
            .run(vec![person("late@example.com", &["Design Team"])])
            .await;
        assert_eq!(findings(&scene).await, Vec::<String>::new());
        assert_eq!(
            scene.emails(&shared).await,
            ["p2@example.com", "p3@example.com", "late@example.com"]
        );
        let broken = scene.store.write(vec![STRANGER], |writer| {
            let changed = writer.execute("UPDATE memberships SET seq = seq + 500 WHERE grp = 303", &[])?;
            let findings = writer
                .verify()?
                .into_iter()
                .filter(|f| f.rule == "replaying the log gives the rows");
            Err::<(), _>(roster_store::StoreError::GivenUp(format!(
                "{changed} {}",
                findings.count()
            )))
        });
        assert_eq!(broken.await.unwrap_err().to_string(), "given up: 3 3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rule_broken_everywhere_is_told_twenty_times_and_says_that_there_is_more() {
    for mut scene in scenes().await {
        let batch = (0..30)
            .map(|n| person(&format!("p{n}@example.com"), &[]))
            .collect();
        scene.run(batch).await;
        let broken = scene.store.write(vec![ACME], |writer| {
            writer.execute("UPDATE members SET listed = 0", &[])?;
            let findings = writer.verify_rows()?;
            let rule = "a member's domain, type and being listed follow from the account";
            let told: Vec<String> = findings
                .iter()
                .filter(|f| f.rule == rule)
                .map(|f| f.row.clone())
                .collect();
            Err::<(), _>(roster_store::StoreError::GivenUp(told.join("|")))
        });
        let told = broken.await.unwrap_err().to_string();
        assert_eq!(told.split('|').count(), 21, "{told}");
        assert!(told.ends_with("and perhaps more"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_called_by_name() {
    for mut scene in scenes().await {
        scene.run(vec![person("ada@example.com", &["Design Team"])]).await;
        let broken = scene.store.write(vec![ACME], |writer| {
            let ada = "(SELECT account FROM accounts WHERE email = 'ada@example.com')";
            for sql in [
                format!("UPDATE members SET listed = 0 WHERE account = {ada}"),
                format!("UPDATE memberships SET seq = seq + 500 WHERE account = {ada}"),
                "UPDATE groups SET direct = direct + 7 WHERE name = 'Design Team'".to_owned(),
                "UPDATE relations SET relation = 'owned' WHERE org = 2".to_owned(),
            ] {
                writer.execute(&sql, &[])?;
            }
            Ok(())
        });
        broken.await.unwrap();
        let found = findings(&scene).await;
        for (table, called) in [
            ("members ", "(ada@example.com)"),
            ("memberships ", "(ada@example.com, Design Team)"),
            ("groups ", "(Design Team)"),
            // By the directory alone, and in the log by the organization before it.
            ("relations 11 (Directory 11)", "says owned by 2"),
            ("relations 2 11 (Directory 11)", "says no row"),
        ] {
            let told = |line: &String| line.contains(table) && line.contains(called);
            assert!(found.iter().any(told), "{table}{called} is not in\n{found:#?}");
        }
    }
}
