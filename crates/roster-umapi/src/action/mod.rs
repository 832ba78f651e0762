//! The action endpoint: a body to commands, and what became of them to a body.
//!
//! [`parse()`] settles everything that can be settled by looking at the body alone; what needs a row or a setting
//! is core's. A body that is no batch at all is [`Malformed`]; a command whose form is wrong spoils only itself
//! (umapi.md 4.2): its [`Entry`] holds what is wrong, and it is never decided.
//!
//! ```
//! use roster_umapi::action;
//!
//! let body = br#"[{"user": "ana@example.com", "do": [{"removeFromOrg": {}}]}, {"user": 5, "do": []}]"#;
//! let batch = action::parse(body, &action::Limits::default()).unwrap();
//! assert_eq!(batch.commands().len(), 1);
//! assert!(batch.entries[1].command.is_err());
//! ```

mod fields;
mod group_steps;
mod parse;
mod render;
mod steps;
mod syntax;
pub(crate) mod tree;
mod write;

use roster_core::command::Command;
use roster_core::refusal::StepWarning;

pub(crate) use fields::MAX_DESCRIPTION;
pub use parse::parse;
pub use render::render;
pub use syntax::{Syntax, SyntaxError};
pub use write::{write, write_command};

/// How much a request may hold (umapi.md 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Commands in a request.
    pub max_commands: usize,
    /// Steps of a command.
    pub max_steps: usize,
    /// Entries of one list of an `add` or `remove`.
    pub max_list_entries: usize,
    /// Bytes of a body.
    pub max_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_commands: 10,
            max_steps: 10,
            max_list_entries: 10,
            max_body: 1_048_576,
        }
    }
}

/// Why a body is no batch of commands; its text is the message of `error.command.malformed`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More bytes than a body may have.
    #[error("Request body too large: max is {max} bytes")]
    TooLarge {
        /// The limit in force.
        max: usize,
    },
    /// Nothing but white space.
    #[error("Request body is empty")]
    Empty,
    /// JSON of another kind.
    #[error("Request body must be a JSON array of commands")]
    NotAnArray,
    /// No JSON; the text says where.
    #[error("Request body is not valid JSON: {0}")]
    NotJson(String),
    /// `[]`.
    #[error("No commands in request")]
    NoCommands,
    /// More commands than a request may have.
    #[error("Too many commands in request: max is {max}")]
    TooManyCommands {
        /// The limit in force.
        max: usize,
    },
}

/// The commands of a request, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// One per element of the array that was sent.
    pub entries: Vec<Entry>,
}

/// One element of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `requestID` as sent; `None` when absent, empty or no text.
    pub request_id: Option<String>,
    /// `user` or `usergroup` as sent; `None` when absent or no text.
    pub label: Option<String>,
    /// The command, or what is wrong with its form: at most one problem per step, in the order of steps.
    pub command: Result<Command, Vec<SyntaxError>>,
    /// What was sent, in compact form, for the audit log. Of a command whose form is wrong, texts under keys that the
    /// API does not know are left out: somebody may have put a secret there.
    pub text: String,
    /// Every deprecated spelling, by step. A [`roster_core::command::Step`] has room for one of them.
    spellings: Vec<StepWarning>,
}

impl Batch {
    /// The commands that can be decided, in their order.
    pub fn commands(&self) -> Vec<&Command> {
        self.entries
            .iter()
            .filter_map(|entry| entry.command.as_ref().ok())
            .collect()
    }

    /// The entries whose commands can be decided, in the order of [`Batch::commands`].
    pub fn parsed(&self) -> impl Iterator<Item = (&Entry, &Command)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry, entry.command.as_ref().ok()?)))
    }
}

impl Entry {
    /// An entry for a command that did not come over the wire.
    pub fn new(request_id: Option<String>, command: Command) -> Self {
        let mut text = Vec::new();
        write_command(&mut text, request_id.as_deref(), &command);
        let spellings = (0..)
            .zip(&command.steps)
            .filter_map(|(step, read)| {
                let warning = read.deprecated?;
                Some(StepWarning { step, warning })
            })
            .collect();
        Self {
            request_id,
            label: Some(command.target.label().to_owned()),
            command: Ok(command),
            text: String::from_utf8_lossy(&text).into_owned(),
            spellings,
        }
    }
}
