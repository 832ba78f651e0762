//! A plan's entries as commands.

use crate::command::{
    Action, Command, CreateUser, GroupEntry, GroupList, GroupSelection, OnConflict, Step,
    Target as CommandTarget, UpdateUser,
};
use crate::plan::output::{AdobeOnlyAction, AdobeOnlyWork, Change, FailedGroups, TextOr, Work};
use crate::plan::people::{Account, Person, TargetId, World};
use crate::plan::settings::{Settings, Strategy};
use crate::plan::text::TextId;
use crate::value::{IdentityType, UNDEFINED_COUNTRY};

/// What created groups are described as; user-sync's words, so that both tools' groups look alike.
const CREATED_BY: &str = "Automatically created by User Sync Tool";

/// Turns entries of a plan into commands.
#[derive(Debug, Clone, Copy)]
pub struct Commands<'w> {
    /// The world that the plan was made from.
    pub world: &'w World,
    /// The settings that the plan was made with.
    pub settings: &'w Settings,
    /// The position of the organization.
    pub organization: usize,
}

impl Commands<'_> {
    /// The command that creates a group; it succeeds when the group is there by then.
    pub fn create_group(&self, target: TargetId) -> Command {
        Command {
            target: CommandTarget::UserGroup {
                name: self.target_name(target),
            },
            steps: vec![
                Action::CreateGroup {
                    description: Some(CREATED_BY.to_owned()),
                    on_conflict: OnConflict::Ignore,
                }
                .into(),
            ],
        }
    }

    /// The command for a change of a person. Nobody is put into groups whose creation `failed`; a command without
    /// steps is left when nothing else was to do.
    pub fn work(&self, work: &Work, failed: &FailedGroups) -> Command {
        let directory = &self.world.directory;
        match work {
            Work::Create {
                person,
                country,
                add,
                remove,
            } => {
                let person = directory
                    .person(*person)
                    .expect("a plan names people of its world");
                self.create(person, *country, add, remove, failed)
            }
            Work::Update {
                person,
                account,
                change,
                add,
                remove,
            } => {
                let person = directory
                    .person(*person)
                    .expect("a plan names people of its world");
                self.update(person, self.account(*account), *change, add, remove, failed)
            }
        }
    }

    /// The command for an Adobe-only account.
    pub fn adobe_only(&self, work: &AdobeOnlyWork) -> Command {
        let account = self.account(work.account);
        let action = match &work.action {
            AdobeOnlyAction::LeaveGroups(groups) => Action::LeaveGroups(self.leave(groups)),
            AdobeOnlyAction::LeaveAllGroups => Action::LeaveGroups(GroupSelection::All),
            AdobeOnlyAction::Remove { delete_account } => Action::RemoveFromOrg {
                delete_account: *delete_account,
            },
        };
        Command {
            target: self.address_of_stray(account),
            steps: vec![action.into()],
        }
    }

    fn create(
        &self,
        person: &Person,
        country: TextOr,
        add: &[TargetId],
        remove: &[TargetId],
        failed: &FailedGroups,
    ) -> Command {
        let pinned = self.settings.update_user_info && self.organization == 0;
        let country = match country {
            TextOr::Own(text) => self.text(text),
            TextOr::Default => self.settings.default_country.clone().unwrap_or_default(),
            TextOr::Undefined => UNDEFINED_COUNTRY.as_str().to_owned(),
        };
        let create = CreateUser {
            kind: person.key.kind,
            email: self.text(person.email),
            country: Some(country),
            firstname: self.some(person.firstname),
            lastname: self.some(person.lastname),
            on_conflict: if pinned {
                OnConflict::Update
            } else {
                OnConflict::Ignore
            },
        };
        let mut steps: Vec<Step> = vec![Action::CreateUser(create).into()];
        if self.settings.strategy == Strategy::Push && !remove.is_empty() {
            let names = remove.iter().map(|&id| self.target_name(id));
            steps.push(Action::LeaveGroups(named(names)).into());
        }
        steps.extend(self.join(add, failed));
        let use_adobe_id = person.key.kind == IdentityType::AdobeId;
        Command {
            target: self.address(person.username, person.domain, use_adobe_id),
            steps,
        }
    }

    fn update(
        &self,
        person: &Person,
        account: &Account,
        change: Change,
        add: &[TargetId],
        remove: &[TextId],
        failed: &FailedGroups,
    ) -> Command {
        let mut steps: Vec<Step> = Vec::new();
        if !change.is_empty() {
            steps.push(Action::UpdateUser(self.attributes(person, account, change)).into());
        }
        if !remove.is_empty() {
            steps.push(Action::LeaveGroups(self.leave(remove)).into());
        }
        steps.extend(self.join(add, failed));
        Command {
            target: self.address_of_account(account, change.email),
            steps,
        }
    }

    fn attributes(&self, person: &Person, account: &Account, change: Change) -> UpdateUser {
        let when = |yes: bool, id: TextId| yes.then(|| self.text(id));
        let mut update = UpdateUser {
            email: when(change.email, person.email),
            username: when(change.username, person.username),
            firstname: when(change.firstname, person.firstname),
            lastname: when(change.lastname, person.lastname),
            country: None,
        };
        // A username that equals the e-mail follows it; one that should stay different has to be named.
        let email_form = self.world.texts.get(account.key.username).contains('@');
        if change.email && !change.username && email_form && person.key.username != person.key.email {
            update.username = Some(self.text(account.username));
        }
        update
    }

    fn join(&self, add: &[TargetId], failed: &FailedGroups) -> Option<Step> {
        let mut names: Vec<String> = add
            .iter()
            .filter(|id| !failed.contains(id))
            .map(|&id| self.target_name(id))
            .collect();
        names.sort_unstable();
        (!names.is_empty()).then(|| Action::JoinGroups(named(names.into_iter())).into())
    }

    /// Groups to leave, as the organization spells them.
    fn leave(&self, groups: &[TextId]) -> GroupSelection {
        let spelling = self
            .world
            .organizations
            .get(self.organization)
            .map(|o| &o.spelling);
        let mut names: Vec<String> = groups
            .iter()
            .map(|key| self.text(*spelling.and_then(|known| known.get(key)).unwrap_or(key)))
            .collect();
        names.sort_unstable();
        named(names.into_iter())
    }

    /// The address under which the server finds an account now: its current e-mail. While the e-mail changes, an
    /// account with a plain username is addressed by that.
    fn address_of_account(&self, account: &Account, email_changes: bool) -> CommandTarget {
        let plain = !self.world.texts.get(account.key.username).contains('@');
        let use_adobe_id = account.key.kind == IdentityType::AdobeId;
        if account.email.is_empty() || (email_changes && plain) {
            self.address(account.username, account.domain, use_adobe_id)
        } else {
            self.address(account.email, TextId::EMPTY, use_adobe_id)
        }
    }

    /// As [`Self::address_of_account`]; accounts with plain usernames go by these. An entry of a list has no record,
    /// so it goes by what the list says, folded.
    fn address_of_stray(&self, account: &Account) -> CommandTarget {
        if self.settings.listed {
            return self.address(account.key.username, account.key.domain, false);
        }
        let plain = !self.world.texts.get(account.key.username).contains('@');
        if plain || account.email.is_empty() {
            self.address(account.username, account.domain, false)
        } else {
            self.address(account.email, TextId::EMPTY, false)
        }
    }

    fn address(&self, user: TextId, domain: TextId, use_adobe_id: bool) -> CommandTarget {
        let user = self.world.texts.get(user).trim().to_owned();
        let domain = (!user.contains('@'))
            .then(|| self.text(domain))
            .filter(|domain| !domain.is_empty());
        CommandTarget::User {
            user,
            domain,
            use_adobe_id,
        }
    }

    fn account(&self, at: u32) -> &Account {
        let organization = self.world.organizations.get(self.organization);
        organization
            .and_then(|o| o.accounts.get(at as usize))
            .expect("a plan names accounts of its world")
    }

    fn target_name(&self, id: TargetId) -> String {
        let target = self
            .world
            .targets
            .get(id)
            .expect("a plan names targets of its world");
        self.text(target.name)
    }

    fn text(&self, id: TextId) -> String {
        self.world.texts.get(id).to_owned()
    }

    fn some(&self, id: TextId) -> Option<String> {
        (!id.is_empty()).then(|| self.text(id))
    }
}

fn named(names: impl Iterator<Item = String>) -> GroupSelection {
    GroupSelection::Named(
        names
            .map(|name| GroupEntry {
                name,
                list: GroupList::Any,
            })
            .collect(),
    )
}
