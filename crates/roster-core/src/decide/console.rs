//! What only the console may do: appoint administrators of any kind, and bar accounts (umapi.md 12).

use super::create::check_email;
use super::{Env, Run};
use crate::change::Change;
use crate::command::{CreateUser, GroupEntry, GroupList, GroupSelection, OnConflict};
use crate::org::GroupKind;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::set::WorkingSet;
use crate::value::{
    AccountId, DirectoryId, GroupId, GroupName, IdentityType, Key, OrgNo, ReservedName, Seq, Status,
    UNDEFINED_COUNTRY, domain_part,
};

/// An administrator to appoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    /// Who: an account of the directory that holds the e-mail's domain where the organization owns it,
    /// otherwise an Adobe ID; it is made when there is none.
    pub email: String,
    /// What: `system`, `support`, `deployment`, or the full name of an admin or developer group.
    pub roles: Vec<String>,
}

impl Appointment {
    /// What has to be loaded.
    pub fn scope(&self, org: OrgNo) -> Scope {
        let mut scope = Scope {
            org,
            ..Scope::default()
        };
        scope.add_identifier(&self.email);
        for role in &self.roles {
            scope.add_group_name(role);
        }
        scope
    }
}

/// Somebody who was appointed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointed {
    /// Who.
    pub account: AccountId,
    /// What that changes: nothing when it was so already.
    pub changes: Vec<Change>,
    /// The memberships that the roles are, in the order of the roles.
    pub held: Vec<(GroupId, Seq)>,
}

/// Appoints.
pub fn appoint(set: WorkingSet, appointment: &Appointment, env: &Env) -> Result<Appointed, Vec<Refusal>> {
    let mut run = Run {
        set,
        env,
        seed: env.seed.derive(0),
        changes: Vec::new(),
    };
    let one = |refusal| vec![refusal];
    let account = run.administrator(&appointment.email).map_err(one)?;
    let mut named = Vec::new();
    for role in &appointment.roles {
        let Some(kind) = org_wide(role) else {
            named.push(GroupEntry {
                name: role.clone(),
                list: GroupList::Any,
            });
            continue;
        };
        let group = run.role_group(kind).map_err(one)?;
        run.join_group(group, account).map_err(one)?;
    }
    run.join_groups(&appointment.email, Some(account), &GroupSelection::Named(named))?;
    let mut held = Vec::new();
    for role in &appointment.roles {
        if let Some(group) = run.group_of_role(role).map_err(one)? {
            held.extend(run.set.place_in(group, account).map(|place| (group, place)));
        }
    }
    Ok(Appointed {
        account,
        changes: run.changes,
        held,
    })
}

/// Takes a role away from somebody, and nothing else; changes nothing when they do not have it. Also the system
/// administrators' role, which no step of the API can touch.
pub fn dismiss(
    set: WorkingSet,
    account: AccountId,
    role: GroupId,
    env: &Env,
) -> Result<Vec<Change>, Refusal> {
    let mut run = Run {
        set,
        env,
        seed: env.seed.derive(0),
        changes: Vec::new(),
    };
    run.leave_group(role, account)?;
    Ok(run.changes)
}

/// The org-wide role that a word names.
fn org_wide(role: &str) -> Option<GroupKind> {
    match Key::new(role).as_str() {
        "system" | "_org_admin" => Some(GroupKind::SystemAdmin),
        "support" | "_support_admin" => Some(GroupKind::SupportAdmin),
        "deployment" | "_deployment_admin" => Some(GroupKind::DeploymentAdmin),
        _ => None,
    }
}

/// Sets the status of an account that a member's e-mail names. `None` when it had it already.
pub fn set_status(
    set: WorkingSet,
    email: &str,
    status: Status,
    env: &Env,
) -> Result<Option<Change>, Refusal> {
    let run = Run {
        set,
        env,
        seed: env.seed,
        changes: Vec::new(),
    };
    let account = run.by_email(email, false)?.ok_or_else(|| Refusal::UserNotFound {
        user: email.to_owned(),
    })?;
    let (account, before) = (account.id, account.status);
    Ok((before != status).then_some(Change::AccountStatusSet {
        account,
        before,
        after: status,
    }))
}

impl Run<'_> {
    /// The group of a role that there is.
    fn group_of_role(&self, role: &str) -> Result<Option<GroupId>, Refusal> {
        let kind = match (org_wide(role), GroupName::parse(role)) {
            (Some(kind), _) => Some(kind),
            (None, GroupName::Reserved(ReservedName::Role(role, base))) => self.role_kind(role, &base)?,
            _ => None,
        };
        let org = self.set.org_no();
        Ok(kind
            .and_then(|kind| self.set.group_by_kind(org, kind))
            .map(|group| group.id))
    }

    fn administrator(&mut self, email: &str) -> Result<AccountId, Refusal> {
        let domain = domain_part(email).unwrap_or_default();
        let owned = self
            .set
            .domain(&Key::new(domain))?
            .map(|claim| claim.directory)
            .filter(|id| self.set.is_owned(*id));
        let directory = owned.unwrap_or(DirectoryId::ADOBE_ID);
        let create = CreateUser {
            kind: self.set.directory(directory)?.0.kind,
            email: email.to_owned(),
            country: None,
            firstname: None,
            lastname: None,
            on_conflict: OnConflict::Ignore,
        };
        check_email(email)?;
        // Whoever is a member with this address already is meant, whatever has become of the domain since.
        let org = self.set.org_no();
        let known = self
            .set
            .accounts_by_email(&Key::new(email))?
            .filter(|account| self.set.is_member(org, account.id))
            .min_by_key(|account| (account.kind == IdentityType::AdobeId, account.id));
        if let Some(known) = known {
            return Ok(known.id);
        }
        match self.existing(email, directory, &create)? {
            Some(account) => self.meet_existing(email, account, &create),
            // The file names no country, and none is made up.
            None => self.create_account(email, domain, directory, UNDEFINED_COUNTRY, &create),
        }
    }
}
