//! People one at a time, and what is shown of them.

use roster_core::change::{Change, Configured};
use roster_core::command::{Action, UpdateUser};
use roster_core::org::{Account, Domain, Person};
use roster_core::value::{AccountId, Country, DirectoryId, IdentityType, Key, Seq, Status};
use roster_testkit::sample::{ACME, DESIGN, FEDERATED, STRANGER, TRUSTEE};

use super::{Scene, Shown, create, everybody, in_domain, join, members_of, person, scenes, user};
use crate::support::apply;

async fn find(scene: &Scene, who: &str, domain: Option<&str>) -> Option<String> {
    let (who, domain) = (who.to_owned(), domain.map(str::to_owned));
    let read = scene.store.read(move |reader| {
        let mut found = None;
        let known = reader.find_user(ACME, &who, domain.as_deref(), true, true, &mut |row| {
            found = Some(row.id.to_owned());
        })?;
        assert_eq!(known, found.is_some());
        Ok(found)
    });
    read.await.unwrap()
}

fn id_of(scene: &Scene, kind: IdentityType, email: &str) -> String {
    let accounts = &scene.world.accounts;
    let account = accounts
        .values()
        .find(|a| a.kind == kind && a.person.email.eq_ignore_ascii_case(email));
    account.unwrap().public_id.clone()
}

/// umapi.md 3.5.
#[tokio::test(flavor = "multi_thread")]
async fn an_email_comes_before_a_username_and_an_adobe_id_last() {
    for mut scene in scenes().await {
        let (shared, other) = ("ana@example.com", "ben@example.com");
        scene
            .run(vec![user(shared, vec![create(IdentityType::AdobeId, shared)])])
            .await;
        let adobe = id_of(&scene, IdentityType::AdobeId, shared);
        assert_eq!(find(&scene, shared, None).await, Some(adobe.clone()));

        let rename = Action::UpdateUser(UpdateUser {
            username: Some(shared.to_owned()),
            ..UpdateUser::default()
        });
        scene
            .run(vec![person(other, &[]), user(other, vec![rename])])
            .await;
        let ben = id_of(&scene, IdentityType::Federated, other);
        assert_eq!(
            find(&scene, shared, None).await,
            Some(ben.clone()),
            "a username before an Adobe ID"
        );
        assert_eq!(
            find(&scene, "ANA@Example.com ", Some("adobeid")).await,
            Some(adobe)
        );
        assert_eq!(find(&scene, other, None).await, Some(ben.clone()));
        assert_eq!(find(&scene, other, Some("AdobeID")).await, None);
        assert_eq!(
            find(&scene, other, Some("example.net")).await,
            Some(ben),
            "any domain of the directory"
        );
        assert_eq!(find(&scene, other, Some("enterprise.example")).await, None);
        assert_eq!(find(&scene, other, Some("other.example")).await, None);
        assert_eq!(find(&scene, "nobody@example.com", None).await, None);
    }
}

