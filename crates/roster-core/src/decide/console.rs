//! What only the console may do: appoint administrators of any kind, and bar accounts (umapi.md 12).

use super::create::check_email;
use super::{Env, Run};
use crate::change::Change;
use crate::command::{CreateUser, GroupEntry, GroupList, GroupSelection, OnConflict};
use crate::org::GroupKind;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::set::WorkingSet;
use crate::value::{AccountId, DirectoryId, Key, OrgNo, Status, UNDEFINED_COUNTRY, domain_part};

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
        let kind = match Key::new(role).as_str() {
            "system" => GroupKind::SystemAdmin,
            "support" => GroupKind::SupportAdmin,
            "deployment" => GroupKind::DeploymentAdmin,
            _ => {
                named.push(GroupEntry {
                    name: role.clone(),
                    list: GroupList::Any,
                });
                continue;
            }
        };
        let group = run.role_group(kind).map_err(|refusal| vec![refusal])?;
        run.join_group(group, account).map_err(|refusal| vec![refusal])?;
    }
    run.join_groups(&appointment.email, Some(account), &GroupSelection::Named(named))?;
    Ok((account, run.changes))
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
