//! Pages: together they are the list, whatever happens while somebody walks through them.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use roster_core::change::Change;
use roster_core::org::GroupKind;
use roster_core::value::{IdentityType, OrgNo, Status};
use roster_store::{DomainFilter, Position, UserList, UsersQuery};
use roster_testkit::generate;
use roster_testkit::sample::{ACME, DESIGN, PHOTO, PHOTO_PRO};

use super::{
    Scene, Shown, everybody, in_domain, join, leave, link, members_of, model, person, profile, scenes, user,
};
use crate::support::apply;

/// Pages of `size` put together are the whole list; each is full but the last, and knows what follows.
pub(crate) async fn check(scene: &Scene, query: &UsersQuery, size: usize) {
    let whole = scene.list(query).await;
    let starts = scene.starts(query, size as u64).await;
    assert_eq!(starts.len(), whole.len().div_ceil(size), "{query:?}");
    let mut joined = Vec::new();
    for (n, start) in starts.iter().enumerate() {
        let next = starts.get(n + 1).copied();
        let (between, rows) = scene.page(query, *start, next, size as u64).await;
        assert_eq!(rows.next, None);
        let (open, rows) = scene.page(query, *start, None, size as u64).await;
        assert_eq!((&open, rows.next), (&between, next), "{query:?}, page {n}");
        if let Some(next) = next
            && let Some(middle) = scene.halfway(query, *start, next).await
        {
            let (mut parts, _) = scene.page(query, *start, Some(middle), 0).await;
            parts.extend(scene.page(query, middle, Some(next), 0).await.0);
            assert_eq!(parts, between, "{query:?}, page {n} in two parts");
        }
        let kept = Position::from_parts(start.parts());
        let (query, start) = (query.clone(), *start);
        let has = scene
            .store
            .read(move |reader| reader.has_users(&query, start))
            .await
            .unwrap();
        assert!(has && kept == start);
        joined.extend(between);
    }
    assert_eq!(joined, whole, "{query:?}");
    let (none, rows) = scene
        .page(query, Position::from_parts([i64::MAX, 0, 0]), None, 1)
        .await;
    assert!(none.is_empty() && rows.next.is_none());
}

/// Every list, after any history, is what the memory says.
#[tokio::test(flavor = "multi_thread")]
async fn lists_say_what_the_memory_says() {
    let mut runner = TestRunner::deterministic();
    let rounds = if std::env::var_os("ROSTER_TEST_LONG").is_some() {
        200
    } else {
        12
    };
    for round in 0..rounds {
        let history = generate::batches().new_tree(&mut runner).unwrap().current();
        for mut scene in scenes().await {
            // Somebody in every place first, so that there is something to take away.
            let groups = ["Design Team", "Sales", "Photo Suite Pro", "Video Default"];
            for (n, name) in groups.iter().enumerate() {
                scene
                    .act(
                        ACME,
                        vec![person(&format!("p{n}@example.com"), &[name, "_support_admin"])],
                    )
                    .await;
            }
            scene
                .act(
                    ACME,
                    vec![link("Design Team", &["Photo Suite Pro", "Video Default"])],
                )
                .await;
            for (org, batch) in &history {
                scene.act(OrgNo(*org), batch.clone()).await;
            }
            for org in 1..4 {
                compare(&scene, OrgNo(org), &format!("round {round}: {history:#?}")).await;
            }
        }
    }
}

