//! Every reason to say no to a step, and every warning. Which code and message the wire gives each is
//! `roster-umapi`'s affair.

use crate::command::Deprecated;
use crate::value::IdentityType;

/// Why a step (or a whole command) was refused. The texts are what the caller sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum Refusal {
    /// A username without `@` needs a domain.
    DomainMissing { user: String },
    /// A domain goes with a username, not with an e-mail.
    DomainWithEmail { user: String },
    /// No account in reach has this e-mail or username.
    UserNotFound { user: String },
    /// The account is outside the Users list, or its directory belongs to somebody else.
    NotInOrg { user: String },
    /// Username and e-mail belong to two accounts.
    ConflictingParameters { user: String },
    /// A create step without option met a member.
    AlreadyInOrg { user: String },
    /// `user` has to be the e-mail (or in the e-mail's directory).
    MustMatchEmail { user: String },
    /// The directory takes no e-mail as username.
    NameContainsEmail { user: String },
    /// Control characters, or a malformed e-mail form.
    InvalidUserName { user: String },
    /// Not an e-mail, or too long.
    InvalidEmail { email: String },
    /// `strict_names` is on.
    FirstNameMissing,
    /// `strict_names` is on.
    LastNameMissing,
    /// No country of ISO 3166-1, one that is denied, or none where one is needed.
    InvalidCountry { country: String },
    /// The directory holds accounts of another type.
    TypeMismatch { domain: String },
    /// The organization does not use this type.
    TypeNotAvailable { kind: IdentityType },
    /// Something that only directory accounts can.
    MustNotBeAdobeId { user: String },
    /// The domain is another organization's, and it does not trust us.
    BelongsToAnotherOrg,
    /// Nobody claimed the domain (or it is not related to us).
    DomainNotClaimed,
    /// Nobody claimed the e-mail's domain.
    EmailDomainNotClaimed,
    /// Adobe IDs of this domain are not wanted.
    DomainRestricted { domain: String },
    /// A trustee cannot create accounts.
    NotParentOrg,
    /// The directory is kept by an external sync.
    CreateFailed { step: &'static str },
    /// The directory is kept by an external sync.
    UpdateFailed,
    /// An Adobe ID is its person's to change.
    UpdateOfAdobeId { user: String },
    /// The country never changes.
    CountryNotUpdatable,
    /// The username of an Enterprise ID is its e-mail.
    UserNameNotUpdatable { user: String },
    /// Somebody of the directory has the e-mail.
    EmailInUse { email: String },
    /// Somebody of the directory has the username.
    UserNameInUse { username: String },
    /// The e-mail's domain is in another directory of ours.
    EmailCannotMove { domain: String },
    /// The domain is not of the account's directory.
    DomainMismatch { domain: String },
    /// `resetPassword` is for Enterprise IDs.
    NotEnterprise { user: String },
    /// No such group.
    GroupNotFound { name: String },
    /// An admin group out of reach.
    GroupCannotBeUsed { name: String },
    /// A name that no group may have.
    InvalidGroupName { name: String },
    /// No such product, in a role step.
    ProductNotFound { name: String },
    /// A group command on nothing, or on what it cannot change.
    UserGroupNotFound,
    /// The name is taken.
    UserGroupExists { name: String },
    /// Too large to be linked to a profile.
    TooManyMembers { name: String },
    /// None of the people listed is there.
    NoListedUserFound,
    /// A group command cannot change a group that another organization owns.
    ReadOnlyUpdate { name: String },
    /// See [`Refusal::ReadOnlyUpdate`].
    ReadOnlyAddUser { name: String },
    /// See [`Refusal::ReadOnlyUpdate`].
    ReadOnlyRemoveUser { name: String },
    /// See [`Refusal::ReadOnlyUpdate`].
    ReadOnlyRemove { name: String },
    /// The step does not go with the target; parsers prevent it.
    StepUnknown { step: &'static str },
    /// A rule looked at something that was not loaded: a bug. The text says what.
    OutsideScope { what: String },
}

/// A refusal and the step that met it (0 for problems of the whole command).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRefusal {
    /// Index into the command's steps.
    pub step: usize,
    /// Why.
    pub refusal: Refusal,
}

/// A warning and the step that earned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepWarning {
    /// Index into the command's steps.
    pub step: usize,
    /// What was deprecated.
    pub warning: Deprecated,
}
