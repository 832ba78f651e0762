//! What a hook is given of a person, and what it leaves behind.

use std::fmt::Display;
use std::io::Write as _;

use roster_core::plan::text::{TextId, Texts};
use serde_json::Number;

use crate::read::attributes::{Attribute, Attributes};

/// A person before the hook.
#[derive(Debug)]
pub(crate) struct Given<'w> {
    /// All texts of the run.
    pub(crate) texts: &'w Texts,
    /// `source_attributes`: the table, and the number of the row.
    pub(crate) attributes: (&'w Attributes, u32),
    /// `source_groups`.
    pub(crate) groups: Vec<&'w str>,
    /// `target_attributes`: e-mail, username, domain, first name, last name, country.
    pub(crate) values: [TextId; 6],
    /// `target_groups`.
    pub(crate) targets: Vec<&'w str>,
}

/// A person after the hook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) email: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) firstname: Option<String>,
    pub(crate) lastname: Option<String>,
    pub(crate) country: Option<String>,
    /// The word that the hook has set for the identity type.
    pub(crate) kind: Option<String>,
    /// The names of target groups, known or not.
    pub(crate) groups: Vec<String>,
}

impl Given<'_> {
    /// Writes the person as the worker reads it, in one line; `number` is what the answer is known by.
    pub(crate) fn write_json(&self, number: u64, out: &mut Vec<u8>) {
        let (table, row) = self.attributes;
        out.push(b'[');
        plain(number, out);
        out.extend_from_slice(b",{");
        for (at, (name, value)) in table.names.iter().zip(table.row(row)).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write(out, name);
            out.push(b':');
            self.attribute(*value, out);
        }
        out.extend_from_slice(b"},");
        list(&self.groups, out);
        out.extend_from_slice(b",[");
        for (at, id) in self.values.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.attribute(Attribute::from(*id), out);
        }
        out.extend_from_slice(b"],");
        list(&self.targets, out);
        out.push(b']');
    }

    fn attribute(&self, value: Attribute, out: &mut Vec<u8>) {
        match value {
            Attribute::None => out.extend_from_slice(b"null"),
            Attribute::Text(id) => write(out, self.texts.get(id)),
            Attribute::Bool(yes) => plain(yes, out),
            Attribute::Int(number) => plain(number, out),
            Attribute::Float(number) => match Number::from_f64(number) {
                Some(number) => plain(number, out),
                None => out.extend_from_slice(b"null"),
            },
            Attribute::Time(id) => self.tagged("time", id, out),
            Attribute::Bytes(id) => self.tagged("bytes", id, out),
            Attribute::List(at) => {
                out.push(b'[');
                for (position, item) in self.attributes.0.members(at).iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    self.attribute(*item, out);
                }
                out.push(b']');
            }
        }
    }

    /// What JSON has no type for.
    fn tagged(&self, tag: &str, id: TextId, out: &mut Vec<u8>) {
        out.push(b'{');
        write(out, tag);
        out.push(b':');
        write(out, self.texts.get(id));
        out.push(b'}');
    }
}

fn list(names: &[&str], out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, name);
    }
    out.push(b']');
}

/// Writing into memory cannot fail.
fn write(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}

fn plain(value: impl Display, out: &mut Vec<u8>) {
    let _ = write!(out, "{value}");
}
