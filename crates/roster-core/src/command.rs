//! What can be asked for: commands and their steps, already parsed and checked for shape.
//!
//! The wire (`roster-umapi`) and sync's planner both produce these; `decide` answers them. Whether a
//! command is *allowed* is not decided here.

use crate::value::{IdentityType, Key};

/// One entry of an action request: a target and an ordered list of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Who or what the steps act on.
    pub target: Target,
    /// The steps, in the order in which they run.
    pub steps: Vec<Step>,
}

/// The root of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A person, as in umapi.md 5.1.
    User {
        /// E-mail address, or a username together with `domain`; trimmed.
        user: String,
        /// Any domain of the person's directory; trimmed, never empty.
        domain: Option<String>,
        /// Addresses the Adobe ID where a directory account has the same e-mail.
        use_adobe_id: bool,
    },
    /// A user group (or an assignable admin or developer group) by name; trimmed.
    UserGroup {
        /// The group's name as sent.
        name: String,
    },
}

/// One step of a command, with the deprecated spelling it was asked in, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// Set when the step used a deprecated key or name; it then yields a warning once it is begun.
    pub deprecated: Option<Deprecated>,
}

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        Self {
            action,
            deprecated: None,
        }
    }
}

/// The deprecated spellings that warn (umapi.md 8.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deprecated {
    /// The list key `product`.
    Product,
    /// The list key `users` of a group command.
    Users,
    /// The step `addRoles`.
    AddRoles,
    /// The step `removeRoles`.
    RemoveRoles,
}

/// Everything a step can ask for. Which actions go with which target is settled by the parser;
/// `decide` refuses the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `addAdobeID`, `createEnterpriseID`, `createFederatedID`.
    CreateUser(CreateUser),
    /// `update` of a person.
    UpdateUser(UpdateUser),
    /// `add` for a person: join groups.
    JoinGroups(GroupSelection),
    /// `remove` for a person: leave groups.
    LeaveGroups(GroupSelection),
    /// `addRoles`.
    AddRoles(Vec<Role>),
    /// `removeRoles`.
    RemoveRoles(Vec<Role>),
    /// `removeFromOrg`.
    RemoveFromOrg {
        /// Also destroy the account where the organization owns its directory.
        delete_account: bool,
    },
    /// `removeFromDomain`, with the domain it names, if any.
    RemoveFromDomain {
        /// The value of `domain` or `removedDomain`.
        domain: Option<String>,
    },
    /// `resetPassword`.
    ResetPassword,
    /// `createUserGroup`.
    CreateGroup {
        /// `None`: leave as is or none.
        description: Option<String>,
        /// What to do when the name is taken by a user group.
        on_conflict: OnConflict,
    },
    /// `updateUserGroup`.
    UpdateGroup {
        /// New name; `None` leaves it.
        name: Option<String>,
        /// New description; `Some("")` clears it, `None` leaves it.
        description: Option<String>,
    },
    /// `deleteUserGroup`.
    DeleteGroup,
    /// `add` of a group command: people join, profiles are linked.
    AddToGroup(GroupMembers),
    /// `remove` of a group command: people leave, profiles are unlinked.
    RemoveFromGroup(GroupMembers),
}

/// The fields of a create step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateUser {
    /// Which of the three create steps it is.
    pub kind: IdentityType,
    /// The `email` field; empty when it was absent.
    pub email: String,
    /// Two letters as sent (any case); `None` when absent.
    pub country: Option<String>,
    /// `None` when absent or blank.
    pub firstname: Option<String>,
    /// `None` when absent or blank.
    pub lastname: Option<String>,
    /// The `option` field.
    pub on_conflict: OnConflict,
}

/// What a create step does when there is one already (`option`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// No option, or `errorIfAlreadyExists`.
    #[default]
    Refuse,
    /// `ignoreIfAlreadyExists`.
    Ignore,
    /// `updateIfAlreadyExists`.
    Update,
}

/// The fields of an `update` step; `None` means the key was absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateUser {
    /// New e-mail; `Some("")` is ignored.
    pub email: Option<String>,
    /// New username; `Some("")` is ignored.
    pub username: Option<String>,
    /// New first name; `Some("")` clears it.
    pub firstname: Option<String>,
    /// New last name; `Some("")` clears it.
    pub lastname: Option<String>,
    /// The country as sent: it may only repeat the stored one.
    pub country: Option<String>,
}

impl UpdateUser {
    /// Whether the step asks for nothing at all (`"update": {}`).
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// The value of a person's `add` or `remove`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupSelection {
    /// The string `"all"`.
    All,
    /// The names of all lists of the step, in the order sent.
    Named(Vec<GroupEntry>),
}

/// One name in a list of a person's `add` or `remove`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// The name as sent, trimmed.
    pub name: String,
    /// Which kinds of group the list may name.
    pub list: GroupList,
}

/// The list keys of a person's `add` and `remove` (umapi.md 5.6), by what they resolve to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupList {
    /// `group`: user groups, profiles, assignable admin and developer groups.
    Any,
    /// `productConfiguration`, `product`: profiles.
    Profiles,
    /// `usergroup`: user groups.
    UserGroups,
}

/// An entry of `addRoles` or `removeRoles` (umapi.md 5.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// `admin`: `deployment`, `support`, `org`, or the name of a user group or profile.
    Admin(String),
    /// `productAdmin`: a product's name.
    ProductAdmin(String),
}

/// The value of a group command's `add` or `remove`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupMembers {
    /// The string `"all"`: every profile.
    All,
    /// People by e-mail and profiles by name.
    Named {
        /// E-mails as sent, trimmed.
        users: Vec<String>,
        /// Profile names as sent, trimmed.
        profiles: Vec<String>,
    },
}

impl Target {
    /// The root value as it was sent (trimmed): what errors show as `user`.
    pub fn label(&self) -> &str {
        match self {
            Self::User { user, .. } => user,
            Self::UserGroup { name } => name,
        }
    }

    /// The folded root value.
    pub fn key(&self) -> Key {
        Key::new(self.label())
    }
}

impl Action {
    /// The step's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateUser(create) => create.kind.create_step(),
            Self::UpdateUser(_) => "update",
            Self::JoinGroups(_) | Self::AddToGroup(_) => "add",
            Self::LeaveGroups(_) | Self::RemoveFromGroup(_) => "remove",
            Self::AddRoles(_) => "addRoles",
            Self::RemoveRoles(_) => "removeRoles",
            Self::RemoveFromOrg { .. } => "removeFromOrg",
            Self::RemoveFromDomain { .. } => "removeFromDomain",
            Self::ResetPassword => "resetPassword",
            Self::CreateGroup { .. } => "createUserGroup",
            Self::UpdateGroup { .. } => "updateUserGroup",
            Self::DeleteGroup => "deleteUserGroup",
        }
    }
}
