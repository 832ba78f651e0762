//! `removeFromOrg`, and the legacy steps `removeFromDomain` and `resetPassword` (umapi.md 5.7, 5.9).

use super::Run;
use crate::refusal::Refusal;
use crate::value::{AccountId, IdentityType, Key};

impl Run<'_> {
    /// Always succeeds, also for somebody who never existed.
    pub(super) fn remove_from_org(
        &mut self,
        account: Option<AccountId>,
        delete_account: bool,
    ) -> Result<(), Refusal> {
        let Some(id) = account else { return Ok(()) };
        if delete_account && self.may_destroy(id)? {
            return self.delete_account(id);
        }
        self.leave_org(self.set.org_no(), id)
    }

    /// Deletes like `removeFromOrg`, but is strict where that is lenient.
    pub(super) fn remove_from_domain(
        &mut self,
        user: &str,
        account: Option<AccountId>,
        domain: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(id) = self.needed(user, account)? else {
            return Ok(());
        };
        let account = self.set.account(id)?;
        if account.kind == IdentityType::AdobeId {
            return Err(Refusal::MustNotBeAdobeId {
                user: user.to_owned(),
            });
        }
        if !self.set.is_owned(account.directory) {
            return Err(Refusal::DomainNotClaimed);
        }
        if let Some(domain) = domain {
            let claim = self.set.domain(&Key::new(domain))?;
            if claim.is_none_or(|claim| claim.directory != account.directory) {
                return Err(Refusal::DomainMismatch {
                    domain: domain.to_owned(),
                });
            }
        }
        self.remove_from_org(Some(id), true)
    }

    /// Nothing happens here; the step only checks that it would make sense.
    pub(super) fn reset_password(&self, user: &str, account: Option<AccountId>) -> Result<(), Refusal> {
        let Some(id) = self.needed_member(user, account)? else {
            return Ok(());
        };
        match self.set.account(id)?.kind {
            IdentityType::AdobeId => Err(Refusal::MustNotBeAdobeId {
                user: user.to_owned(),
            }),
            IdentityType::Federated => Err(Refusal::NotEnterprise {
                user: user.to_owned(),
            }),
            IdentityType::Enterprise => Ok(()),
        }
    }

    /// Whether the organization may destroy the account: it owns the directory, and nobody else keeps it in step.
    fn may_destroy(&self, account: AccountId) -> Result<bool, Refusal> {
        let directory = self.set.account(account)?.directory;
        Ok(self.set.is_owned(directory) && !self.set.directory(directory)?.0.synced)
    }
}
