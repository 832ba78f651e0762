//! Removing what earlier descriptions brought in and these do not have any more.

use std::collections::BTreeSet;

use super::compare::{Compare, Wanted};
use super::{Description, Mark, Place, Removal};
use crate::change::{Change, Configured};
use crate::org::{Group, GroupKind};
use crate::value::{GroupId, Key, OrgNo, Seq};

/// In an order that leaves nothing hanging: shares and links, groups, profiles, products, trust, domains,
/// directories.
const ORDER: [&str; 12] = [
    "share_id",
    "link_id",
    "user_group_id",
    "share",
    "link",
    "user_group",
    "contract_admin",
    "profile",
    "product",
    "trust",
    "domain",
    "directory",
];

/// The list of a description that holds things of a kind of marks.
fn list(kind: &str) -> &'static str {
    match kind {
        "directory" | "domain" | "trust" => "directories",
        "product" | "profile" => "products",
        "contract_admin" => "contract_admins",
        _ => "user_groups",
    }
}

/// The list of a description that would hold what bears a mark: inside what is around it, where that is described.
fn place(run: &Compare, org: OrgNo, description: &Description, mark: &Mark) -> Vec<Place> {
    let outer = list(&mark.kind);
    let (first, _) = mark.key.split_once('\n').unwrap_or((&mark.key, ""));
    let group = |id: i64| run.now.groups.iter().find(|known| known.id.0 == id);
    let described_group = |group: &Group| {
        let named = |known: &super::UserGroupDescription| Key::new(&known.name) == group.key();
        description.user_groups.iter().position(named)
    };
    let described_directory = |name: &str| {
        let named = |known: &super::DirectoryDescription| Key::new(&known.name) == Key::new(name);
        description.directories.iter().position(named)
    };
    let found = match (mark.kind.as_str(), mark.numbers().as_slice()) {
        ("link_id", [id, _, _]) => group(*id).and_then(described_group).map(|n| (n, "profiles")),
        ("share_id", [mirror]) => {
            let source = group(*mirror).and_then(|mirror| group(mirror.source?.0));
            source.and_then(described_group).map(|n| (n, "shared_with"))
        }
        ("profile", _) => {
            let product = run
                .group_by_name(org, first)
                .and_then(|group| group.kind.product());
            let product = run.now.products.iter().find(|known| Some(known.id) == product);
            let described = product.and_then(|product| {
                let named =
                    |known: &super::ProductDescription| Key::new(&known.name) == Key::new(&product.name);
                description.products.iter().position(named)
            });
            described.map(|n| (n, "profiles"))
        }
        ("domain", _) => {
            let domain = run
                .now
                .domains
                .iter()
                .find(|known| known.org == org && known.name.as_str() == first);
            let of = |domain: &crate::org::Domain| {
                run.now
                    .directories
                    .iter()
                    .find(|known| known.id == domain.directory)
            };
            let directory = domain
                .and_then(of)
                .and_then(|directory| described_directory(&directory.name));
            directory.map(|n| (n, "domains"))
        }
        ("trust", _) => described_directory(first).map(|n| (n, "trustees")),
        _ => None,
    };
    match found {
        Some((n, inner)) => vec![Place::Key(outer), Place::Index(n), Place::Key(inner)],
        None => vec![Place::Key(outer)],
    }
}

/// Whether what bears a mark of this kind can be removed because a description is without it. The others are of things that
/// are never removed (`secret`), or were made by version 0.1.0 and may mean something else by now.
pub fn can_remove(kind: &str) -> bool {
    matches!(
        kind,
        "share_id"
            | "link_id"
            | "user_group_id"
            | "contract_admin"
            | "profile"
            | "product"
            | "trust"
            | "domain"
            | "directory"
            | "integration"
            | "role_id"
    )
}

/// Only organizations that are described are looked at, and only what bears a mark.
pub(super) fn prune(run: &mut Compare, descriptions: &[Description]) {
    let mut wanted = Wanted::new();
    for (org, description) in run.out.orgs.clone().into_iter().zip(descriptions) {
        wanted.entry(org).or_default().extend(marks(description));
    }
    let renewed: BTreeSet<&(OrgNo, Mark)> = run.out.unmarks.iter().collect();
    let stale: Vec<(OrgNo, Mark)> = run
        .now
        .described
        .iter()
        .filter(|marked| {
            wanted
                .get(&marked.0)
                .is_some_and(|wanted| !wanted.contains(&marked.1))
        })
        .filter(|marked| !run.met.contains(marked) && !renewed.contains(marked))
        .cloned()
        .collect();
    for kind in ORDER {
        for (org, mark) in stale.iter().filter(|(_, mark)| mark.kind == kind) {
            let before = run.out.removals.len();
            let at = run.out.orgs.iter().position(|other| other == org);
            let description = at.and_then(|at| descriptions.get(at));
            let list = description.map_or_else(Vec::new, |description| place(run, *org, description, mark));
            if remove(run, *org, mark) {
                run.out.unmarks.push((*org, mark.clone()));
            }
            for removal in run.out.removals.iter_mut().skip(before) {
                // A group that is shared goes elsewhere, too, but because of this description.
                removal.org = *org;
                removal.list.clone_from(&list);
            }
        }
    }
}

