//! Removing what earlier descriptions brought in and these do not have any more.

use super::compare::{Compare, Wanted};
use super::{Description, Mark};
use crate::change::{Change, Configured};
use crate::org::{Group, GroupKind};
use crate::value::{Key, OrgNo};

/// In an order that leaves nothing hanging: shares and links, groups, profiles, products, trust, domains,
/// directories.
const ORDER: [&str; 9] = [
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

/// Only organizations that are described are looked at, and only what bears a mark.
pub(super) fn prune(run: &mut Compare, descriptions: &[Description]) {
    let mut wanted = Wanted::new();
    for (org, description) in run.out.orgs.clone().into_iter().zip(descriptions) {
        wanted.entry(org).or_default().extend(marks(description));
    }
    let stale: Vec<(OrgNo, Mark)> = run
        .now
        .described
        .iter()
        .filter(|(org, mark)| wanted.get(org).is_some_and(|wanted| !wanted.contains(mark)))
        .cloned()
        .collect();
    for kind in ORDER {
        for (org, mark) in stale.iter().filter(|(_, mark)| mark.kind == kind) {
            if remove(run, *org, mark) {
                run.out.unmarks.push((*org, mark.clone()));
            }
        }
    }
}

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
    for group in &description.user_groups {
        marks.push(Mark::new("user_group", &[&group.name]));
        marks.extend(
            group
                .profiles
                .iter()
                .map(|profile| Mark::new("link", &[&group.name, profile])),
        );
        marks.extend(
            group
                .shared_with
                .iter()
                .map(|id| Mark::new("share", &[&group.name, id])),
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

/// Removes one thing; `false` when it has to stay (a directory with accounts in it).
fn remove(run: &mut Compare, org: OrgNo, mark: &Mark) -> bool {
    let (first, second) = mark.key.split_once('\n').unwrap_or((&mark.key, ""));
    match mark.kind.as_str() {
        "share" => remove_share(run, org, first, second),
        "link" => remove_link(run, org, first, second),
        "user_group" => remove_group(run, org, first, |kind| kind == GroupKind::UserGroup),
        "contract_admin" => remove_group(run, org, first, |kind| kind == GroupKind::ContractAdmin),
        "profile" => remove_group(run, org, first, |kind| matches!(kind, GroupKind::Profile(_))),
        "product" => remove_product(run, org, first),
        "trust" => remove_trust(run, org, first, second),
        "domain" => remove_domain(run, org, first),
        "directory" => return remove_directory(run, org, first),
        _ => {}
    }
    true
}

fn remove_share(run: &mut Compare, org: OrgNo, group: &str, with: &str) {
    let Some(source) = run.group_by_name(org, group).map(|group| group.id) else {
        return;
    };
    let Some(other) = run.org_by_id(with) else { return };
    let mirror = run
        .now
        .groups
        .iter()
        .find(|known| known.org == other && known.source == Some(source))
        .cloned();
    if let Some(mirror) = mirror {
        delete_group(
            run,
            &mirror,
            &format!("user group `{}` no longer shared in", mirror.name),
        );
    }
}

fn remove_link(run: &mut Compare, org: OrgNo, group: &str, profile: &str) {
    let ids = (
        run.group_by_name(org, group).map(|g| g.id),
        run.group_by_name(org, profile).map(|g| g.id),
    );
    let (Some(group_id), Some(profile_id)) = ids else {
        return;
    };
    if let Some(seq) = run.now.links.remove(&(group_id, profile_id)) {
        let change = Change::Unlinked {
            org,
            group: group_id,
            profile: profile_id,
            seq,
        };
        run.emit(
            org,
            change,
            &format!("user group `{group}` unlinked from `{profile}`"),
        );
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
    delete_group(run, &group, &format!("`{}` removed", group.name));
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
    run.emit(group.org, Change::GroupDeleted(group.clone()), line);
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
        delete_group(
            run,
            &group,
            &format!("`{}{}` removed with its product", group.kind.prefix(), group.name),
        );
    }
    run.now.products.retain(|known| known.id != product.id);
    let line = format!("product `{}` removed", product.name);
    run.emit(
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
        run.emit(
            org,
            change,
            &format!("directory `{directory}` closed to {trustee}; who is a member there stays one"),
        );
    }
}

fn remove_domain(run: &mut Compare, org: OrgNo, name: &str) {
    let key = Key::new(name);
    let Some(domain) = run
        .now
        .domains
        .iter()
        .find(|d| d.org == org && d.name == key)
        .cloned()
    else {
        return;
    };
    run.now.domains.retain(|known| known.name != key);
    run.emit(
        org,
        Change::Configured(Configured::DomainReleased(domain)),
        &format!("domain {name} released"),
    );
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
        run.out.lines.push(format!(
            "directory `{}` stays: there are accounts in it",
            directory.name
        ));
        return false;
    }
    run.now.directories.retain(|known| known.id != directory.id);
    let line = format!("directory `{}` removed", directory.name);
    run.emit(
        org,
        Change::Configured(Configured::DirectoryDeleted(directory)),
        &line,
    );
    true
}
