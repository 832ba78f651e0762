//! The steps of a command on a user group (umapi.md 6).

use roster_core::command::{Action, Deprecated, GroupMembers, OnConflict};
use roster_core::value::is_email_form;

use super::Limits;
use super::fields::{MAX_DESCRIPTION, MAX_TEXT, limited, list, longer_than, names, optional_text, slots};
use super::parse::StepKind;
use super::steps::{Read, create_stray, object, option, repeated};
use super::syntax::Syntax;
use super::tree::Node;

/// The steps of a user group, by their names on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupStep {
    Create,
    Update,
    Delete,
    Add,
    Remove,
}

impl StepKind for GroupStep {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "createUserGroup" => Self::Create,
            "updateUserGroup" => Self::Update,
            "deleteUserGroup" => Self::Delete,
            "add" => Self::Add,
            "remove" => Self::Remove,
            _ => return None,
        })
    }

    fn creates(self) -> bool {
        self == Self::Create
    }

    fn must_be_last(self) -> Option<&'static str> {
        None
    }

    fn read(self, value: &Node<'_>, limits: &Limits) -> Result<Read, Syntax> {
        let plain = |action| (action, Vec::new());
        match self {
            Self::Create => create(value).map(plain),
            Self::Update => update(value).map(plain),
            // Whatever the object holds is ignored.
            Self::Delete => object("deleteUserGroup", value).map(|_| plain(Action::DeleteGroup)),
            Self::Add => members("add", value, limits).map(|(all, old)| (Action::AddToGroup(all), old)),
            Self::Remove => {
                members("remove", value, limits).map(|(all, old)| (Action::RemoveFromGroup(all), old))
            }
        }
    }
}

fn create(value: &Node<'_>) -> Result<Action, Syntax> {
    let step = "createUserGroup";
    let fields = value.fields().ok_or(Syntax::CreateObjectExpected { step })?;
    let ([name, text, conflict], stray) = slots(fields, ["name", "description", "option"]);
    if let Some(stray) = stray {
        return Err(create_stray(step, &stray));
    }
    // The name of the group is the root; this one is ignored, but it has to be a text.
    optional_text(name, || Syntax::CreateStringExpected { field: "name" })?;
    let text = description(text, || Syntax::CreateStringExpected { field: "description" })?;
    let on_conflict: OnConflict = option(conflict)?;
    Ok(Action::CreateGroup {
        description: text.filter(|text| !text.is_empty()),
        on_conflict,
    })
}

fn update(value: &Node<'_>) -> Result<Action, Syntax> {
    let ([name, text], stray) = slots(object("updateUserGroup", value)?, ["name", "description"]);
    if let Some(stray) = stray {
        return Err(stray.illegal());
    }
    Ok(Action::UpdateGroup {
        // Length and characters of a new name are a rule, with a code of their own.
        name: optional_text(name, || Syntax::StringExpected { field: "name" })?,
        description: description(text, || Syntax::StringExpected { field: "description" })?,
    })
}

/// A description is kept as it was sent, blanks and all.
fn description(node: Option<&Node<'_>>, wrong: impl FnOnce() -> Syntax) -> Result<Option<String>, Syntax> {
    let text = match node {
        None | Some(Node::Null) => None,
        Some(node) => Some(node.text().ok_or_else(wrong)?.to_owned()),
    };
    limited(text, "description", MAX_DESCRIPTION)
}

/// The lists of a group command; `old` is the deprecated name of the key.
#[derive(Clone, Copy)]
enum ListKey {
    Users { old: bool },
    Profiles { old: bool },
}

fn members(
    step: &'static str,
    value: &Node<'_>,
    limits: &Limits,
) -> Result<(GroupMembers, Vec<Deprecated>), Syntax> {
    let fields = match value {
        Node::Text(text) if text == "all" => return Ok((GroupMembers::All, Vec::new())),
        value => value.fields().ok_or(Syntax::ListsExpected { step })?,
    };
    if fields.is_empty() {
        return Err(Syntax::GroupListMissing);
    }
    let (mut users, mut profiles) = (None, None);
    let mut deprecated = Vec::new();
    for (key, node) in fields {
        let known = match key.as_ref() {
            "user" => ListKey::Users { old: false },
            "users" => ListKey::Users { old: true },
            "productConfiguration" => ListKey::Profiles { old: false },
            "product" => ListKey::Profiles { old: true },
            other => {
                return Err(Syntax::ListKeyUnknown {
                    step,
                    key: other.to_owned(),
                });
            }
        };
        match known {
            ListKey::Users { old } => {
                let key = if old { "users" } else { "user" };
                if users.is_some() {
                    return Err(Syntax::DuplicateUser {
                        entry: key.to_owned(),
                    });
                }
                deprecated.extend(old.then_some(Deprecated::Users));
                users = Some(people(key, node, limits)?);
            }
            ListKey::Profiles { old } => {
                let key = if old { "product" } else { "productConfiguration" };
                if profiles.is_some() {
                    return Err(Syntax::DuplicateProductList { key });
                }
                deprecated.extend(old.then_some(Deprecated::Product));
                profiles = Some(names(key, node, limits.max_list_entries)?);
            }
        }
    }
    let members = GroupMembers::Named {
        users: users.unwrap_or_default(),
        profiles: profiles.unwrap_or_default(),
    };
    Ok((members, deprecated))
}

/// The e-mails of a `user` list. That they are e-mails at all is a matter of form here; that anybody has them
/// is not.
fn people(key: &'static str, node: &Node<'_>, limits: &Limits) -> Result<Vec<String>, Syntax> {
    let mut people = Vec::new();
    for entry in list(key, node, limits.max_list_entries)? {
        let person = entry.text().map(str::trim).unwrap_or_default();
        if person.is_empty() {
            return Err(Syntax::InvalidUserListEntry);
        }
        if !is_email_form(person) || longer_than(person, MAX_TEXT) || person.chars().any(char::is_control) {
            return Err(Syntax::InvalidUserInList {
                entry: person.to_owned(),
            });
        }
        people.push(person.to_owned());
    }
    match repeated(&people) {
        Some(entry) => Err(Syntax::DuplicateUser { entry }),
        None => Ok(people),
    }
}
