//! The primitives: who enters and leaves what. Everything that follows from an entry or a departure (profiles
//! reached by another route, groups that mirror this one elsewhere) is worked out here, once.

use super::Run;
use crate::change::Change;
use crate::org::{Group, GroupKind};
use crate::refusal::Refusal;
use crate::value::{AccountId, GroupId, OrgNo, Seq};

impl Run<'_> {
    /// The place the next event of an organization takes.
    pub(super) fn next_place(&self, org: OrgNo) -> Result<Seq, Refusal> {
        Ok(self.set.org(org)?.next)
    }

    /// Puts an account on an organization's Users list, if it is not there.
    pub(super) fn join_org(&mut self, org: OrgNo, account: AccountId) -> Result<(), Refusal> {
        if !self.set.is_member(org, account) {
            let seq = self.next_place(org)?;
            self.emit(Change::MemberJoined { org, account, seq });
        }
        Ok(())
    }

    /// Makes an account a direct member of a group, and of the groups that mirror it.
    pub(super) fn join_group(&mut self, group: GroupId, account: AccountId) -> Result<(), Refusal> {
        let org = self.set.group(group)?.org;
        if self.set.place_in(group, account).is_none() {
            let seq = self.next_place(org)?;
            let entered = self.profiles_behind(group)?;
            let entered = entered
                .into_iter()
                .filter(|profile| !self.set.reaches(account, *profile, None))
                .collect();
            self.emit(Change::Joined {
                org,
                group,
                account,
                seq,
                entered,
            });
        }
        for mirror in self.set.mirrors_of(group) {
            self.join_org(self.set.group(mirror)?.org, account)?;
            self.join_group(mirror, account)?;
        }
        Ok(())
    }

    /// Ends a direct membership, and those in the groups that mirror this one.
    pub(super) fn leave_group(&mut self, group: GroupId, account: AccountId) -> Result<(), Refusal> {
        let org = self.set.group(group)?.org;
        if let Some(seq) = self.set.place_in(group, account) {
            let left = self.profiles_behind(group)?;
            let left = left
                .into_iter()
                .filter(|profile| !self.set.reaches(account, *profile, Some(group)))
                .collect();
            self.emit(Change::Left {
                org,
                group,
                account,
                seq,
                left,
            });
        }
        for mirror in self.set.mirrors_of(group) {
            self.leave_group(mirror, account)?;
        }
        Ok(())
    }

    /// The profiles that membership of a group gives: itself, or those it is linked to.
    fn profiles_behind(&self, group: GroupId) -> Result<Vec<GroupId>, Refusal> {
        Ok(match self.set.group(group)?.kind {
            GroupKind::Profile(_) => vec![group],
            GroupKind::UserGroup => self.set.links_of(group).map(|(profile, _)| profile).collect(),
            _ => Vec::new(),
        })
    }

    /// Takes an account out of an organization: groups, profiles, roles, Users list.
    pub(super) fn leave_org(&mut self, org: OrgNo, account: AccountId) -> Result<(), Refusal> {
        for group in self.set.groups_of(org, account) {
            self.leave_group(group, account)?;
        }
        let place = self
            .set
            .memberships_of(account)
            .find(|(member_of, _)| *member_of == org);
        if let Some((_, seq)) = place {
            self.emit(Change::MemberLeft { org, account, seq });
        }
        Ok(())
    }

    /// Destroys an account everywhere. The caller has made sure that its directory is the organization's own.
    pub(super) fn delete_account(&mut self, account: AccountId) -> Result<(), Refusal> {
        if !self.set.scope().everywhere {
            return Err(Refusal::OutsideScope {
                what: format!("other organizations of account {account}"),
            });
        }
        let orgs: Vec<OrgNo> = self.set.memberships_of(account).map(|(org, _)| org).collect();
        for org in orgs {
            self.leave_org(org, account)?;
        }
        let account = self.set.account(account)?.clone();
        self.emit(Change::AccountDeleted(account));
        Ok(())
    }

    /// The admin or developer group of a kind; it is made when it is first needed.
    pub(super) fn role_group(&mut self, kind: GroupKind) -> Result<GroupId, Refusal> {
        let org = self.set.org_no();
        if let Some(group) = self.set.group_by_kind(org, kind) {
            return Ok(group.id);
        }
        let group = Group {
            id: self.seed.group_id(),
            org,
            kind,
            name: String::new(),
            description: None,
            source: None,
            profile: None,
            seq: self.next_place(org)?,
            direct: 0,
        };
        let id = group.id;
        self.emit(Change::GroupCreated(group));
        Ok(id)
    }
}