async fn compare(scene: &Scene, org: OrgNo, history: &str) {
    for direct_only in [true, false] {
        let all = UsersQuery {
            org,
            direct_only,
            ..everybody()
        };
        assert_eq!(
            scene.list(&all).await,
            model::everybody(&scene.world, org, direct_only),
            "{history}"
        );
        assert_eq!(
            scene.count(&all).await,
            scene.list(&all).await.len() as u64,
            "{history}"
        );
        check(scene, &all, 2).await;
        for group in scene.world.groups.values().filter(|group| group.org == org) {
            let is_profile = matches!(group.kind, GroupKind::Profile(_));
            let list = if is_profile && !direct_only {
                UserList::Profile {
                    group: group.id,
                    licence: None,
                }
            } else {
                UserList::Group(group.id)
            };
            let query = UsersQuery { list, ..all.clone() };
            let mut emails = scene.emails(&query).await;
            if is_profile && !direct_only {
                let mut expected = model::profile_members(&scene.world, group.id);
                // Who lost one of two ways keeps the place in a queue, which the memory has none of.
                emails.sort();
                expected.sort();
                assert_eq!(emails, expected, "{history}");
            } else {
                let expected = model::members(&scene.world, org, group.id, direct_only);
                assert_eq!(scene.list(&query).await, expected, "{history}");
            }
            check(scene, &query, 3).await;
        }
    }
    for domain in [
        "example.com",
        "example.net",
        "enterprise.example",
        "nowhere.example",
    ] {
        let query = in_domain(UsersQuery { org, ..everybody() }, domain);
        let accounts = scene.world.accounts.values();
        let expected = accounts.filter(|account| {
            scene.world.members.contains_key(&(org, account.id)) && account.person.domain == domain
        });
        assert_eq!(
            scene.emails(&query).await.len(),
            expected.count(),
            "{domain}: {history}"
        );
    }
    let adobe_ids = UsersQuery {
        domain: Some(DomainFilter::AdobeIds),
        org,
        ..everybody()
    };
    let accounts = scene.world.accounts.values();
    let expected = accounts.filter(|account| {
        scene.world.members.contains_key(&(org, account.id)) && account.kind == IdentityType::AdobeId
    });
    assert_eq!(
        scene.emails(&adobe_ids).await.len(),
        expected.count(),
        "{history}"
    );
}

/// A page is read in two parts where one list stands in one order, whatever happens, and the parts are about as large. A
/// profile's people stand in another order once it has a quota.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_a_middle_unless_lists_are_merged_or_turn() {
    for mut scene in scenes().await {
        for n in 0..12 {
            let who = person(
                &format!("p{n:02}@example.com"),
                &["Design Team", "Photo Suite Pro"],
            );
            scene.run(vec![who]).await;
        }
        scene.run(vec![link("Design Team", &["Photo Suite Pro"])]).await;
        for (query, parted) in [
            (everybody(), true),
            (members_of(DESIGN), true),
            (profile(PHOTO_PRO, None, true), false),
            (profile(PHOTO_PRO, None, false), false),
        ] {
            let starts = scene.starts(&query, 6).await;
            let middle = scene.halfway(&query, starts[0], starts[1]).await;
            assert_eq!(middle.is_some(), parted, "{query:?}");
            let Some(middle) = middle else { continue };
            for (from, until) in [(starts[0], middle), (middle, starts[1])] {
                let (part, _) = scene.page(&query, from, Some(until), 0).await;
                assert!((2..=4).contains(&part.len()), "{query:?}: {part:?}");
            }
            assert_eq!(scene.halfway(&query, starts[0], starts[0]).await, None);
        }
    }
}

/// People leave, join, are barred and readmitted between the pages.
#[tokio::test(flavor = "multi_thread")]
async fn who_stays_during_a_walk_is_returned_exactly_once() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..6 {
        let turns = proptest::collection::vec(proptest::collection::vec(0..16_usize, 0..5), 12);
        let turns = turns.new_tree(&mut runner).unwrap().current();
        for mut scene in scenes().await {
            let name = |n: usize| format!("p{n:02}@example.com");
            for n in 0..16 {
                let groups: &[&str] = if n % 2 == 0 {
                    &["Design Team"]
                } else {
                    &["Photo Suite Pro", "Design Team"]
                };
                scene.run(vec![person(&name(n), groups)]).await;
            }
            scene.run(vec![link("Design Team", &["Photo Suite Pro"])]).await;
            let walks = [everybody(), members_of(DESIGN), profile(PHOTO_PRO, None, false)];
            let mut starts = Vec::new();
            for query in &walks {
                starts.push(scene.starts(query, 3).await);
            }
            let mut seen: Vec<Vec<String>> = vec![Vec::new(); walks.len()];
            let mut gone = BTreeSet::from(["root@example.com".to_owned()]);
            for (page, leaving) in turns.iter().enumerate() {
                for (walk, query) in walks.iter().enumerate() {
                    if let Some(from) = starts[walk].get(page) {
                        let until = starts[walk].get(page + 1).copied();
                        let (shown, _) = scene.page(query, *from, until, u64::MAX >> 2).await;
                        seen[walk].extend(shown.into_iter().map(|shown| shown.email));
                    }
                }
                for n in leaving {
                    gone.insert(name(*n));
                    let out = roster_core::command::Action::RemoveFromOrg {
                        delete_account: n % 2 == 0,
                    };
                    scene.act(ACME, vec![user(&name(*n), vec![out])]).await;
                }
                // Some come back at once: they are newcomers then.
                for n in leaving.iter().filter(|n| *n % 3 == 0) {
                    scene.act(ACME, vec![person(&name(*n), &["Design Team"])]).await;
                }
                let newcomer = format!("new{page}@example.com");
                scene
                    .run(vec![person(&newcomer, &["Design Team", "Photo Suite Pro"])])
                    .await;
                gone.insert(newcomer);
            }
            for (walk, emails) in seen.iter().enumerate() {
                for n in (0..16).map(name).filter(|n| !gone.contains(n)) {
                    let times = emails.iter().filter(|email| **email == n).count();
                    assert_eq!(times, 1, "{n} in walk {walk}: {emails:?}");
                }
            }
        }
    }
}

