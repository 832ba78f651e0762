//! Reading the values of a command: objects by their keys, texts with their limits, lists.
//!
//! Every function gives a value or the [`Syntax`] problem; which code belongs to it depends on the step, so
//! callers say what a wrong type means to them.

use super::syntax::Syntax;
use super::tree::{Field, Node};
use roster_core::value::{GroupName, NAME_MAX};

/// The longest `user`, `username`, `domain`, name of a person and `requestID`, in characters (umapi.md 1.3).
pub(super) const MAX_TEXT: usize = 250;
/// The longest `country`.
pub(super) const MAX_COUNTRY: usize = 2;
/// The longest description of a user group.
pub(crate) const MAX_DESCRIPTION: usize = 4000;

/// A key that should not be where it is.
pub(super) enum Stray<'n> {
    /// Nobody knows it.
    Unknown(&'n str),
    /// It stands twice.
    Repeated(&'static str),
}

impl Stray<'_> {
    pub(super) fn illegal(&self) -> Syntax {
        let what = match self {
            Self::Unknown(key) => format!("unknown key: {key}"),
            Self::Repeated(key) => format!("repeated key: {key}"),
        };
        Syntax::IllegalEntry { what }
    }
}

/// The values of the keys `names`, and the first key that is none of them or stands there again.
pub(super) fn slots<'n, 'a, const N: usize>(
    fields: &'n [Field<'a>],
    names: [&'static str; N],
) -> ([Option<&'n Node<'a>>; N], Option<Stray<'n>>) {
    let mut found = [None; N];
    let mut stray = None;
    for (key, node) in fields {
        match found.iter_mut().zip(names).find(|(_, name)| *name == key) {
            None => {
                stray = stray.or(Some(Stray::Unknown(key)));
            }
            Some((slot @ None, _)) => *slot = Some(node),
            Some((Some(_), name)) => {
                stray = stray.or(Some(Stray::Repeated(name)));
            }
        }
    }
    (found, stray)
}

/// A text, trimmed; `None` when the key is absent or null. `wrong` is the problem of anything else.
pub(super) fn optional_text(
    node: Option<&Node<'_>>,
    wrong: impl FnOnce() -> Syntax,
) -> Result<Option<String>, Syntax> {
    match node {
        None | Some(Node::Null) => Ok(None),
        Some(Node::Text(text)) => Ok(Some(text.trim().to_owned())),
        Some(Node::Bool(_) | Node::Number(_) | Node::List(_) | Node::Object(_)) => Err(wrong()),
    }
}

/// Takes a blank text for an absent one.
pub(super) fn unless_blank(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Holds a text to its limit.
pub(super) fn limited(
    text: Option<String>,
    field: &'static str,
    max: usize,
) -> Result<Option<String>, Syntax> {
    match text {
        Some(text) if longer_than(&text, max) => Err(Syntax::TooLong { field, max }),
        text => Ok(text),
    }
}

/// Whether the text has more characters than that.
pub(super) fn longer_than(text: &str, max: usize) -> bool {
    // Never more characters than bytes.
    text.len() > max && text.chars().nth(max).is_some()
}

/// The entries of a list, not more than `max`.
pub(super) fn list<'n, 'a>(
    key: &'static str,
    node: &'n Node<'a>,
    max: usize,
) -> Result<&'n [Node<'a>], Syntax> {
    match node {
        Node::List(entries) if entries.len() > max => Err(Syntax::ListTooLong { max }),
        Node::List(entries) => Ok(entries),
        _ => Err(Syntax::ListNotArray { key }),
    }
}

/// A list of names of groups, profiles or products, trimmed.
pub(super) fn names(key: &'static str, node: &Node<'_>, max: usize) -> Result<Vec<String>, Syntax> {
    let mut names = Vec::new();
    for entry in list(key, node, max)? {
        let name = entry.text().map(str::trim).unwrap_or_default();
        if name.is_empty() {
            return Err(Syntax::InvalidListEntry { key });
        }
        if longer_than(name, NAME_MAX) && GroupName::counted_length(name) > NAME_MAX {
            return Err(Syntax::NameTooLong);
        }
        names.push(name.to_owned());
    }
    Ok(names)
}
