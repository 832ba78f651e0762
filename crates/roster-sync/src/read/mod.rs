//! Readers of the two sides. A directory reader fills [`People`]; `organization` fills core's accounts.
//!
//! Every reader keeps one promise: what could make its answer incomplete is an error, never a shorter answer.

pub(crate) mod attributes;
pub(crate) mod console;
pub(crate) mod csv;
pub(crate) mod ldap;
pub(crate) mod okta;
pub(crate) mod organization;
pub(crate) mod template;

use std::collections::{BTreeMap, BTreeSet};

use roster_core::plan::text::{SetId, Sets, TextId, Texts};
use roster_core::value::IdentityType;

use attributes::Attributes;

/// A record of a directory, before selection and mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    /// The kind of account, where the source says so.
    pub kind: Option<IdentityType>,
    /// The e-mail.
    pub email: TextId,
    /// The username.
    pub username: TextId,
    /// The domain, or empty.
    pub domain: TextId,
    /// The first name, or empty.
    pub firstname: TextId,
    /// The last name, or empty.
    pub lastname: TextId,
    /// The country, or empty.
    pub country: TextId,
    /// The names (numbers of texts) of the groups the person was found in.
    pub groups: SetId,
    /// The names of the groups that `additional_groups` looks at.
    pub member_groups: SetId,
    /// Where the source has it, counted from 1.
    pub place: u32,
    /// The number of its row among the attributes for hooks; 0 where they are not read.
    pub attributes: u32,
}

/// What a directory reader returns: records whose texts and sets are those of the run.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// In the order of the source.
    pub records: Vec<Record>,
    /// What hooks see of them.
    pub attributes: Attributes,
    /// The names of parts of the directory that it did not look at, because other servers hold them.
    pub elsewhere: BTreeSet<String>,
    /// What was met in the groups that were asked for, where groups are in groups.
    pub within: BTreeMap<String, Within>,
    /// How many entries the source says that it has, and how many it showed, where it says so.
    pub entries: Entries,
    /// How many rows were left out because nobody knows whose they are, or what they say.
    pub broken_rows: usize,
}

/// The entries of a source that counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    /// How many it showed.
    pub shown: usize,
    /// How many more it counts.
    pub unlisted: usize,
}

/// What was met in a directory group, by the names of entries in small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Within {
    /// Groups, which showed members.
    pub groups: BTreeSet<String>,
    /// Members that are not there or show no members: people, and groups that may have become so because they are hidden.
    pub mute: BTreeSet<String>,
}

/// The tables that readers write into.
#[derive(Debug)]
pub(crate) struct Tables<'w> {
    /// All texts of the run.
    pub texts: &'w mut Texts,
    /// All sets of the run.
    pub sets: &'w mut Sets,
}

/// Why a directory cannot be read; nothing has been sent when this is seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{key}]")]
pub(crate) struct ReadError {
    /// The stable name.
    pub key: &'static str,
    /// What happened, where, and what helps.
    pub message: String,
}

impl ReadError {
    /// A table in which nobody can be told from anybody else.
    pub(crate) fn without_email(file: &std::path::Path, column: &str, header: &[String]) -> Self {
        Self {
            key: "file-without-email",
            message: format!(
                "the file `{}` has no column `{column}`, so nobody in it can be told from anybody else; its columns are: {}. The \
                 first row has to name them; `delimiter` and `email_column_name` of the connector file say how else they are \
                 divided and called",
                file.display(),
                header.join(", ")
            ),
        }
    }
}
