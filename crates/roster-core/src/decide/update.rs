//! `update` of a person (umapi.md 5.5). All keys are checked first, then applied together.

use super::Run;
use super::create::{check_email, check_login, check_user_name};
use crate::change::Change;
use crate::command::UpdateUser;
use crate::org::{Account, Person};
use crate::refusal::Refusal;
use crate::value::{AccountId, IdentityType, Key, domain_part, is_email_form};

impl Run<'_> {
    pub(super) fn update_user(
        &mut self,
        user: &str,
        account: Option<AccountId>,
        update: &UpdateUser,
    ) -> Result<(), Refusal> {
        let new_email = update.email.as_deref().filter(|email| !email.is_empty());
        if let Some(email) = new_email {
            check_email(email)?;
        }
        let Some(id) = self.needed_member(user, account)? else {
            return Ok(());
        };
        if update.is_empty() {
            return Ok(());
        }
        let account = self.set.account(id)?;
        if account.kind == IdentityType::AdobeId {
            return Err(Refusal::UpdateOfAdobeId {
                user: user.to_owned(),
            });
        }
        if !self.set.is_owned(account.directory) {
            return Err(Refusal::NotInOrg {
                user: user.to_owned(),
            });
        }
        if let Some(country) = &update.country
            && Key::new(country) != Key::new(account.country.as_str())
        {
            return Err(Refusal::CountryNotUpdatable);
        }
        if self.set.directory(account.directory)?.0.synced {
            return Err(Refusal::UpdateFailed);
        }
        let before = account.person.clone();
        let after = self.updated(user, account, update, new_email)?;
        if after != before {
            self.emit(Change::AccountUpdated {
                account: id,
                before,
                after,
            });
        }
        Ok(())
    }

    fn updated(
        &self,
        user: &str,
        account: &Account,
        update: &UpdateUser,
        new_email: Option<&str>,
    ) -> Result<Person, Refusal> {
        let old = &account.person;
        let mut person = old.clone();
        if let Some(email) = new_email
            && Key::new(email) != Key::new(&old.email)
        {
            self.check_new_email(account, email)?;
            email.clone_into(&mut person.email);
        }
        let email_changed = person.email != old.email;
        let asked = update.username.as_deref().filter(|username| !username.is_empty());
        let follows = email_changed && Key::new(&old.username) == Key::new(&old.email);
        let username = asked
            .or(follows.then_some(person.email.as_str()))
            .map(str::to_owned);
        if let Some(username) = username {
            if account.kind == IdentityType::Enterprise && Key::new(&username) != Key::new(&person.email) {
                return Err(Refusal::UserNameNotUpdatable {
                    user: user.to_owned(),
                });
            }
            if Key::new(&username) != Key::new(&old.username) {
                self.check_new_username(account, &username)?;
                if let Some(domain) = domain_part(&username) {
                    person.domain = Key::new(domain).into_string();
                }
                person.username = username;
            }
        }
        if email_changed || person.username != old.username {
            check_login(
                self.set.directory(account.directory)?.0.login,
                &person.username,
                &person.email,
            )?;
        }
        for (field, value) in [
            (&mut person.firstname, &update.firstname),
            (&mut person.lastname, &update.lastname),
        ] {
            if let Some(value) = value {
                *field = Some(value.clone()).filter(|name| !name.is_empty());
            }
        }
        Ok(person)
    }

    fn check_new_email(&self, account: &Account, email: &str) -> Result<(), Refusal> {
        let taken = |other: &Account| other.directory == account.directory && other.id != account.id;
        if self.set.accounts_by_email(&Key::new(email))?.any(taken) {
            return Err(Refusal::EmailInUse {
                email: email.to_owned(),
            });
        }
        let domain = domain_part(email).unwrap_or_default();
        let claim = self
            .set
            .domain(&Key::new(domain))?
            .ok_or(Refusal::EmailDomainNotClaimed)?;
        if claim.org != self.set.org_no() {
            return Err(Refusal::BelongsToAnotherOrg);
        }
        if claim.directory != account.directory {
            return Err(Refusal::EmailCannotMove {
                domain: domain.to_owned(),
            });
        }
        Ok(())
    }

    fn check_new_username(&self, account: &Account, username: &str) -> Result<(), Refusal> {
        check_user_name(username)?;
        let taken = |other: &Account| other.directory == account.directory && other.id != account.id;
        if self.set.accounts_by_username(&Key::new(username))?.any(taken) {
            return Err(Refusal::UserNameInUse {
                username: username.to_owned(),
            });
        }
        if is_email_form(username) {
            let domain = domain_part(username).unwrap_or_default();
            let claim = self
                .set
                .domain(&Key::new(domain))?
                .ok_or(Refusal::DomainNotClaimed)?;
            if claim.directory != account.directory {
                return Err(Refusal::DomainMismatch {
                    domain: domain.to_owned(),
                });
            }
        }
        Ok(())
    }
}
