//! Which account a command addresses (umapi.md 5.1).

use super::{Run, Subject};
use crate::command::{Action, Command, Target};
use crate::org::Account;
use crate::refusal::Refusal;
use crate::value::{AccountId, DirectoryId, IdentityType, Key, is_email_form};

impl Run<'_> {
    /// Settles the rules on `user` and `domain`, and looks the account up unless the first step creates it.
    pub(super) fn address(&self, command: &Command) -> Result<Subject, Refusal> {
        let Target::User {
            user,
            domain,
            use_adobe_id,
        } = &command.target
        else {
            return Ok(Subject::Unknown);
        };
        let creates = command.steps.first().and_then(|step| match &step.action {
            Action::CreateUser(create) => Some(create.kind),
            _ => None,
        });
        if is_email_form(user) {
            let account = self.by_email(user, *use_adobe_id)?;
            let domain_ignored = *use_adobe_id
                || creates.is_some_and(|kind| kind != IdentityType::Federated)
                || account.is_some_and(|account| account.kind != IdentityType::Federated);
            if domain.is_some() && !domain_ignored {
                return Err(Refusal::DomainWithEmail { user: user.clone() });
            }
            return Ok(Subject::Account(account.map(|account| account.id)));
        }
        if creates.is_some() {
            return Ok(Subject::Account(None));
        }
        let Some(domain) = domain else {
            return Err(Refusal::DomainMissing { user: user.clone() });
        };
        match self.related_directory(domain)? {
            Some(directory) => Ok(Subject::Account(self.by_username(user, directory)?)),
            None if matches!(command.steps.as_slice(), [only] if matches!(only.action, Action::RemoveFromOrg { .. })) => {
                Ok(Subject::Account(None))
            }
            None => Err(Refusal::DomainNotClaimed),
        }
    }

    /// The account that an e-mail means: a directory account before an Adobe ID, unless the Adobe ID is asked
    /// for. Within a kind, members come before others, and who was there first before who came later.
    pub(super) fn by_email(&self, email: &str, use_adobe_id: bool) -> Result<Option<&Account>, Refusal> {
        let mut best: Option<(bool, bool, AccountId, &Account)> = None;
        for account in self.set.accounts_by_email(&Key::new(email))? {
            let adobe_id = account.kind == IdentityType::AdobeId;
            if !self.in_reach(account) || (use_adobe_id && !adobe_id) {
                continue;
            }
            let outsider = !self.set.is_member(self.set.org_no(), account.id);
            let rank = (adobe_id, outsider, account.id, account);
            if best.is_none_or(|known| (rank.0, rank.1, rank.2) < (known.0, known.1, known.2)) {
                best = Some(rank);
            }
        }
        Ok(best.map(|(.., account)| account))
    }

    fn by_username(&self, username: &str, directory: DirectoryId) -> Result<Option<AccountId>, Refusal> {
        let mut accounts = self.set.accounts_by_username(&Key::new(username))?;
        Ok(accounts
            .find(|account| account.directory == directory)
            .map(|account| account.id))
    }

    /// Members of the organization, and accounts of directories it owns or is trusted with. An Adobe ID has to
    /// be a member.
    fn in_reach(&self, account: &Account) -> bool {
        self.set.is_member(self.set.org_no(), account.id) || self.set.is_related(account.directory)
    }

    /// The directory that holds a domain, if the organization owns it or is trusted with it.
    pub(super) fn related_directory(&self, domain: &str) -> Result<Option<DirectoryId>, Refusal> {
        let claim = self.set.domain(&Key::new(domain))?;
        Ok(claim
            .map(|claim| claim.directory)
            .filter(|directory| self.set.is_related(*directory)))
    }
}
