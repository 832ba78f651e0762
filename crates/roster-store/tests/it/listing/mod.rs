//! Lists, as the API shows them.

mod groups;
mod model;
mod pages;
mod people;
mod profiles;
mod report;

use std::sync::atomic::{AtomicU64, Ordering};

use roster_core::change::{Change, Configured};
use roster_core::command::{
    Action, Command, CreateUser, GroupEntry, GroupList, GroupMembers, GroupSelection, OnConflict, Target,
};
use roster_core::decide::{Env, Mode, Rules, decide_batch};
use roster_core::scope::Scope;
use roster_core::value::{GroupId, IdentityType, OrgNo, ProductId, Seed};
use roster_store::listing::Rows;
use roster_store::{Decision, DomainFilter, Position, Store, UserList, UsersQuery};
use roster_testkit::{sample, world::World};

use crate::support::{Fresh, apply, entry, stores};

/// The three sample organizations on every engine, each with the memory that it is compared with.
pub(crate) async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for fresh in stores().await {
        apply(&fresh.store, sample::organizations()).await;
        scenes.push(Scene::of(fresh));
    }
    scenes
}

/// A store and the memory that says what it should hold.
pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) world: World,
    turn: AtomicU64,
    _fresh: Fresh,
}

impl Scene {
    /// A store that has the sample organizations.
    pub(crate) fn of(fresh: Fresh) -> Self {
        Self {
            store: fresh.store.clone(),
            world: World::of(&sample::organizations()),
            turn: AtomicU64::new(1),
            _fresh: fresh,
        }
    }

    /// Lets commands happen; whatever is refused stays undone.
    pub(crate) async fn act(&mut self, org: OrgNo, batch: Vec<Command>) -> usize {
        let env = Env {
            seed: Seed::new(u128::from(self.turn.fetch_add(1, Ordering::Relaxed))),
            mode: Mode::Live,
            rules: Rules::default(),
        };
        let refused = self.world.run(org, &batch, &env);
        let scope = Scope::of(org, &batch);
        let decide = move |set| {
            let outcomes = decide_batch(set, &batch, &env);
            let entries = outcomes.into_iter().map(|outcome| entry(outcome.changes));
            Decision {
                entries: entries.collect(),
                answer: (),
            }
        };
        self.store.transact(scope, decide).await.unwrap();
        refused.iter().map(|outcome| outcome.refusals.len()).sum()
    }

    /// Lets commands of Acme happen, none of which may be refused.
    pub(crate) async fn run(&mut self, batch: Vec<Command>) {
        let what = format!("{batch:?}");
        assert_eq!(self.act(sample::ACME, batch).await, 0, "{what}");
    }

    /// Lets a change of the console happen.
    pub(crate) async fn configure(&mut self, change: Configured) {
        let change = Change::Configured(change);
        self.world.apply(&change);
        apply(&self.store, vec![change]).await;
    }

    /// Sets a profile's quota.
    pub(crate) async fn set_quota(&mut self, profile: GroupId, product: ProductId, after: Option<i64>) {
        let before = self.world.groups[&profile].profile.as_ref().unwrap().quota;
        let change = Configured::ProfileQuotaSet {
            org: sample::ACME,
            profile,
            product,
            before,
            after,
        };
        self.configure(change).await;
    }

    /// The people of a list: e-mails and groups.
    pub(crate) async fn list(&self, query: &UsersQuery) -> Vec<Shown> {
        self.page(query, Position::START, None, u64::MAX >> 2).await.0
    }

    /// A part of a list.
    pub(crate) async fn page(
        &self,
        query: &UsersQuery,
        from: Position,
        until: Option<Position>,
        limit: u64,
    ) -> (Vec<Shown>, Rows) {
        let query = query.clone();
        let read = self.store.read(move |reader| {
            let mut shown = Vec::new();
            let rows = reader.users(&query, from, until, limit, &mut |row| shown.push(Shown::of(row)))?;
            assert_eq!(rows.count, shown.len() as u64);
            Ok((shown, rows))
        });
        read.await.unwrap()
    }

    pub(crate) async fn count(&self, query: &UsersQuery) -> u64 {
        let query = query.clone();
        let count = self.store.read(move |reader| reader.count_users(&query));
        count.await.unwrap()
    }

