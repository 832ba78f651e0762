//! Products, profiles, user groups, links and shares.

use super::compare::Compare;
use super::{Place, ProductDescription, UserGroupDescription};
use crate::change::{Change, Configured};
use crate::org::{Group, GroupKind, Product, ProfileData};
use crate::value::{GroupId, Key, OrgNo, ProductId, Seq, valid_group_name};

impl Compare {
    pub(super) fn product(&mut self, org: OrgNo, wanted: &ProductDescription) {
        let name_key = Key::new(&wanted.name);
        let known = self
            .now
            .products
            .iter()
            .find(|p| p.org == org && Key::new(&p.name) == name_key)
            .cloned();
        let product = match known {
            None => self.create_product(org, wanted),
            Some(known) => {
                let after = Product {
                    name: wanted.name.clone(),
                    code: wanted.code.clone(),
                    quota: wanted.quota,
                    ..known.clone()
                };
                let id = known.id;
                if after != known {
                    if let Some(now) = self.now.products.iter_mut().find(|product| product.id == id) {
                        now.clone_from(&after);
                    }
                    let line = format!(
                        "product `{}` changed (licences {})",
                        after.name,
                        quota(after.quota)
                    );
                    self.emit(
                        org,
                        Change::Configured(Configured::ProductUpdated(known, after)),
                        &line,
                    );
                }
                id
            }
        };
        for (n, profile) in wanted.profiles.iter().enumerate() {
            self.within(&[Place::Key("profiles"), Place::Index(n)], |run| {
                run.profile(org, product, &wanted.name, &profile.name, profile.quota);
            });
        }
    }

    fn create_product(&mut self, org: OrgNo, wanted: &ProductDescription) -> ProductId {
        let id = self.now.next_product;
        self.now.next_product = ProductId(id.0 + 1);
        let product = Product {
            id,
            public_id: self.seed.hex(20),
            org,
            code: wanted.code.clone(),
            name: wanted.name.clone(),
            quota: wanted.quota,
            seq: self.place(org),
        };
        self.now.products.push(product.clone());
        let line = format!(
            "product `{}` created (licences {})",
            wanted.name,
            quota(wanted.quota)
        );
        self.emit(
            org,
            Change::Configured(Configured::ProductCreated(product)),
            &line,
        );
        self.mark(org, "product", &[&wanted.name]);
        id
    }

    fn profile(
        &mut self,
        org: OrgNo,
        product: ProductId,
        product_name: &str,
        name: &str,
        seats: Option<i64>,
    ) {
        let known = self.group_by_name(org, name).cloned();
        match known {
            None => {
                if !self.check_group_name(name) {
                    return;
                }
                let data = ProfileData {
                    public_id: self.seed.hex(20),
                    quota: seats,
                };
                let group = self.new_group(org, GroupKind::Profile(product), name, None, Some(data));
                let id = group.id;
                self.add_group(group.clone());
                self.emit(
                    org,
                    Change::GroupCreated(group),
                    &format!(
                        "profile `{name}` of `{product_name}` created (seats {})",
                        quota(seats)
                    ),
                );
                // Its administrators' group has an id of its own from the start; the deprecated endpoints show it.
                let admins = self.new_group(org, GroupKind::ProfileAdmin(id), "", None, None);
                self.add_group(admins.clone());
                self.out.changes.push(Change::GroupCreated(admins));
                self.mark(org, "profile", &[name]);
            }
            Some(group) if group.kind == GroupKind::Profile(product) => {
                self.update_profile(&group, product, name, seats);
            }
            Some(group) => {
                let what = match group.kind {
                    GroupKind::Profile(_) => "a profile of another product",
                    _ => "a group",
                };
                self.wrong(
                    &[Place::Key("name")],
                    format!(
                        "`{name}` is the name of {what} already; groups and profiles share one name space"
                    ),
                );
            }
        }
    }

    fn update_profile(&mut self, group: &Group, product: ProductId, name: &str, seats: Option<i64>) {
        let (org, profile) = (group.org, group.id);
        if group.name != name {
            self.respell(group, name);
        }
        let before = group.profile.as_ref().and_then(|data| data.quota);
        if before != seats {
            if let Some(data) = self
                .now
                .groups
                .iter_mut()
                .find(|g| g.id == profile)
                .and_then(|g| g.profile.as_mut())
            {
                data.quota = seats;
            }
            let change = Change::Configured(Configured::ProfileQuotaSet {
                org,
                profile,
                product,
                before,
                after: seats,
            });
            self.emit(
                org,
                change,
                &format!("profile `{name}` now has {} seats", quota(seats)),
            );
        }
    }

    /// Names compare without letter case, so a new spelling is a rename.
    fn respell(&mut self, group: &Group, name: &str) {
        let before = (group.name.clone(), group.description.clone());
        let after = (name.to_owned(), group.description.clone());
        if let Some(now) = self.now.groups.iter_mut().find(|now| now.id == group.id) {
            name.clone_into(&mut now.name);
        }
        let change = Change::GroupUpdated {
            org: group.org,
            group: group.id,
            before,
            after,
        };
        self.emit(
            group.org,
            change,
            &format!("`{}` is now spelt `{name}`", group.name),
        );
    }

    pub(super) fn contract_admin(&mut self, org: OrgNo, name: &str) {
        if self.group_by_name(org, name).is_none() && self.check_group_name(name) {
            let group = self.new_group(org, GroupKind::ContractAdmin, name, None, None);
            self.add_group(group.clone());
            self.emit(
                org,
                Change::GroupCreated(group),
                &format!("contract admin group `{name}` created"),
            );
            self.mark(org, "contract_admin", &[name]);
        }
    }

