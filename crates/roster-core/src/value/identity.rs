//! Small closed sets: identity types, login settings, states.

/// The kind of an account (umapi.md 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityType {
    /// Owned by the person; its directory is [`crate::value::DirectoryId::ADOBE_ID`].
    AdobeId,
    /// Owned by an organization, in an enterprise directory; username and e-mail are the same.
    Enterprise,
    /// Owned by an organization, in a federated directory; the username is free.
    Federated,
}

impl IdentityType {
    /// The type string of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdobeId => "adobeID",
            Self::Enterprise => "enterpriseID",
            Self::Federated => "federatedID",
        }
    }

    /// The step that creates accounts of this type.
    pub fn create_step(self) -> &'static str {
        match self {
            Self::AdobeId => "addAdobeID",
            Self::Enterprise => "createEnterpriseID",
            Self::Federated => "createFederatedID",
        }
    }

    /// Reads the stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::AdobeId, Self::Enterprise, Self::Federated]
            .into_iter()
            .find(|t| t.as_str() == text)
    }
}

/// What a directory takes as username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Login {
    /// Anything.
    #[default]
    Any,
    /// The e-mail address only.
    Email,
    /// Anything but an e-mail address.
    Username,
}

impl Login {
    /// The word in settings and organization files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Email => "email",
            Self::Username => "username",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Any, Self::Email, Self::Username]
            .into_iter()
            .find(|t| t.as_str() == text)
    }
}

/// Whether the API serves an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum OrgState {
    /// It does.
    #[default]
    Active,
    /// Reads and actions answer 403 (R12).
    Migrating,
}

impl OrgState {
    /// The word in organization files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Migrating => "migrating",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Migrating]
            .into_iter()
            .find(|t| t.as_str() == text)
    }
}

/// The status of an account (umapi.md 3.1); only the console sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Status {
    /// Listed and usable.
    #[default]
    Active,
    /// Barred for a time.
    Disabled,
    /// Barred for good.
    Locked,
}

impl Status {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Locked => "locked",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Locked]
            .into_iter()
            .find(|t| t.as_str() == text)
    }
}