    pub(crate) async fn starts(&self, query: &UsersQuery, size: u64) -> Vec<Position> {
        let query = query.clone();
        let starts = self
            .store
            .read(move |reader| reader.user_page_starts(&query, size));
        starts.await.unwrap()
    }

    pub(crate) async fn halfway(
        &self,
        query: &UsersQuery,
        from: Position,
        until: Position,
    ) -> Option<Position> {
        let query = query.clone();
        let middle = self
            .store
            .read(move |reader| reader.users_halfway(&query, from, until));
        middle.await.unwrap()
    }

    /// The e-mails of a list, which its count has to agree with.
    pub(crate) async fn emails(&self, query: &UsersQuery) -> Vec<String> {
        let shown = self.list(query).await;
        assert_eq!(self.count(query).await, shown.len() as u64, "{query:?}");
        shown.into_iter().map(|shown| shown.email).collect()
    }
}

/// What is looked at of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) email: String,
    pub(crate) groups: Vec<String>,
}

impl Shown {
    pub(crate) fn of(row: &roster_core::listing::UserRow<'_>) -> Self {
        Self {
            email: row.email.to_owned(),
            groups: row.groups.iter().map(|label| label.full_name()).collect(),
        }
    }
}

/// Everybody in the organization, with groups.
pub(crate) fn everybody() -> UsersQuery {
    UsersQuery {
        org: sample::ACME,
        list: UserList::Org,
        domain: None,
        direct_only: true,
        groups: true,
    }
}

/// The members of a group.
pub(crate) fn members_of(group: GroupId) -> UsersQuery {
    UsersQuery {
        list: UserList::Group(group),
        ..everybody()
    }
}

/// The members of a profile.
pub(crate) fn profile(group: GroupId, licence: Option<bool>, direct_only: bool) -> UsersQuery {
    UsersQuery {
        list: UserList::Profile { group, licence },
        direct_only,
        ..everybody()
    }
}

pub(crate) fn in_domain(query: UsersQuery, name: &str) -> UsersQuery {
    let mut query = query;
    query.domain = Some(DomainFilter::Domain(roster_core::value::Key::new(name)));
    query
}

pub(crate) fn user(email: &str, steps: Vec<Action>) -> Command {
    Command {
        target: Target::User {
            user: email.to_owned(),
            domain: None,
            use_adobe_id: false,
        },
        steps: steps.into_iter().map(Into::into).collect(),
    }
}

pub(crate) fn create(kind: IdentityType, email: &str) -> Action {
    Action::CreateUser(CreateUser {
        kind,
        email: email.to_owned(),
        country: Some("DE".to_owned()),
        firstname: Some("First".to_owned()),
        lastname: None,
        on_conflict: OnConflict::Refuse,
    })
}

fn selection(groups: &[&str]) -> GroupSelection {
    let entry = |name: &&str| GroupEntry {
        name: (*name).to_owned(),
        list: GroupList::Any,
    };
    GroupSelection::Named(groups.iter().map(entry).collect())
}

pub(crate) fn join(groups: &[&str]) -> Action {
    Action::JoinGroups(selection(groups))
}

pub(crate) fn leave(groups: &[&str]) -> Action {
    Action::LeaveGroups(selection(groups))
}

/// A new federated person in some groups.
pub(crate) fn person(email: &str, groups: &[&str]) -> Command {
    let mut steps = vec![create(IdentityType::Federated, email)];
    if !groups.is_empty() {
        steps.push(join(groups));
    }
    user(email, steps)
}

pub(crate) fn group(name: &str, action: Action) -> Command {
    Command {
        target: Target::UserGroup {
            name: name.to_owned(),
        },
        steps: vec![action.into()],
    }
}

pub(crate) fn profiles(names: &[&str]) -> GroupMembers {
    GroupMembers::Named {
        users: Vec::new(),
        profiles: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Links a user group to profiles.
pub(crate) fn link(name: &str, names: &[&str]) -> Command {
    group(name, Action::AddToGroup(profiles(names)))
}

/// Unlinks it.
pub(crate) fn unlink(name: &str, names: &[&str]) -> Command {
    group(name, Action::RemoveFromGroup(profiles(names)))
}
