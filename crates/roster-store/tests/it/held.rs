//! What the writer keeps from one load to the next is what the rows say. Builds for tests compare the two after every load
//! of every writer; here stand the cases in which they could come apart.

use roster_core::change::Change;
use roster_core::org::GroupKind;
use roster_core::scope::Scope;
use roster_core::value::{AccountId, GroupId, Key, Seq};
use roster_store::{Decision, Location, Options, Store, StoreError};
use roster_testkit::sample::{self, ACME, DESIGN, ELSEWHERE, FEDERATED, STRANGER};

use crate::support::{apply, entry, stores};

/// What a decision sees: the group with this name with its direct members, and the next place of the organization.
async fn seen(store: &Store, name: &'static str) -> (Option<(GroupId, i64)>, Seq) {
    let mut scope = Scope {
        org: ACME,
        ..Scope::default()
    };
    scope.add_group_name(name);
    let look = move |set: roster_core::set::WorkingSet| Decision {
        entries: Vec::new(),
        answer: (
            set.group_by_name(ACME, &Key::new(name))
                .unwrap()
                .map(|group| (group.id, group.direct)),
            set.org(ACME).unwrap().next,
        ),
    };
    store.transact(scope, look).await.unwrap()
}

/// A scene whose places come after those of the sample.
fn later() -> sample::Scene {
    let mut scene = sample::Scene::default();
    for _ in 0..500 {
        scene.join(ACME, DESIGN, AccountId(0));
    }
    scene.changes.clear();
    scene
}

/// Ada comes and joins Design Team.
fn ada_joins() -> (AccountId, Vec<Change>) {
    let mut scene = later();
    let ada = scene.account(ACME, FEDERATED, "ada@example.com");
    scene.join(ACME, DESIGN, ada);
    (ada, scene.changes)
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_go_on_with_what_the_writer_does() {
    for fresh in stores().await {
        apply(&fresh.store, sample::organizations()).await;
        let (group, before) = seen(&fresh.store, "Design Team").await;
        assert_eq!(group, Some((DESIGN, 0)));
        let (ada, changes) = ada_joins();
        let Some(Change::Joined { seq, .. }) = changes.last() else {
            panic!("{changes:?}")
        };
        let seq = *seq;
        apply(&fresh.store, changes).await;
        let (group, after) = seen(&fresh.store, "Design Team").await;
        assert_eq!(group, Some((DESIGN, 1)));
        assert!(before < after && after == Seq(seq.0 + 1), "{before:?} {after:?}");
        let left = Change::Left {
            org: ACME,
            group: DESIGN,
            account: ada,
            seq,
            left: Vec::new(),
        };
        apply(&fresh.store, vec![left]).await;
        assert_eq!(
            seen(&fresh.store, "Design Team").await,
            (Some((DESIGN, 0)), after)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_undone_is_not_counted() {
    for fresh in stores().await {
        apply(&fresh.store, sample::organizations()).await;
        let before = seen(&fresh.store, "Design Team").await;
        let (_, changes) = ada_joins();
        let work = move |writer: &mut roster_store::Writer<'_>| {
            writer.apply(&entry(changes.clone()))?;
            Err::<(), _>(StoreError::GivenUp("changed my mind".to_owned()))
        };
        fresh.store.write(vec![ACME], work).await.unwrap_err();
        assert_eq!(seen(&fresh.store, "Design Team").await, before);
    }
}

/// `roster org apply` beside a running server, which has just looked for the group.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_wrote_is_seen_at_once() {
    for fresh in stores().await {
        apply(&fresh.store, sample::organizations()).await;
        assert_eq!(seen(&fresh.store, "Weavers").await.0, None);
        assert_eq!(seen(&fresh.store, "Design Team").await.0, Some((DESIGN, 0)));
        let other = Store::open(fresh.location.clone(), Options::default())
            .await
            .unwrap();
        let mut scene = later();
        scene.group(ACME, GroupId(9_001), GroupKind::UserGroup, "Weavers", None);
        let renamed = Change::GroupUpdated {
            org: ACME,
            group: DESIGN,
            before: ("Design Team".to_owned(), None),
            after: ("Designers".to_owned(), None),
        };
        scene.changes.push(renamed);
        apply(&other, scene.changes).await;
        assert_eq!(seen(&fresh.store, "Weavers").await.0, Some((GroupId(9_001), 0)));
        assert_eq!(seen(&fresh.store, "Design Team").await.0, None);
        assert_eq!(seen(&fresh.store, "Designers").await.0, Some((DESIGN, 0)));
    }
}

/// Statements that no rule made, and that may say anything.
#[tokio::test(flavor = "multi_thread")]
async fn statements_of_other_work_are_not_overlooked() {
    for fresh in stores().await {
        apply(&fresh.store, sample::organizations()).await;
        assert_eq!(seen(&fresh.store, "Design Team").await.0, Some((DESIGN, 0)));
        let rename = "UPDATE groups SET name = 'Designers', name_key = 'designers' WHERE grp = $1";
        let work = move |writer: &mut roster_store::Writer<'_>| writer.execute(rename, &[DESIGN.0.into()]);
        fresh.store.write(vec![ACME], work).await.unwrap();
        assert_eq!(seen(&fresh.store, "Design Team").await.0, None);
    }
}

/// A member from a directory that nobody trusts the organization with can be addressed from then on: a change of people that
/// changes what is in reach.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_from_elsewhere_brings_its_directory() {
    for fresh in stores().await {
        apply(&fresh.store, sample::organizations()).await;
        let mut scene = later();
        let bob = scene.account(STRANGER, ELSEWHERE, "bob@other.example");
        apply(&fresh.store, scene.changes).await;
        let mut scope = Scope {
            org: ACME,
            ..Scope::default()
        };
        scope.add_identifier("bob@other.example");
        let found = |set: roster_core::set::WorkingSet| {
            let accounts = set.accounts_by_email(&Key::new("bob@other.example")).unwrap();
            Decision {
                entries: Vec::new(),
                answer: accounts.map(|account| account.id).collect::<Vec<_>>(),
            }
        };
        assert_eq!(fresh.store.transact(scope.clone(), found).await.unwrap(), []);
        let joins = Change::MemberJoined {
            org: ACME,
            account: bob,
            seq: Seq(2_000),
        };
        apply(&fresh.store, vec![joins]).await;
        assert_eq!(fresh.store.transact(scope, found).await.unwrap(), [bob]);
    }
}

/// The writer's statements for a command like the one before: what hardly ever changes is not asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_load_asks_for_people_only() {
    for fresh in stores().await {
        apply(&fresh.store, sample::organizations()).await;
        let postgres = matches!(fresh.location, Location::Postgres(_));
        let work = |writer: &mut roster_store::Writer<'_>| {
            let mut scope = Scope {
                org: ACME,
                ..Scope::default()
            };
            scope.add_group_name("Design Team");
            scope.add_identifier("nobody@example.com");
            let before = writer.statements();
            writer.load_locked(&scope)?;
            Ok(writer.statements() - before)
        };
        // Each in a commit of its own.
        let first = fresh.store.write(vec![ACME], work).await.unwrap();
        let second = fresh.store.write(vec![ACME], work).await.unwrap();
        if postgres {
            assert_eq!(first, second, "several writers: each load reads all of it");
        } else {
            assert!(second < first, "{first} {second}");
        }
    }
}