/// The first link of a profile comes while somebody walks through it, and the quota of one goes.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_twice_when_a_list_becomes_a_merged_one() {
    for quota in [false, true] {
        for mut scene in scenes().await {
            if quota {
                scene.set_quota(PHOTO_PRO, PHOTO, Some(4)).await;
            }
            let name = |n: usize| format!("p{n}@example.com");
            for n in 0..9 {
                scene.run(vec![person(&name(n), &["Photo Suite Pro"])]).await;
            }
            let query = profile(PHOTO_PRO, None, false);
            let starts = scene.starts(&query, 3).await;
            assert_eq!(
                scene.halfway(&query, starts[0], starts[1]).await,
                None,
                "read by one"
            );
            let shown = roster_store::Shown::default();
            let mut seen = Vec::new();
            for (page, from) in starts.iter().enumerate() {
                let (query, shown, from) = (query.clone(), shown.clone(), *from);
                let until = starts.get(page + 1).copied();
                let read = scene.store.read(move |reader| {
                    let mut emails = Vec::new();
                    let walk = (page as u64, &shown);
                    reader.users_of_walk(&query, (from, until, u64::MAX >> 2), walk, &mut |row| {
                        emails.push(row.email.to_owned());
                    })?;
                    Ok(emails)
                });
                seen.extend(read.await.unwrap());
                if page == 0 {
                    if quota {
                        scene.set_quota(PHOTO_PRO, PHOTO, None).await;
                    }
                    scene
                        .run(vec![user(&name(1), vec![join(&["Design Team"])])])
                        .await;
                    scene.run(vec![link("Design Team", &["Photo Suite Pro"])]).await;
                    scene
                        .run(vec![user(&name(1), vec![leave(&["Photo Suite Pro"])])])
                        .await;
                }
            }
            for n in 0..9 {
                let times = seen.iter().filter(|email| **email == name(n)).count();
                assert_eq!(times, 1, "p{n}, quota {quota}: {seen:?}");
            }
        }
    }
}

/// Between two positions the limit cuts nobody off: who was readmitted there would push somebody out.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_the_middle_holds_everybody_between_its_ends() {
    for mut scene in scenes().await {
        for n in 0..6 {
            scene.run(vec![person(&format!("p{n}@example.com"), &[])]).await;
        }
        let barred = scene
            .world
            .accounts
            .values()
            .find(|a| a.person.email == "p1@example.com")
            .unwrap()
            .id;
        let status = |before, after| {
            vec![Change::AccountStatusSet {
                account: barred,
                before,
                after,
            }]
        };
        apply(&scene.store, status(Status::Active, Status::Disabled)).await;
        let starts = scene.starts(&everybody(), 3).await;
        apply(&scene.store, status(Status::Disabled, Status::Active)).await;
        let emails = |shown: Vec<Shown>| shown.into_iter().map(|shown| shown.email).collect::<Vec<_>>();
        let (first, _) = scene.page(&everybody(), starts[0], Some(starts[1]), 3).await;
        let expected = [
            "root@example.com",
            "p0@example.com",
            "p1@example.com",
            "p2@example.com",
        ];
        assert_eq!(emails(first), expected);
        let (open, rows) = scene.page(&everybody(), starts[0], None, 3).await;
        assert_eq!(emails(open), expected[..3]);
        let (rest, _) = scene.page(&everybody(), rows.next.unwrap(), None, 9).await;
        assert_eq!(rest[0].email, "p2@example.com", "where the limit cut");
    }
}