/// The marks by name of what a description has; those by number are found while comparing.
fn marks(description: &Description) -> Vec<Mark> {
    let mut marks = Vec::new();
    for directory in &description.directories {
        marks.push(Mark::new("directory", &[&directory.name]));
        marks.extend(
            directory
                .domains
                .iter()
                .map(|domain| Mark::new("domain", &[domain.name.as_str()])),
        );
        marks.extend(
            directory
                .trustees
                .iter()
                .map(|id| Mark::new("trust", &[&directory.name, id])),
        );
    }
    for product in &description.products {
        marks.push(Mark::new("product", &[&product.name]));
        marks.extend(
            product
                .profiles
                .iter()
                .map(|profile| Mark::new("profile", &[&profile.name])),
        );
    }
    marks.extend(
        description
            .contract_admins
            .iter()
            .map(|name| Mark::new("contract_admin", &[name])),
    );
    marks
}

/// Removes one thing; `false` when it has to stay (a directory or domain with accounts in it).
fn remove(run: &mut Compare, org: OrgNo, mark: &Mark) -> bool {
    let (first, second) = mark.key.split_once('\n').unwrap_or((&mark.key, ""));
    match (mark.kind.as_str(), mark.numbers().as_slice()) {
        ("share_id", [mirror]) => remove_share(run, org, GroupId(*mirror)),
        ("link_id", [group, profile, place]) => {
            remove_link(run, org, (GroupId(*group), GroupId(*profile)), Seq(*place));
        }
        ("user_group_id", [group]) => remove_user_group(run, org, GroupId(*group)),
        ("share" | "link" | "user_group", _) => return forget(run, org, mark, first, second),
        ("contract_admin", _) => remove_group(run, org, first, |kind| kind == GroupKind::ContractAdmin),
        ("profile", _) => remove_group(run, org, first, |kind| matches!(kind, GroupKind::Profile(_))),
        ("product", _) => remove_product(run, org, first),
        ("trust", _) => remove_trust(run, org, first, second),
        ("domain", _) => return remove_domain(run, org, first),
        ("directory", _) => return remove_directory(run, org, first),
        _ => {}
    }
    true
}

/// A mark by name, of version 0.1.0: what has the name now may be another thing, made through the API, so it stays,
/// and a line says so. The mark goes when nothing has the name any more.
fn forget(run: &mut Compare, org: OrgNo, mark: &Mark, first: &str, second: &str) -> bool {
    let group = run
        .group_by_name(org, first)
        .filter(|group| group.kind == GroupKind::UserGroup && group.source.is_none())
        .cloned();
    let Some(group) = group else { return true };
    let what = match mark.kind.as_str() {
        "user_group" => format!("user group `{}`", group.name),
        "link" => {
            let profile = run.group_by_name(org, second);
            let linked = profile.filter(|profile| run.now.links.contains_key(&(group.id, profile.id)));
            let Some(profile) = linked else { return true };
            format!("the link of user group `{}` to `{}`", group.name, profile.name)
        }
        _ => {
            let other = run.org_by_id(second);
            let mut mirrors = run
                .now
                .groups
                .iter()
                .filter(|known| known.source == Some(group.id));
            if !mirrors.any(|known| Some(known.org) == other) {
                return true;
            }
            format!("user group `{}`, shared with {second},", group.name)
        }
    };
    run.say(
        org,
        &format!(
            "{what} stays: version 0.1.0 noted the name only, and the API may have made another of that name since; \
             to have it removed, describe it once more and apply, then leave it out"
        ),
    );
    false
}

/// A change that takes something away, with a line about it.
fn take(run: &mut Compare, org: OrgNo, change: Change, line: &str) {
    run.emit(org, change, line);
    run.out.removals.push(Removal {
        org,
        list: Vec::new(),
        line: line.to_owned(),
    });
}

fn remove_share(run: &mut Compare, org: OrgNo, mirror: GroupId) {
    let found = run.now.groups.iter().find(|known| known.id == mirror).cloned();
    let Some(mirror) = found else { return };
    let owned = |known: &&Group| Some(known.id) == mirror.source && known.org == org;
    if run.now.groups.iter().any(|known| owned(&known)) {
        let line = format!("user group `{}` no longer shared in", mirror.name);
        delete_group(run, &mirror, &line);
    }
}

/// A link that was taken away and made anew since has another place.
fn remove_link(run: &mut Compare, org: OrgNo, (group, profile): (GroupId, GroupId), place: Seq) {
    if run.now.links.get(&(group, profile)) != Some(&place) {
        return;
    }
    run.now.links.remove(&(group, profile));
    let name = |id| {
        let found = run.now.groups.iter().find(|known| known.id == id);
        found.map(|known| known.name.clone()).unwrap_or_default()
    };
    let line = format!("user group `{}` unlinked from `{}`", name(group), name(profile));
    let change = Change::Unlinked {
        org,
        group,
        profile,
        seq: place,
    };
    take(run, org, change, &line);
}

