//! `addAdobeID`, `createEnterpriseID`, `createFederatedID` (umapi.md 5.2–5.4).

use super::Run;
use crate::change::Change;
use crate::command::{CreateUser, OnConflict};
use crate::org::{Account, Person};
use crate::refusal::Refusal;
use crate::value::{
    AccountId, Country, DirectoryId, EMAIL_MAX, IdentityType, Key, Login, OrgNo, Status, UNDEFINED_COUNTRY,
    domain_part, is_email, is_email_form,
};

impl Run<'_> {
    /// Creates or matches an account and makes it a member; returns it.
    pub(super) fn create_user(
        &mut self,
        user: &str,
        domain: Option<&str>,
        create: &CreateUser,
    ) -> Result<AccountId, Refusal> {
        let country = self.check_fields(create)?;
        check_user_against_email(user, domain, create)?;
        check_user_name(user)?;
        let user_domain = domain_part(user).or(domain).unwrap_or_default();
        let directory = match create.kind {
            IdentityType::AdobeId => DirectoryId::ADOBE_ID,
            IdentityType::Enterprise | IdentityType::Federated => {
                self.target_directory(user, user_domain, create)?
            }
        };
        match self.existing(user, directory, create)? {
            Some(account) => self.meet_existing(user, account, create),
            None => self.create_account(user, user_domain, directory, country, create),
        }
    }

    fn check_fields(&self, create: &CreateUser) -> Result<Country, Refusal> {
        if !is_email(&create.email) || create.email.chars().count() > EMAIL_MAX {
            return Err(Refusal::InvalidEmail {
                email: create.email.clone(),
            });
        }
        let given = create.country.as_deref().unwrap_or_default();
        let invalid = || Refusal::InvalidCountry {
            country: given.to_owned(),
        };
        let country = match create.country.as_deref() {
            None => UNDEFINED_COUNTRY,
            Some(text) => Country::parse(text).map_err(|_| invalid())?,
        };
        let federated = create.kind == IdentityType::Federated;
        let denied = self.env.rules.denied_countries.contains(country.as_str());
        if (federated && country == UNDEFINED_COUNTRY) || denied {
            return Err(invalid());
        }
        if self.env.rules.strict_names && create.kind != IdentityType::AdobeId {
            if create.firstname.is_none() {
                return Err(Refusal::FirstNameMissing);
            }
            if create.lastname.is_none() {
                return Err(Refusal::LastNameMissing);
            }
        }
        Ok(country)
    }

    /// Rows 1–5 of the domain checks: the directory that both domains are in.
    fn target_directory(
        &self,
        user: &str,
        user_domain: &str,
        create: &CreateUser,
    ) -> Result<DirectoryId, Refusal> {
        let claim = self
            .set
            .domain(&Key::new(user_domain))?
            .ok_or(Refusal::DomainNotClaimed)?;
        if !self.set.is_related(claim.directory) {
            return Err(Refusal::BelongsToAnotherOrg);
        }
        let email_domain = Key::new(domain_part(&create.email).unwrap_or_default());
        let email_claim = self
            .set
            .domain(&email_domain)?
            .ok_or(Refusal::EmailDomainNotClaimed)?;
        if email_claim.directory != claim.directory {
            return Err(Refusal::MustMatchEmail {
                user: user.to_owned(),
            });
        }
        let (directory, _) = self.set.directory(claim.directory)?;
        if directory.kind != create.kind {
            return Err(Refusal::TypeMismatch {
                domain: user_domain.to_owned(),
            });
        }
        Ok(directory.id)
    }

    /// The account of the auth source with this username or this e-mail.
    pub(super) fn existing(
        &self,
        user: &str,
        directory: DirectoryId,
        create: &CreateUser,
    ) -> Result<Option<AccountId>, Refusal> {
        let here = |account: &&Account| account.directory == directory;
        let by_email = self
            .set
            .accounts_by_email(&Key::new(&create.email))?
            .find(here)
            .map(|account| account.id);
        let by_name = self
            .set
            .accounts_by_username(&Key::new(user))?
            .find(here)
            .map(|account| account.id);
        match (by_name, by_email) {
            (Some(a), Some(b)) if a != b => Err(Refusal::ConflictingParameters {
                user: user.to_owned(),
            }),
            (by_name, by_email) => Ok(by_name.or(by_email)),
        }
    }

    pub(super) fn meet_existing(
        &mut self,
        user: &str,
        account: AccountId,
        create: &CreateUser,
    ) -> Result<AccountId, Refusal> {
        let org = self.set.org_no();
        if self.set.is_member(org, account) {
            if create.on_conflict == OnConflict::Refuse {
                return Err(Refusal::AlreadyInOrg {
                    user: user.to_owned(),
                });
            }
        } else {
            if create.kind == IdentityType::AdobeId {
                self.check_new_adobe_id(create)?;
            }
            self.join_org(org, account)?;
        }
        if create.on_conflict == OnConflict::Update {
            self.update_names(account, create)?;
        }
        Ok(account)
    }

    /// `updateIfAlreadyExists`: the names given, and only where the organization may change them at all.
    fn update_names(&mut self, account: AccountId, create: &CreateUser) -> Result<(), Refusal> {
        let known = self.set.account(account)?;
        let (directory, _) = self.set.directory(known.directory)?;
        if !self.set.is_owned(known.directory) || directory.synced {
            return Ok(());
        }
        let before = known.person.clone();
        let mut after = before.clone();
        if create.firstname.is_some() {
            after.firstname.clone_from(&create.firstname);
        }
        if create.lastname.is_some() {
            after.lastname.clone_from(&create.lastname);
        }
        if after != before {
            self.emit(Change::AccountUpdated {
                account,
                before,
                after,
            });
        }
        Ok(())
    }

    pub(super) fn create_account(
        &mut self,
        user: &str,
        user_domain: &str,
        directory: DirectoryId,
        country: Country,
        create: &CreateUser,
    ) -> Result<AccountId, Refusal> {
        if create.kind == IdentityType::AdobeId {
            self.check_new_adobe_id(create)?;
        } else {
            self.check_new_account(user, directory, create)?;
        }
        let owner = self.set.directory(directory)?.0.org;
        let id = AccountId::new(owner, self.next_place(owner)?);
        let number = self.seed.hex(24);
        let public_id = match create.kind {
            IdentityType::AdobeId => format!("{number}@AdobeID"),
            _ => format!("{number}@{}.e", self.set.directory(directory)?.0.public_id),
        };
        // Adobe and Enterprise IDs have no name beside their e-mail, so both keep one spelling.
        let username = if create.kind == IdentityType::Federated {
            user
        } else {
            &create.email
        };
        let person = Person {
            username: username.to_owned(),
            email: create.email.clone(),
            domain: Key::new(user_domain).into_string(),
            firstname: create.firstname.clone(),
            lastname: create.lastname.clone(),
        };
        let account = Account {
            id,
            public_id,
            directory,
            kind: create.kind,
            person,
            country,
            status: Status::Active,
        };
        self.emit(Change::AccountCreated(account));
        self.join_org(self.set.org_no(), id)?;
        Ok(id)
    }

    /// Rows 6–10 of the domain checks, for accounts that do not exist yet.
    fn check_new_account(
        &self,
        user: &str,
        directory: DirectoryId,
        create: &CreateUser,
    ) -> Result<(), Refusal> {
        let (directory, _) = self.set.directory(directory)?;
        check_login(directory.login, user, &create.email)?;
        self.check_type_available(create.kind)?;
        if directory.synced {
            return Err(Refusal::CreateFailed {
                step: create.kind.create_step(),
            });
        }
        if !self.set.is_owned(directory.id) {
            return Err(Refusal::NotParentOrg);
        }
        Ok(())
    }

    /// What an Adobe ID must pass before it becomes a member; those who are members already stay.
    fn check_new_adobe_id(&self, create: &CreateUser) -> Result<(), Refusal> {
        self.check_type_available(create.kind)?;
        let domain = domain_part(&create.email).unwrap_or_default();
        match self.set.domain(&Key::new(domain))? {
            Some(claim) if claim.restrict_adobe_ids => Err(Refusal::DomainRestricted {
                domain: domain.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn check_type_available(&self, kind: IdentityType) -> Result<(), Refusal> {
        let org: OrgNo = self.set.org_no();
        if self.set.org(org)?.identity_types.contains(&kind) {
            Ok(())
        } else {
            Err(Refusal::TypeNotAvailable { kind })
        }
    }
}

/// An e-mail field is an address of at most 60 characters.
pub(super) fn check_email(email: &str) -> Result<(), Refusal> {
    if is_email(email) && email.chars().count() <= EMAIL_MAX {
        Ok(())
    } else {
        Err(Refusal::InvalidEmail {
            email: email.to_owned(),
        })
    }
}

/// The first table of umapi.md 5.3.
fn check_user_against_email(user: &str, domain: Option<&str>, create: &CreateUser) -> Result<(), Refusal> {
    match create.kind {
        IdentityType::AdobeId | IdentityType::Enterprise => {
            if Key::new(user) != Key::new(&create.email) {
                return Err(Refusal::MustMatchEmail {
                    user: user.to_owned(),
                });
            }
        }
        IdentityType::Federated => {
            if !is_email_form(user) && domain.is_none() {
                return Err(Refusal::DomainMissing {
                    user: user.to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// A username holds no control characters, and in e-mail form it is an e-mail (of any length).
pub(super) fn check_user_name(user: &str) -> Result<(), Refusal> {
    if user.chars().any(char::is_control) || (is_email_form(user) && !is_email(user)) {
        return Err(Refusal::InvalidUserName {
            user: user.to_owned(),
        });
    }
    Ok(())
}

/// The directory's login setting (rows 6 and 7).
pub(super) fn check_login(login: Login, username: &str, email: &str) -> Result<(), Refusal> {
    match login {
        Login::Email if Key::new(username) != Key::new(email) => Err(Refusal::MustMatchEmail {
            user: username.to_owned(),
        }),
        Login::Username if is_email_form(username) => Err(Refusal::NameContainsEmail {
            user: username.to_owned(),
        }),
        _ => Ok(()),
    }
}
