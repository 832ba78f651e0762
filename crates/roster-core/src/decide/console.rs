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
    AccountId, DirectoryId, GroupName, Key, OrgNo, ReservedName, Status, UNDEFINED_COUNTRY, domain_part,
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

/// Appoints; the account, and what that changes: nothing when it was so already.
pub fn appoint(
    set: WorkingSet,
    appointment: &Appointment,
    env: &Env,
) -> Result<(AccountId, Vec<Change>), Vec<Refusal>> {
    let mut run = Run {
        set,
        env,
        seed: env.seed.derive(0),
        changes: Vec::new(),
    };
    let account = run
        .administrator(&appointment.email)
        .map_err(|refusal| vec![refusal])?;
    let mut named = Vec::new();
    for role in &appointment.roles {
        let Some(kind) = org_wide(role) else {
            named.push(GroupEntry {
                name: role.clone(),
                list: GroupList::Any,
            });
            continue;
        };
        let group = run.role_group(kind).map_err(|refusal| vec![refusal])?;
        run.join_group(group, account).map_err(|refusal| vec![refusal])?;
    }
    run.join_groups(&appointment.email, Some(account), &GroupSelection::Named(named))?;
    Ok((account, run.changes))
}

/// Takes roles away from somebody, and nothing else; changes nothing when they have none of them. Also the system
/// administrators' role, which no step of the API can touch.
pub fn dismiss(set: WorkingSet, appointment: &Appointment, env: &Env) -> Result<Vec<Change>, Vec<Refusal>> {
    let mut run = Run {
        set,
        env,
        seed: env.seed.derive(0),
        changes: Vec::new(),
    };
    let one = |refusal| vec![refusal];
    let Some(account) = run.administrator_known(&appointment.email).map_err(one)? else {
        return Ok(Vec::new());
    };
    let org = run.set.org_no();
    for role in &appointment.roles {
        let group = match org_wide(role) {
            Some(kind) => run.set.group_by_kind(org, kind).map(|group| group.id),
            None => match GroupName::parse(role) {
                GroupName::Reserved(ReservedName::Role(role, base)) => {
                    let kind = run.role_kind(role, &base).map_err(one)?;
                    kind.and_then(|kind| run.set.group_by_kind(org, kind))
                        .map(|group| group.id)
                }
                _ => None,
            },
        };
        if let Some(group) = group {
            run.leave_group(group, account).map_err(one)?;
        }
    }
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
    /// The account that an administrator's e-mail means, if there is one in reach.
    fn administrator_known(&self, email: &str) -> Result<Option<AccountId>, Refusal> {
        let domain = domain_part(email).unwrap_or_default();
        let claim = self.set.domain(&Key::new(domain))?;
        let adobe_id = claim.is_none_or(|claim| !self.set.is_owned(claim.directory));
        Ok(self.by_email(email, adobe_id)?.map(|account| account.id))
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
        match self.existing(email, directory, &create)? {
            Some(account) => self.meet_existing(email, account, &create),
            // The file names no country, and none is made up.
            None => self.create_account(email, domain, directory, UNDEFINED_COUNTRY, &create),
        }
    }
}
