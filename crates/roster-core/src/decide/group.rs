//! User-group commands (umapi.md 6).

use super::{Mode, Refusals, Run, Subject, one};
use crate::change::Change;
use crate::command::{Action, GroupMembers, OnConflict};
use crate::org::{Group, GroupKind};
use crate::refusal::Refusal;
use crate::value::{AccountId, GroupId, GroupName, Key, ReservedName, valid_group_name};

/// What a group command is bound to; a rename does not change it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    /// A user group, own or shared into the organization.
    UserGroup(GroupId),
    /// An assignable admin or developer group, which may not have been needed before.
    Role(GroupKind),
}

impl Run<'_> {
    pub(super) fn group_step(
        &mut self,
        name: &str,
        action: &Action,
        subject: Subject,
    ) -> Result<Subject, Refusals> {
        if let Action::CreateGroup {
            description,
            on_conflict,
        } = action
        {
            let group = self
                .create_group(name, description.as_deref(), *on_conflict)
                .map_err(one)?;
            return Ok(Subject::Group(Bound::UserGroup(group)));
        }
        let bound = match subject {
            Subject::Group(bound) => bound,
            _ => self.bind(name).map_err(one)?,
        };
        match action {
            Action::UpdateGroup { name, description } => {
                let group = user_group(bound).map_err(one)?;
                self.update_group(group, name.as_deref(), description.as_deref())
                    .map_err(one)?;
            }
            Action::DeleteGroup => {
                let group = user_group(bound).map_err(one)?;
                self.delete_group(group).map_err(one)?;
                return Ok(Subject::Gone);
            }
            Action::AddToGroup(members) => self.change_members(bound, members, true)?,
            Action::RemoveFromGroup(members) => self.change_members(bound, members, false)?,
            _ => return Err(one(Refusal::StepUnknown { step: action.name() })),
        }
        Ok(Subject::Group(bound))
    }

    /// What the root name of a group command means (umapi.md 6.1).
    fn bind(&self, name: &str) -> Result<Bound, Refusal> {
        let out_of_reach = || Refusal::GroupCannotBeUsed {
            name: name.to_owned(),
        };
        match GroupName::parse(name) {
            GroupName::Plain(key) => match self.set.group_by_name(self.set.org_no(), &key)? {
                Some(group) if group.kind == GroupKind::UserGroup => Ok(Bound::UserGroup(group.id)),
                Some(group) if group.kind == GroupKind::ContractAdmin => Err(out_of_reach()),
                _ => Err(Refusal::UserGroupNotFound),
            },
            GroupName::Reserved(reserved) => match reserved {
                ReservedName::SystemAdmin | ReservedName::Compartment => Err(out_of_reach()),
                ReservedName::SupportAdmin => Ok(Bound::Role(GroupKind::SupportAdmin)),
                ReservedName::DeploymentAdmin => Ok(Bound::Role(GroupKind::DeploymentAdmin)),
                ReservedName::Role(role, base) => self
                    .role_kind(role, &base)?
                    .map(Bound::Role)
                    .ok_or(Refusal::UserGroupNotFound),
            },
        }
    }

    fn create_group(
        &mut self,
        name: &str,
        description: Option<&str>,
        on_conflict: OnConflict,
    ) -> Result<GroupId, Refusal> {
        if !valid_group_name(name) {
            return Err(Refusal::InvalidGroupName {
                name: name.to_owned(),
            });
        }
        let org = self.set.org_no();
        if let Some(known) = self.set.group_by_name(org, &Key::new(name))? {
            if known.kind != GroupKind::UserGroup || on_conflict == OnConflict::Refuse {
                return Err(Refusal::UserGroupExists {
                    name: name.to_owned(),
                });
            }
            let id = known.id;
            if on_conflict == OnConflict::Update && description.is_some() {
                self.update_group(id, None, description)?;
            }
            return Ok(id);
        }
        let group = Group {
            id: self.seed.group_id(),
            org,
            kind: GroupKind::UserGroup,
            name: name.to_owned(),
            description: description.map(str::to_owned),
            source: None,
            profile: None,
            seq: self.next_place(org)?,
            direct: 0,
        };
        let id = group.id;
        self.emit(Change::GroupCreated(group));
        Ok(id)
    }

    fn update_group(
        &mut self,
        id: GroupId,
        name: Option<&str>,
        description: Option<&str>,
    ) -> Result<(), Refusal> {
        let group = self.set.group(id)?;
        let name = name.filter(|name| !name.is_empty());
        if name.is_none() && description.is_none() {
            return Ok(());
        }
        if group.is_read_only() {
            return Err(Refusal::ReadOnlyUpdate {
                name: group.name.clone(),
            });
        }
        let before = (group.name.clone(), group.description.clone());
        let mut after = before.clone();
        if let Some(name) = name {
            self.check_new_name(id, name)?;
            name.clone_into(&mut after.0);
        }
        if let Some(description) = description {
            after.1 = Some(description.to_owned()).filter(|text| !text.is_empty());
        }
        if after != before {
            self.write_group(id, &after)?;
        }
        Ok(())
    }

    /// A name has to be free in the group's organization and wherever the group is mirrored.
    fn check_new_name(&self, id: GroupId, name: &str) -> Result<(), Refusal> {
        if !valid_group_name(name) {
            return Err(Refusal::InvalidGroupName {
                name: name.to_owned(),
            });
        }
        let key = Key::new(name);
        for group in std::iter::once(id).chain(self.set.mirrors_of(id)) {
            let org = self.set.group(group)?.org;
            if self
                .set
                .group_by_name(org, &key)?
                .is_some_and(|known| known.id != group)
            {
                return Err(Refusal::UserGroupExists {
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn write_group(&mut self, id: GroupId, after: &(String, Option<String>)) -> Result<(), Refusal> {
        let group = self.set.group(id)?;
        let before = (group.name.clone(), group.description.clone());
        self.emit(Change::GroupUpdated {
            org: group.org,
            group: id,
            before,
            after: after.clone(),
        });
        for mirror in self.set.mirrors_of(id) {
            self.write_group(mirror, after)?;
        }
        Ok(())
    }

    fn delete_group(&mut self, id: GroupId) -> Result<(), Refusal> {
        let group = self.set.group(id)?;
        if group.is_read_only() {
            return Err(Refusal::ReadOnlyRemove {
                name: group.name.clone(),
            });
        }
        for mirror in self.set.mirrors_of(id) {
            self.drop_group(mirror)?;
        }
        self.drop_group(id)
    }

    /// Ends a user group together with its admin group.
    fn drop_group(&mut self, id: GroupId) -> Result<(), Refusal> {
        let group = self.set.group(id)?.clone();
        if let Some(admins) = self
            .set
            .group_by_kind(group.org, GroupKind::UserGroupAdmin(id))
            .cloned()
        {
            self.emit(Change::GroupDeleted(admins));
        }
        self.emit(Change::GroupDeleted(group));
        Ok(())
    }

    fn change_members(&mut self, bound: Bound, members: &GroupMembers, adding: bool) -> Result<(), Refusals> {
        let GroupMembers::Named { users, profiles } = members else {
            let group = user_group(bound).map_err(one)?;
            return self.change_all_links(group, adding).map_err(one);
        };
        let mut unknown = Vec::new();
        let accounts = self.resolve_users(users, &mut unknown).map_err(one)?;
        let linked = self.resolve_profiles(profiles, &mut unknown).map_err(one)?;
        if !unknown.is_empty() {
            return Err(unknown);
        }
        match bound {
            Bound::Role(_) if !profiles.is_empty() => Err(one(Refusal::UserGroupNotFound)),
            Bound::Role(kind) => self.change_role_members(kind, &accounts, adding).map_err(one),
            Bound::UserGroup(group) => {
                self.check_group_change(group, users, profiles, adding)
                    .map_err(one)?;
                self.change_group_members(group, &accounts, &linked, adding)
                    .map_err(one)
            }
        }
    }

    /// The accounts listed. Unless rehearsing, those missing are reported: as one refusal when all are.
    fn resolve_users(&self, users: &[String], unknown: &mut Refusals) -> Result<Vec<AccountId>, Refusal> {
        let mut accounts = Vec::new();
        let mut missing = Vec::new();
        for user in users {
            match self.by_email(user, false)? {
                Some(account) => accounts.push(account.id),
                None => missing.push(Refusal::UserNotFound { user: user.clone() }),
            }
        }
        if self.env.mode == Mode::Live && !missing.is_empty() {
            if accounts.is_empty() {
                unknown.push(Refusal::NoListedUserFound);
            } else {
                unknown.append(&mut missing);
            }
        }
        Ok(accounts)
    }

    fn resolve_profiles(&self, profiles: &[String], unknown: &mut Refusals) -> Result<Vec<GroupId>, Refusal> {
        let mut found = Vec::new();
        for name in profiles {
            // Only plain names can be profiles; the scope holds no others.
            let group = match GroupName::parse(name) {
                GroupName::Plain(key) => self.set.group_by_name(self.set.org_no(), &key)?,
                GroupName::Reserved(_) => None,
            };
            match group.filter(|group| matches!(group.kind, GroupKind::Profile(_))) {
                Some(group) if found.contains(&group.id) => {}
                Some(group) => found.push(group.id),
                None => unknown.push(Refusal::GroupNotFound { name: name.clone() }),
            }
        }
        Ok(found)
    }

    fn check_group_change(
        &self,
        group: GroupId,
        users: &[String],
        profiles: &[String],
        adding: bool,
    ) -> Result<(), Refusal> {
        let group = self.set.group(group)?;
        let name = group.name.clone();
        if group.is_read_only() && !users.is_empty() {
            return Err(if adding {
                Refusal::ReadOnlyAddUser { name }
            } else {
                Refusal::ReadOnlyRemoveUser { name }
            });
        }
        if adding && !profiles.is_empty() && group.direct > self.env.rules.max_linked_members {
            return Err(Refusal::TooManyMembers { name });
        }
        Ok(())
    }

    fn change_role_members(
        &mut self,
        kind: GroupKind,
        accounts: &[AccountId],
        adding: bool,
    ) -> Result<(), Refusal> {
        let org = self.set.org_no();
        let known = self.set.group_by_kind(org, kind).map(|group| group.id);
        let group = match known {
            Some(group) => group,
            None if !adding || accounts.is_empty() => return Ok(()),
            None => self.role_group(kind)?,
        };
        self.change_group_members(group, accounts, &[], adding)
    }

    fn change_group_members(
        &mut self,
        group: GroupId,
        accounts: &[AccountId],
        profiles: &[GroupId],
        adding: bool,
    ) -> Result<(), Refusal> {
        let org = self.set.org_no();
        for account in accounts {
            if adding {
                self.join_org(org, *account)?;
                self.join_group(group, *account)?;
            } else {
                self.leave_group(group, *account)?;
            }
        }
        for profile in profiles {
            self.change_link(group, *profile, adding)?;
        }
        Ok(())
    }

    /// `add: "all"` and `remove: "all"` of a group command: every profile; people stay as they are.
    fn change_all_links(&mut self, group: GroupId, adding: bool) -> Result<(), Refusal> {
        let org = self.set.org_no();
        let mut profiles: Vec<_> = if adding {
            let own = self
                .set
                .groups()
                .filter(|g| g.org == org && matches!(g.kind, GroupKind::Profile(_)));
            own.map(|profile| (profile.seq, profile.id)).collect()
        } else {
            self.set
                .links_of(group)
                .map(|(profile, seq)| (seq, profile))
                .collect()
        };
        profiles.sort_unstable();
        let known = self.set.group(group)?;
        if adding && !profiles.is_empty() && known.direct > self.env.rules.max_linked_members {
            return Err(Refusal::TooManyMembers {
                name: known.name.clone(),
            });
        }
        for (_, profile) in profiles {
            self.change_link(group, profile, adding)?;
        }
        Ok(())
    }

    fn change_link(&mut self, group: GroupId, profile: GroupId, adding: bool) -> Result<(), Refusal> {
        let org = self.set.org_no();
        match (self.set.link(group, profile), adding) {
            (None, true) => {
                let seq = self.next_place(org)?;
                self.emit(Change::Linked {
                    org,
                    group,
                    profile,
                    seq,
                });
            }
            (Some(seq), false) => self.emit(Change::Unlinked {
                org,
                group,
                profile,
                seq,
            }),
            _ => {}
        }
        Ok(())
    }
}

/// Only user groups can be renamed, described, deleted and linked.
fn user_group(bound: Bound) -> Result<GroupId, Refusal> {
    match bound {
        Bound::UserGroup(group) => Ok(group),
        Bound::Role(_) => Err(Refusal::UserGroupNotFound),
    }
}
