//! What lists should say, worked out from the memory one person at a time.

use std::collections::BTreeMap;

use roster_core::org::GroupKind;
use roster_core::value::{AccountId, GroupId, OrgNo, Status};
use roster_testkit::world::World;

use super::Shown;

/// Where somebody came to a profile: the place, then the order in a group that was linked.
type Came = (i64, i64);

fn came(world: &World, profile: GroupId) -> BTreeMap<AccountId, Came> {
    let mut came: BTreeMap<AccountId, Came> = BTreeMap::new();
    let mut note = |account: AccountId, at: Came| {
        let first = came.entry(account).or_insert(at);
        *first = at.min(*first);
    };
    for ((group, account), seq) in &world.joined {
        if *group == profile {
            note(*account, (seq.0, seq.0));
        } else if let Some(link) = world.links.get(&(*group, profile)) {
            note(*account, (seq.0.max(link.0), seq.0));
        }
    }
    came
}

fn email(world: &World, account: AccountId) -> String {
    world.accounts[&account].person.email.clone()
}

/// E-mails of a profile's members by any route, in the order in which they came.
pub(crate) fn profile_members(world: &World, profile: GroupId) -> Vec<String> {
    let mut members: Vec<(Came, AccountId)> = came(world, profile)
        .into_iter()
        .map(|(account, at)| (at, account))
        .collect();
    members.sort_unstable();
    members
        .into_iter()
        .map(|(_, account)| email(world, account))
        .collect()
}

/// The direct members of a group.
pub(crate) fn members(world: &World, org: OrgNo, group: GroupId, direct_only: bool) -> Vec<Shown> {
    let mut members: Vec<(i64, AccountId)> = world
        .joined
        .iter()
        .filter(|((of, _), _)| *of == group)
        .map(|((_, account), seq)| (seq.0, *account))
        .collect();
    members.sort_unstable();
    let shown = |(_, account): (i64, AccountId)| show(world, org, account, direct_only);
    members.into_iter().map(shown).collect()
}

/// The active members of an organization.
pub(crate) fn everybody(world: &World, org: OrgNo, direct_only: bool) -> Vec<Shown> {
    let mut members: Vec<(i64, AccountId)> = world
        .members
        .iter()
        .filter(|((of, account), _)| *of == org && world.accounts[account].status == Status::Active)
        .map(|((_, account), seq)| (seq.0, *account))
        .collect();
    members.sort_unstable();
    let shown = |(_, account): (i64, AccountId)| show(world, org, account, direct_only);
    members.into_iter().map(shown).collect()
}

/// A person with the groups that are shown of them.
fn show(world: &World, org: OrgNo, account: AccountId, direct_only: bool) -> Shown {
    let mut groups: Vec<(u8, i64, GroupId)> = Vec::new();
    for ((group, who), seq) in &world.joined {
        let kind = world.groups[group].kind;
        if *who == account && world.groups[group].org == org && !matches!(kind, GroupKind::Profile(_)) {
            let class = if kind == GroupKind::UserGroup { 0 } else { 2 };
            groups.push((class, seq.0, *group));
        }
    }
    for profile in world
        .groups
        .values()
        .filter(|group| group.org == org && group.profile.is_some())
    {
        let at = if direct_only {
            world.joined.get(&(profile.id, account)).map(|seq| seq.0)
        } else {
            came(world, profile.id).get(&account).map(|at| at.0)
        };
        if let Some(at) = at {
            groups.push((1, at, profile.id));
        }
    }
    groups.sort();
    Shown {
        email: email(world, account),
        groups: groups
            .into_iter()
            .map(|(_, _, id)| full_name(world, id))
            .collect(),
    }
}

/// The full name of a group.
pub(crate) fn full_name(world: &World, group: GroupId) -> String {
    let group = &world.groups[&group];
    let base = match (group.kind.base(), group.kind) {
        (Some(base), _) => world.groups[&base].name.clone(),
        (None, GroupKind::ProductAdmin(product)) => world.products[&product].name.clone(),
        _ => group.name.clone(),
    };
    format!("{}{base}", group.kind.prefix())
}
