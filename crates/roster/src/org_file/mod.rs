//! The file that describes organizations (`roster org apply`), read into values with all its problems at once.
//!
//! What the file means for the tables is decided in `roster-core::describe`; secrets and files it names are
//! read by the command.

mod read;
pub(crate) mod yaml;

use roster_core::decide::console::Appointment;
use roster_core::describe::{Contradiction, Description, Place};
use roster_core::value::Status;

pub(crate) use read::read;
use yaml::{At, Node, Problem};

/// Everything a file describes, and where.
#[derive(Debug)]
pub(crate) struct OrgFile {
    /// One for each organization, in order.
    pub(crate) organizations: Vec<OrgEntry>,
    root: Node,
}

/// One organization.
#[derive(Debug)]
pub(crate) struct OrgEntry {
    pub(crate) description: Description,
    pub(crate) integrations: Vec<IntegrationEntry>,
    pub(crate) administrators: Vec<AdministratorEntry>,
    pub(crate) accounts: Vec<AccountEntry>,
}

/// An integration as described.
#[derive(Debug)]
pub(crate) struct IntegrationEntry {
    pub(crate) at: At,
    pub(crate) name: String,
    pub(crate) oauth: bool,
    pub(crate) jwt: bool,
    pub(crate) enabled: bool,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    /// File names, relative to the file's folder.
    pub(crate) certificates: Vec<(At, String)>,
    pub(crate) technical_account_id: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) require_jti: bool,
}

/// An administrator as described.
#[derive(Debug)]
pub(crate) struct AdministratorEntry {
    pub(crate) at: At,
    pub(crate) appointment: Appointment,
    pub(crate) password: Option<Secret>,
}

/// An existing account's status.
#[derive(Debug)]
pub(crate) struct AccountEntry {
    pub(crate) at: At,
    pub(crate) email: String,
    pub(crate) status: Status,
}

/// A secret, given in the file or by where it is.
#[derive(Debug)]
pub(crate) struct Secret {
    pub(crate) at: At,
    pub(crate) source: SecretSource,
}

/// Where a secret is.
pub(crate) enum SecretSource {
    /// In the file itself.
    Text(String),
    /// In an environment variable.
    Env(String),
    /// In a file of its own, relative to the file's folder.
    File(String),
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::Env(name) => write!(f, "Env({name})"),
            Self::File(name) => write!(f, "File({name})"),
        }
    }
}

/// A step down.
fn step<'n>(node: &'n Node, place: &Place) -> Option<&'n Node> {
    match place {
        Place::Key(key) => node.get(key),
        Place::Index(n) => node.item(*n),
    }
}

impl OrgFile {
    /// Whether the `n`th organization has a list, be it empty. A key without a value is where a file may have been cut off.
    pub(crate) fn has_list(&self, n: usize, list: &[Place]) -> bool {
        let organizations = self.root.get("organizations");
        let organization = organizations.and_then(|organizations| organizations.item(n));
        let found = organization.and_then(|node| list.iter().try_fold(node, step));
        found.is_some_and(|found| !found.is_null())
    }

    /// A contradiction as a problem with its place.
    pub(crate) fn locate(&self, contradiction: &Contradiction) -> Problem {
        let mut node = &self.root;
        if let Some(organizations) = node.get("organizations") {
            node = organizations;
        }
        for place in &contradiction.place {
            match step(node, place) {
                Some(next) => node = next,
                None => break,
            }
        }
        Problem {
            at: node.at,
            message: contradiction.message.clone(),
        }
    }
}