/// The group that an earlier description made, whatever its name is by now.
fn remove_user_group(run: &mut Compare, org: OrgNo, id: GroupId) {
    let found = run
        .now
        .groups
        .iter()
        .find(|known| known.id == id && known.org == org);
    if let Some(group) = found.cloned() {
        delete_with_mirrors(run, &group);
    }
}

fn remove_group(run: &mut Compare, org: OrgNo, name: &str, fits: impl Fn(GroupKind) -> bool) {
    let Some(group) = run
        .group_by_name(org, name)
        .filter(|group| fits(group.kind))
        .cloned()
    else {
        return;
    };
    delete_with_mirrors(run, &group);
}

fn delete_with_mirrors(run: &mut Compare, group: &Group) {
    for mirror in run
        .now
        .groups
        .clone()
        .into_iter()
        .filter(|known| known.source == Some(group.id))
    {
        delete_group(
            run,
            &mirror,
            &format!("user group `{}` no longer shared in", mirror.name),
        );
    }
    delete_group(run, group, &format!("`{}` removed", group.name));
}

/// A group goes together with its admin and developer groups.
fn delete_group(run: &mut Compare, group: &Group, line: &str) {
    let roles: Vec<Group> = run
        .now
        .groups
        .iter()
        .filter(|known| known.kind.base() == Some(group.id))
        .cloned()
        .collect();
    for role in roles {
        run.now.groups.retain(|known| known.id != role.id);
        run.out.changes.push(Change::GroupDeleted(role));
    }
    run.now.groups.retain(|known| known.id != group.id);
    run.index_groups();
    run.now.links.retain(|(a, b), _| *a != group.id && *b != group.id);
    take(run, group.org, Change::GroupDeleted(group.clone()), line);
}

fn remove_product(run: &mut Compare, org: OrgNo, name: &str) {
    let key = Key::new(name);
    let Some(product) = run
        .now
        .products
        .iter()
        .find(|p| p.org == org && Key::new(&p.name) == key)
        .cloned()
    else {
        return;
    };
    let of_product: Vec<Group> = run
        .now
        .groups
        .iter()
        .filter(|g| g.kind.product() == Some(product.id))
        .cloned()
        .collect();
    for group in of_product {
        // The group of its administrators has no name of its own.
        let name = match group.kind {
            GroupKind::ProductAdmin(_) => &product.name,
            _ => &group.name,
        };
        let line = format!("`{}{name}` removed with its product", group.kind.prefix());
        delete_group(run, &group, &line);
    }
    run.now.products.retain(|known| known.id != product.id);
    let line = format!("product `{}` removed", product.name);
    take(
        run,
        org,
        Change::Configured(Configured::ProductDeleted(product)),
        &line,
    );
}

fn remove_trust(run: &mut Compare, org: OrgNo, directory: &str, trustee: &str) {
    let key = Key::new(directory);
    let Some(id) = run
        .now
        .directories
        .iter()
        .find(|d| d.org == org && Key::new(&d.name) == key)
        .map(|d| d.id)
    else {
        return;
    };
    let Some(no) = run.org_by_id(trustee) else { return };
    if run.now.trusts.remove(&(id, no)) {
        let change = Change::Configured(Configured::TrustRevoked {
            org,
            directory: id,
            trustee: no,
        });
        take(
            run,
            org,
            change,
            &format!("directory `{directory}` closed to {trustee}; who is a member there stays one"),
        );
    }
}

fn remove_domain(run: &mut Compare, org: OrgNo, name: &str) -> bool {
    let key = Key::new(name);
    let Some(domain) = run
        .now
        .domains
        .iter()
        .find(|d| d.org == org && d.name == key)
        .cloned()
    else {
        return true;
    };
    let users = run.users_of(&key);
    if users > 0 {
        let many = if users == 1 {
            "1 account uses it".to_owned()
        } else {
            format!("{users} accounts use it")
        };
        let line = format!(
            "domain {name} stays: {many}; to release it, delete these accounts or give them usernames and e-mails of \
             another domain first"
        );
        run.say(org, &line);
        return false;
    }
    run.now.domains.retain(|known| known.name != key);
    take(
        run,
        org,
        Change::Configured(Configured::DomainReleased(domain)),
        &format!("domain {name} released"),
    );
    true
}

fn remove_directory(run: &mut Compare, org: OrgNo, name: &str) -> bool {
    let key = Key::new(name);
    let Some(directory) = run
        .now
        .directories
        .iter()
        .find(|d| d.org == org && Key::new(&d.name) == key)
        .cloned()
    else {
        return true;
    };
    if run.now.inhabited.contains(&directory.id) {
        let line = format!("directory `{}` stays: there are accounts in it", directory.name);
        run.say(org, &line);
        return false;
    }
    run.now.directories.retain(|known| known.id != directory.id);
    let line = format!("directory `{}` removed", directory.name);
    take(
        run,
        org,
        Change::Configured(Configured::DirectoryDeleted(directory)),
        &line,
    );
    true
}