/// An account of Acme in a directory, a member.
fn account(directory: DirectoryId, place: i64, username: &str, email: &str) -> [Change; 2] {
    let id = AccountId::new(ACME, Seq(place));
    let account = Account {
        id,
        public_id: format!("{place:024X}@{:024x}.e", directory.0),
        directory,
        kind: IdentityType::Federated,
        person: Person {
            username: username.to_owned(),
            email: email.to_owned(),
            domain: "example.com".to_owned(),
            firstname: None,
            lastname: None,
        },
        country: Country::parse("DE").unwrap(),
        status: Status::Active,
    };
    let joined = Change::MemberJoined {
        org: ACME,
        account: id,
        seq: Seq(place + 1),
    };
    [Change::AccountCreated(account), joined]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_username_in_two_directories_means_the_account_made_first_unless_a_domain_says_which() {
    // Whichever directory has the smaller number.
    for directories in [[FEDERATED, DirectoryId(13)], [DirectoryId(13), FEDERATED]] {
        for mut scene in scenes().await {
            let mut more = roster_testkit::sample::Scene::default();
            more.directory(ACME, DirectoryId(13), IdentityType::Federated, &[]);
            let moved = Domain {
                directory: DirectoryId(13),
                ..scene.world.domains[&Key::new("example.net")].clone()
            };
            let before = scene.world.domains[&Key::new("example.net")].clone();
            apply(&scene.store, more.changes).await;
            scene.configure(Configured::DomainUpdated(before, moved)).await;
            let [first, second] = directories;
            apply(
                &scene.store,
                account(first, 1001, "p0042", "a@example.com").to_vec(),
            )
            .await;
            apply(
                &scene.store,
                account(second, 1003, "P0042", "b@example.com").to_vec(),
            )
            .await;
            let (made_first, made_second) = (
                Some(format!("{:024X}@{:024x}.e", 1001, first.0)),
                Some(format!("{:024X}@{:024x}.e", 1003, second.0)),
            );
            assert_eq!(find(&scene, "p0042", None).await, made_first);
            let of_federated = if first == FEDERATED {
                &made_first
            } else {
                &made_second
            };
            let of_other = if first == FEDERATED {
                &made_second
            } else {
                &made_first
            };
            assert_eq!(find(&scene, "p0042", Some("example.com")).await, *of_federated);
            assert_eq!(find(&scene, "p0042", Some("example.net")).await, *of_other);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_active_members_are_found_and_listed_but_groups_list_everybody() {
    for mut scene in scenes().await {
        let ana = "ana@example.com";
        scene.run(vec![person(ana, &["Design Team"])]).await;
        let account = scene
            .world
            .accounts
            .values()
            .find(|a| a.person.email == ana)
            .unwrap()
            .id;
        for after in [Status::Disabled, Status::Locked] {
            let status = |before, after| {
                vec![Change::AccountStatusSet {
                    account,
                    before,
                    after,
                }]
            };
            apply(&scene.store, status(Status::Active, after)).await;
            assert_eq!(find(&scene, ana, None).await, None);
            assert_eq!(find(&scene, ana, Some("example.com")).await, None);
            assert_eq!(scene.emails(&everybody()).await, ["root@example.com"]);
            assert_eq!(
                scene.emails(&in_domain(everybody(), "example.com")).await,
                ["root@example.com"]
            );
            assert_eq!(scene.emails(&members_of(DESIGN)).await, [ana]);
            apply(&scene.store, status(after, Status::Active)).await;
        }
        assert_eq!(scene.emails(&everybody()).await, ["root@example.com", ana]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_shown_in_their_order_and_only_those_of_the_organization_that_asks() {
    for mut scene in scenes().await {
        let ana = "ana@example.com";
        let groups = [
            "_admin_Design Team",
            "Video Extra",
            "R&D / EU @home",
            "_support_admin",
            "Photo Suite Pro",
            "_developer_Video Extra",
            "Design Team",
            "_product_admin_Video",
        ];
        scene.run(vec![person(ana, &groups)]).await;
        assert_eq!(
            scene.act(TRUSTEE, vec![user(ana, vec![join(&["Sales"])])]).await,
            0
        );
        let shown = scene.list(&everybody()).await;
        let expected = Shown {
            email: ana.to_owned(),
            groups: [
                "R&D / EU @home",
                "Design Team",
                "Sales",
                "Video Extra",
                "Photo Suite Pro",
                "_admin_Design Team",
                "_support_admin",
                "_developer_Video Extra",
                "_product_admin_Video",
            ]
            .map(str::to_owned)
            .to_vec(),
        };
        let root = Shown {
            email: "root@example.com".to_owned(),
            groups: vec!["_org_admin".to_owned()],
        };
        assert_eq!(shown, [root, expected]);
        let elsewhere = roster_store::UsersQuery {
            org: TRUSTEE,
            ..everybody()
        };
        let there = scene.list(&elsewhere).await;
        assert_eq!(there[0].groups, ["Sales"]);
        let without = roster_store::UsersQuery {
            groups: false,
            ..everybody()
        };
        assert!(
            scene
                .list(&without)
                .await
                .iter()
                .all(|shown| shown.groups.is_empty())
        );
    }
}

/// All columns arrive as they were stored, in pages of each kind.
#[tokio::test(flavor = "multi_thread")]
async fn every_field_is_shown_as_it_was_stored() {
    for mut scene in scenes().await {
        let zoe = "Zoë.Ängström@Example.com";
        scene
            .run(vec![person(zoe, &["Design Team", "Photo Suite Pro"])])
            .await;
        scene
            .run(vec![super::link("Design Team", &["Photo Suite Pro"])])
            .await;
        let id = id_of(&scene, IdentityType::Federated, zoe);
        let pro = roster_testkit::sample::PHOTO_PRO;
        for query in [
            members_of(DESIGN),
            super::profile(pro, None, false),
            in_domain(everybody(), "example.com"),
        ] {
            let id = id.clone();
            let read = scene.store.read(move |reader| {
                let mut fields = Vec::new();
                reader.users(&query, roster_store::Position::START, None, 10, &mut |row| {
                    if row.id == id {
                        fields.push(format!(
                            "{} {} {} {} {:?} {:?} {} {}",
                            row.email,
                            row.status.as_str(),
                            row.username,
                            row.domain,
                            row.firstname,
                            row.lastname,
                            row.country,
                            row.kind.as_str()
                        ));
                    }
                })?;
                Ok(fields)
            });
            let expected = format!("{zoe} active {zoe} example.com Some(\"First\") None DE federatedID");
            assert_eq!(read.await.unwrap(), [expected]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_and_related_directories_are_found_by_name() {
    for scene in scenes().await {
        let read = scene.store.read(|reader| {
            let key = roster_core::value::Key::new;
            let acme = reader
                .find_org(&key("1a2b3c4d5e6f7a8b9c0d1e2f@ADOBEORG"))?
                .unwrap();
            assert_eq!((acme.no, acme.name.as_str()), (ACME, "Acme"));
            assert_eq!(reader.find_org(&key("FFFF@AdobeOrg"))?, None);
            let federated = Some(roster_testkit::sample::FEDERATED);
            assert_eq!(reader.related_directory(ACME, &key("Example.NET"))?, federated);
            assert_eq!(reader.related_directory(TRUSTEE, &key("example.com"))?, federated);
            assert_eq!(
                reader.related_directory(TRUSTEE, &key("enterprise.example"))?,
                None
            );
            assert_eq!(reader.related_directory(STRANGER, &key("example.com"))?, None);
            assert_eq!(reader.related_directory(ACME, &key("nowhere.example"))?, None);
            let all: Vec<_> = reader.organizations()?.iter().map(|org| org.no).collect();
            assert_eq!(all, [ACME, TRUSTEE, STRANGER]);
            Ok(())
        });
        read.await.unwrap();
    }
}

/// Where trust has ended, members stay members and are found; the domain is none of the organization's any more.
#[tokio::test(flavor = "multi_thread")]
async fn members_stay_in_reach_when_trust_ends() {
    for mut scene in scenes().await {
        let ana = "ana@example.com";
        scene.run(vec![person(ana, &[])]).await;
        assert_eq!(
            scene.act(TRUSTEE, vec![user(ana, vec![join(&["Sales"])])]).await,
            0
        );
        let revoked = roster_core::change::Configured::TrustRevoked {
            org: ACME,
            directory: roster_testkit::sample::FEDERATED,
            trustee: TRUSTEE,
        };
        scene.configure(revoked).await;
        let read = scene.store.read(move |reader| {
            let mut found = Vec::new();
            for domain in [None, Some("example.com")] {
                found.push(reader.find_user(TRUSTEE, ana, domain, true, true, &mut |_| {})?);
            }
            Ok(found)
        });
        assert_eq!(read.await.unwrap(), [true, false]);
    }
}