    fn check_group_name(&mut self, name: &str) -> bool {
        let fine = valid_group_name(name);
        if !fine {
            let message = format!(
                "`{name}` cannot be a name: 1 to 255 characters, no control characters, not starting with `_`"
            );
            self.wrong(&[Place::Key("name")], message);
        }
        fine
    }

    pub(super) fn user_group(&mut self, org: OrgNo, wanted: &UserGroupDescription) {
        let Some(group) = self.find_or_create_user_group(org, wanted) else {
            return;
        };
        for (n, profile) in wanted.profiles.iter().enumerate() {
            self.within(&[Place::Key("profiles"), Place::Index(n)], |run| {
                run.link(org, group, &wanted.name, profile);
            });
        }
        for (n, id) in wanted.shared_with.iter().enumerate() {
            self.within(&[Place::Key("shared_with"), Place::Index(n)], |run| {
                run.share(org, group, &wanted.name, id);
            });
        }
    }

    fn find_or_create_user_group(&mut self, org: OrgNo, wanted: &UserGroupDescription) -> Option<GroupId> {
        let name = &wanted.name;
        let Some(known) = self.group_by_name(org, name).cloned() else {
            if !self.check_group_name(name) {
                return None;
            }
            let group = self.new_group(org, GroupKind::UserGroup, name, wanted.description.clone(), None);
            let id = group.id;
            self.add_group(group.clone());
            self.emit(
                org,
                Change::GroupCreated(group),
                &format!("user group `{name}` created"),
            );
            self.meet(org, "user_group", &[id.0], &[name], true);
            return Some(id);
        };
        if known.kind != GroupKind::UserGroup {
            self.wrong(
                &[Place::Key("name")],
                format!(
                    "`{name}` is the name of a profile already; groups and profiles share one name space"
                ),
            );
            return None;
        }
        self.meet(org, "user_group", &[known.id.0], &[name], false);
        let described = wanted.description.is_some() && wanted.description != known.description;
        if described && known.is_read_only() {
            self.wrong(
                &[Place::Key("description")],
                format!("`{name}` is shared by another organization, where its description is kept"),
            );
        } else if described {
            self.describe_anew(&known, wanted.description.as_ref());
        }
        Some(known.id)
    }

    /// Gives a group another description, wherever it is mirrored too, as the API does.
    fn describe_anew(&mut self, group: &Group, description: Option<&String>) {
        let mut changed = vec![group.clone()];
        let mirrors = self.now.groups.iter();
        changed.extend(mirrors.filter(|known| known.source == Some(group.id)).cloned());
        for group in changed {
            let change = Change::GroupUpdated {
                org: group.org,
                group: group.id,
                before: (group.name.clone(), group.description),
                after: (group.name.clone(), description.cloned()),
            };
            if let Some(now) = self.now.groups.iter_mut().find(|now| now.id == group.id) {
                now.description = description.cloned();
            }
            self.emit(
                group.org,
                change,
                &format!("user group `{}` described anew", group.name),
            );
        }
    }

    fn link(&mut self, org: OrgNo, group: GroupId, group_name: &str, profile: &str) {
        let found = self
            .group_by_name(org, profile)
            .filter(|g| matches!(g.kind, GroupKind::Profile(_)))
            .map(|g| g.id);
        let Some(id) = found else {
            self.wrong(
                &[],
                format!("there is no profile `{profile}` in this organization"),
            );
            return;
        };
        let known = self.now.links.get(&(group, id)).copied();
        let seq = known.unwrap_or_else(|| self.place(org));
        let numbers = [group.0, id.0, seq.0];
        self.meet(org, "link", &numbers, &[group_name, profile], known.is_none());
        if known.is_none() {
            self.now.links.insert((group, id), seq);
            self.emit(
                org,
                Change::Linked {
                    org,
                    group,
                    profile: id,
                    seq,
                },
                &format!("user group `{group_name}` linked to `{profile}`"),
            );
        }
    }

    fn share(&mut self, org: OrgNo, group: GroupId, group_name: &str, with: &str) {
        let Some(no) = self.org_by_id(with) else {
            self.wrong(
                &[],
                format!("there is no organization with id {with}, neither here nor in this file"),
            );
            return;
        };
        let mut groups = self.now.groups.iter();
        let known = groups.find(|known| known.org == no && known.source == Some(group));
        if let Some(mirror) = known.map(|known| known.id.0) {
            self.meet(org, "share", &[mirror], &[group_name, with], false);
            return;
        }
        let source = self.now.groups.iter().find(|known| known.id == group).cloned();
        if no == org || source.as_ref().is_some_and(Group::is_read_only) {
            self.wrong(
                &[],
                "a group is shared by the organization that owns it, with others".to_owned(),
            );
            return;
        }
        if self.group_by_name(no, group_name).is_some() {
            self.wrong(
                &[],
                format!("{with} has a group `{group_name}` of its own; rename one of them"),
            );
            return;
        }
        let description = source.as_ref().and_then(|source| source.description.clone());
        let mut mirror = self.new_group(no, GroupKind::UserGroup, group_name, description, None);
        mirror.source = Some(group);
        // The members come along, each at up to two places of the other organization.
        let members = source.map_or(0, |source| source.direct);
        if let Some(other) = self.now.orgs.iter_mut().find(|known| known.no == no) {
            other.next = Seq(other.next.0 + 2 * members);
        }
        let id = mirror.id.0;
        self.add_group(mirror.clone());
        self.emit(
            no,
            Change::GroupCreated(mirror),
            &format!("user group `{group_name}` shared in, read-only"),
        );
        self.meet(org, "share", &[id], &[group_name, with], true);
    }
}

fn quota(quota: Option<i64>) -> String {
    quota.map_or_else(|| "unlimited".to_owned(), |quota| quota.to_string())
}
