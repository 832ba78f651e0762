//! What to load before deciding: keys, never whole lists.

use std::collections::BTreeSet;

use crate::command::{Action, Command, GroupMembers, GroupSelection, Role, Target};
use crate::value::{AdminRole, GroupName, Key, OrgNo, ReservedName, domain_part};

/// The keys that a batch of commands refers to. The store loads, for the organization `org`:
///
/// - the organization itself and the reserved owner of Adobe IDs; its directories (owned, trusted,
///   formerly trusted) and the claims of `domains`, whoever made them;
/// - the org-wide admin groups; the user groups and profiles with a name in `names`, the products with a
///   name in `products`, and the admin and developer groups of all these;
/// - the accounts whose e-mail or username is in `identifiers`, in any directory of the organization or
///   among the Adobe IDs, with all their memberships in it (in every organization when `everywhere`);
/// - for every group loaded, also as somebody's membership: its links to profiles, the profiles at the other
///   end, and its mirrors in other organizations. Where there are mirrors, the other organization, its groups
///   with a name in `names`, and the loaded accounts' memberships there.
///
/// Member lists are never loaded. Looking at anything outside is a bug, which the working set reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The organization that asks.
    pub org: OrgNo,
    /// E-mails and usernames.
    pub identifiers: BTreeSet<Key>,
    /// Domains whose claim matters.
    pub domains: BTreeSet<Key>,
    /// Names of user groups and profiles.
    pub names: BTreeSet<Key>,
    /// Names of products.
    pub products: BTreeSet<Key>,
    /// Every user group and profile of the organization (`add: "all"`).
    pub all_groups: bool,
    /// The accounts' memberships in all organizations (an account may be destroyed).
    pub everywhere: bool,
}

impl Scope {
    /// What a batch of commands of `org` needs.
    pub fn of<'a>(org: OrgNo, commands: impl IntoIterator<Item = &'a Command>) -> Self {
        let mut scope = Self {
            org,
            ..Self::default()
        };
        for command in commands {
            scope.add_command(command);
        }
        scope
    }

    /// Adds an e-mail or username, and the domain it is in.
    pub fn add_identifier(&mut self, text: &str) {
        if let Some(domain) = domain_part(text) {
            self.domains.insert(Key::new(domain));
        }
        self.identifiers.insert(Key::new(text));
    }

    /// Adds the name of a group as it stands in a list or a path.
    pub fn add_group_name(&mut self, name: &str) {
        match GroupName::parse(name) {
            GroupName::Plain(key) => {
                self.names.insert(key);
            }
            GroupName::Reserved(ReservedName::Role(AdminRole::ProductAdmin, product)) => {
                self.products.insert(product);
            }
            GroupName::Reserved(ReservedName::Role(_, base)) => {
                self.names.insert(base);
            }
            GroupName::Reserved(_) => {}
        }
    }

    fn add_command(&mut self, command: &Command) {
        match &command.target {
            Target::User { user, domain, .. } => {
                self.add_identifier(user);
                if let Some(domain) = domain {
                    self.domains.insert(Key::new(domain));
                }
            }
            Target::UserGroup { name } => self.add_group_name(name),
        }
        for step in &command.steps {
            self.add_action(&step.action);
        }
    }

    fn add_action(&mut self, action: &Action) {
        match action {
            Action::CreateUser(create) => self.add_identifier(&create.email),
            Action::UpdateUser(update) => {
                for text in [&update.email, &update.username].into_iter().flatten() {
                    self.add_identifier(text);
                }
            }
            Action::JoinGroups(selection) | Action::LeaveGroups(selection) => match selection {
                GroupSelection::All => self.all_groups |= matches!(action, Action::JoinGroups(_)),
                GroupSelection::Named(entries) => entries.iter().for_each(|e| self.add_group_name(&e.name)),
            },
            Action::AddRoles(roles) | Action::RemoveRoles(roles) => {
                for role in roles {
                    match role {
                        Role::Admin(name) => {
                            self.names.insert(Key::new(name));
                        }
                        Role::ProductAdmin(name) => {
                            self.products.insert(Key::new(name));
                        }
                    }
                }
            }
            Action::RemoveFromOrg { delete_account } => self.everywhere |= delete_account,
            Action::RemoveFromDomain { domain } => {
                self.everywhere = true;
                if let Some(domain) = domain {
                    self.domains.insert(Key::new(domain));
                }
            }
            Action::UpdateGroup { name: Some(name), .. } => {
                self.names.insert(Key::new(name));
            }
            Action::AddToGroup(members) | Action::RemoveFromGroup(members) => match members {
                GroupMembers::All => self.all_groups = true,
                GroupMembers::Named { users, profiles } => {
                    for user in users {
                        self.add_identifier(user);
                    }
                    for profile in profiles {
                        self.add_group_name(profile);
                    }
                }
            },
            Action::ResetPassword
            | Action::CreateGroup { .. }
            | Action::UpdateGroup { name: None, .. }
            | Action::DeleteGroup => {}
        }
    }
}
