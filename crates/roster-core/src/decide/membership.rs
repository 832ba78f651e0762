//! `add`, `remove`, `addRoles`, `removeRoles` of a person (umapi.md 5.6, 5.8).

use super::{Refusals, Run, one};
use crate::command::{GroupEntry, GroupList, GroupSelection, Role};
use crate::org::GroupKind;
use crate::refusal::Refusal;
use crate::value::{AccountId, AdminRole, GroupId, GroupName, Key, ReservedName};

/// What a name in a list stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// A user group or profile.
    Group(GroupId),
    /// An admin or developer group, which may not have been needed before.
    Role(GroupKind),
}

impl Run<'_> {
    pub(super) fn join_groups(
        &mut self,
        user: &str,
        account: Option<AccountId>,
        selection: &GroupSelection,
    ) -> Result<(), Refusals> {
        let account = self.needed(user, account).map_err(one)?;
        let found = match selection {
            GroupSelection::All => self.all_joinable(),
            GroupSelection::Named(entries) => {
                self.resolve(entries, |name| Refusal::ReadOnlyAddUser { name })?
            }
        };
        self.join_found(account, found).map_err(one)
    }

    pub(super) fn leave_groups(
        &mut self,
        user: &str,
        account: Option<AccountId>,
        selection: &GroupSelection,
    ) -> Result<(), Refusals> {
        let account = self.needed_member(user, account).map_err(one)?;
        match selection {
            GroupSelection::All => match account {
                Some(account) => self.leave_all(account).map_err(one),
                None => Ok(()),
            },
            GroupSelection::Named(entries) => {
                let found = self.resolve(entries, |name| Refusal::ReadOnlyRemoveUser { name })?;
                self.leave_found(account, found).map_err(one)
            }
        }
    }

    pub(super) fn add_roles(
        &mut self,
        user: &str,
        account: Option<AccountId>,
        roles: &[Role],
    ) -> Result<(), Refusals> {
        let account = self.needed(user, account).map_err(one)?;
        let found = self.resolve_roles(roles)?;
        self.join_found(account, found).map_err(one)
    }

    pub(super) fn remove_roles(
        &mut self,
        user: &str,
        account: Option<AccountId>,
        roles: &[Role],
    ) -> Result<(), Refusals> {
        let account = self.needed_member(user, account).map_err(one)?;
        let found = self.resolve_roles(roles)?;
        self.leave_found(account, found).map_err(one)
    }

    fn join_found(&mut self, account: Option<AccountId>, found: Vec<Found>) -> Result<(), Refusal> {
        let Some(account) = account else { return Ok(()) };
        self.join_org(self.set.org_no(), account)?;
        for found in found {
            let group = match found {
                Found::Group(group) => group,
                Found::Role(kind) => self.role_group(kind)?,
            };
            self.join_group(group, account)?;
        }
        Ok(())
    }

    fn leave_found(&mut self, account: Option<AccountId>, found: Vec<Found>) -> Result<(), Refusal> {
        let Some(account) = account else { return Ok(()) };
        for found in found {
            let group = match found {
                Found::Group(group) => Some(group),
                Found::Role(kind) => self
                    .set
                    .group_by_kind(self.set.org_no(), kind)
                    .map(|group| group.id),
            };
            if let Some(group) = group {
                self.leave_group(group, account)?;
            }
        }
        Ok(())
    }

    /// `remove: "all"`: everything but what no step may touch and what another organization owns.
    fn leave_all(&mut self, account: AccountId) -> Result<(), Refusal> {
        for id in self.set.groups_of(self.set.org_no(), account) {
            let group = self.set.group(id)?;
            if !group.kind.is_out_of_reach() && !group.is_read_only() {
                self.leave_group(id, account)?;
            }
        }
        Ok(())
    }

    /// `add: "all"`: every own user group and every profile, in the order of creation.
    fn all_joinable(&self) -> Vec<Found> {
        let org = self.set.org_no();
        let wanted = |kind| matches!(kind, GroupKind::UserGroup | GroupKind::Profile(_));
        let mut groups: Vec<_> = self
            .set
            .groups()
            .filter(|g| g.org == org && wanted(g.kind) && !g.is_read_only())
            .collect();
        groups.sort_unstable_by_key(|group| group.seq);
        groups.into_iter().map(|group| Found::Group(group.id)).collect()
    }

    /// Resolves all names of a step, or says which it cannot: first every name that is unknown, then the first
    /// that is forbidden or read-only.
    fn resolve(
        &self,
        entries: &[GroupEntry],
        read_only: impl Fn(String) -> Refusal,
    ) -> Result<Vec<Found>, Refusals> {
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        let mut forbidden = None;
        for entry in entries {
            match self.find(entry) {
                Ok(Found::Group(id)) if self.set.group(id).map_err(one)?.is_read_only() => {
                    let name = self.set.group(id).map_err(one)?.name.clone();
                    forbidden.get_or_insert_with(|| read_only(name));
                }
                Ok(group) if found.contains(&group) => {}
                Ok(group) => found.push(group),
                Err(refusal @ Refusal::GroupNotFound { .. }) => unknown.push(refusal),
                Err(refusal) => {
                    forbidden.get_or_insert(refusal);
                }
            }
        }
        settle(found, unknown, forbidden)
    }

    fn resolve_roles(&self, roles: &[Role]) -> Result<Vec<Found>, Refusals> {
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        let mut forbidden = None;
        for role in roles {
            match self.find_role(role) {
                Ok(group) if found.contains(&group) => {}
                Ok(group) => found.push(group),
                Err(refusal @ (Refusal::GroupNotFound { .. } | Refusal::ProductNotFound { .. })) => {
                    unknown.push(refusal);
                }
                Err(refusal) => {
                    forbidden.get_or_insert(refusal);
                }
            }
        }
        settle(found, unknown, forbidden)
    }

    fn find(&self, entry: &GroupEntry) -> Result<Found, Refusal> {
        let unknown = || Refusal::GroupNotFound {
            name: entry.name.clone(),
        };
        match GroupName::parse(&entry.name) {
            GroupName::Plain(key) => {
                let group = self
                    .set
                    .group_by_name(self.set.org_no(), &key)?
                    .ok_or_else(unknown)?;
                match (group.kind, entry.list) {
                    (GroupKind::UserGroup, GroupList::Any | GroupList::UserGroups)
                    | (GroupKind::Profile(_), GroupList::Any | GroupList::Profiles) => {
                        Ok(Found::Group(group.id))
                    }
                    (GroupKind::ContractAdmin, GroupList::Any) => Err(Refusal::GroupCannotBeUsed {
                        name: entry.name.clone(),
                    }),
                    _ => Err(unknown()),
                }
            }
            GroupName::Reserved(_) if entry.list != GroupList::Any => Err(unknown()),
            GroupName::Reserved(reserved) => self.find_reserved(&entry.name, &reserved),
        }
    }

    fn find_reserved(&self, name: &str, reserved: &ReservedName) -> Result<Found, Refusal> {
        match reserved {
            ReservedName::SystemAdmin | ReservedName::Compartment => Err(Refusal::GroupCannotBeUsed {
                name: name.to_owned(),
            }),
            ReservedName::SupportAdmin => Ok(Found::Role(GroupKind::SupportAdmin)),
            ReservedName::DeploymentAdmin => Ok(Found::Role(GroupKind::DeploymentAdmin)),
            ReservedName::Role(role, base) => {
                self.role_kind(*role, base)?
                    .map(Found::Role)
                    .ok_or_else(|| Refusal::GroupNotFound {
                        name: name.to_owned(),
                    })
            }
        }
    }

    /// The group kind that a role on a named user group, profile or product means, if there is such a base.
    pub(super) fn role_kind(&self, role: AdminRole, base: &Key) -> Result<Option<GroupKind>, Refusal> {
        if role == AdminRole::ProductAdmin {
            return Ok(self
                .set
                .product_by_name(base)?
                .map(|product| GroupKind::ProductAdmin(product.id)));
        }
        let base = self.set.group_by_name(self.set.org_no(), base)?;
        Ok(base.and_then(|base| match (role, base.kind) {
            (AdminRole::Admin, GroupKind::UserGroup) => Some(GroupKind::UserGroupAdmin(base.id)),
            (AdminRole::Admin, GroupKind::Profile(_)) => Some(GroupKind::ProfileAdmin(base.id)),
            (AdminRole::Developer, GroupKind::Profile(_)) => Some(GroupKind::Developer(base.id)),
            _ => None,
        }))
    }

    fn find_role(&self, role: &Role) -> Result<Found, Refusal> {
        match role {
            Role::ProductAdmin(name) => self
                .role_kind(AdminRole::ProductAdmin, &Key::new(name))?
                .map(Found::Role)
                .ok_or_else(|| Refusal::ProductNotFound { name: name.clone() }),
            Role::Admin(name) => match Key::new(name).as_str() {
                "deployment" => Ok(Found::Role(GroupKind::DeploymentAdmin)),
                "support" => Ok(Found::Role(GroupKind::SupportAdmin)),
                "org" => Err(Refusal::GroupCannotBeUsed {
                    name: GroupKind::SystemAdmin.prefix().to_owned(),
                }),
                _ => self
                    .role_kind(AdminRole::Admin, &Key::new(name))?
                    .map(Found::Role)
                    .ok_or_else(|| Refusal::GroupNotFound { name: name.clone() }),
            },
        }
    }
}

fn settle(found: Vec<Found>, unknown: Refusals, forbidden: Option<Refusal>) -> Result<Vec<Found>, Refusals> {
    match (unknown.is_empty(), forbidden) {
        (false, _) => Err(unknown),
        (true, Some(refusal)) => Err(one(refusal)),
        (true, None) => Ok(found),
    }
}
