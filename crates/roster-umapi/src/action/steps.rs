//! The steps of a command on a person (umapi.md 5). Those on a user group are in `group_steps`.

use roster_core::command::{
    Action, CreateUser, Deprecated, GroupEntry, GroupList, GroupSelection, OnConflict, Role, UpdateUser,
};
use roster_core::value::{IdentityType, Key};

use super::Limits;
use super::fields::{MAX_COUNTRY, MAX_TEXT, Stray, limited, names, optional_text, slots, unless_blank};
use super::parse::StepKind;
use super::syntax::Syntax;
use super::tree::{Field, Node};

/// What a step asks for, and every deprecated spelling it used, in the order of use.
pub(super) type Read = (Action, Vec<Deprecated>);

/// The steps of a person, by their names on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserStep {
    Create(IdentityType, &'static str),
    Update,
    Add,
    Remove,
    RemoveFromOrg,
    AddRoles,
    RemoveRoles,
    RemoveFromDomain,
    ResetPassword,
}

impl StepKind for UserStep {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "addAdobeID" => Self::Create(IdentityType::AdobeId, "addAdobeID"),
            "createEnterpriseID" => Self::Create(IdentityType::Enterprise, "createEnterpriseID"),
            // The spelling of an official sample.
            "addEnterpriseID" => Self::Create(IdentityType::Enterprise, "addEnterpriseID"),
            "createFederatedID" => Self::Create(IdentityType::Federated, "createFederatedID"),
            "update" => Self::Update,
            "add" => Self::Add,
            "remove" => Self::Remove,
            "removeFromOrg" => Self::RemoveFromOrg,
            "addRoles" => Self::AddRoles,
            "removeRoles" => Self::RemoveRoles,
            "removeFromDomain" => Self::RemoveFromDomain,
            "resetPassword" => Self::ResetPassword,
            _ => return None,
        })
    }

    fn creates(self) -> bool {
        matches!(self, Self::Create(..))
    }

    fn must_be_last(self) -> Option<&'static str> {
        match self {
            Self::RemoveFromOrg => Some("removeFromOrg"),
            Self::RemoveFromDomain => Some("removeFromDomain"),
            Self::Create(..)
            | Self::Update
            | Self::Add
            | Self::Remove
            | Self::AddRoles
            | Self::RemoveRoles
            | Self::ResetPassword => None,
        }
    }

    fn read(self, value: &Node<'_>, limits: &Limits) -> Result<Read, Syntax> {
        let plain = |action| (action, Vec::new());
        match self {
            Self::Create(kind, step) => create(kind, step, value).map(Action::CreateUser).map(plain),
            Self::Update => update(value).map(Action::UpdateUser).map(plain),
            Self::Add => selection("add", value, limits).map(|(all, old)| (Action::JoinGroups(all), old)),
            Self::Remove => {
                selection("remove", value, limits).map(|(all, old)| (Action::LeaveGroups(all), old))
            }
            Self::AddRoles => roles("addRoles", value, limits)
                .map(|roles| (Action::AddRoles(roles), vec![Deprecated::AddRoles])),
            Self::RemoveRoles => roles("removeRoles", value, limits)
                .map(|roles| (Action::RemoveRoles(roles), vec![Deprecated::RemoveRoles])),
            Self::RemoveFromOrg => remove_from_org(value).map(plain),
            Self::RemoveFromDomain => remove_from_domain(value).map(plain),
            Self::ResetPassword => {
                let fields = object("resetPassword", value)?;
                if fields.is_empty() {
                    Ok(plain(Action::ResetPassword))
                } else {
                    Err(Syntax::ObjectNotEmpty {
                        step: "resetPassword",
                    })
                }
            }
        }
    }
}

/// The fields of a step that takes an object and has no code of its own for anything else (umapi.md 4.4).
pub(super) fn object<'n, 'a>(step: &'static str, value: &'n Node<'a>) -> Result<&'n [Field<'a>], Syntax> {
    value.fields().ok_or_else(|| Syntax::IllegalEntry {
        what: format!("{step} must be an object"),
    })
}

/// The `option` of a create step; null and `""` count as absent.
pub(super) fn option(node: Option<&Node<'_>>) -> Result<OnConflict, Syntax> {
    let text = match node {
        None | Some(Node::Null) => return Ok(OnConflict::Refuse),
        Some(node) => node
            .text()
            .ok_or(Syntax::CreateStringExpected { field: "option" })?,
    };
    match text {
        "" | "errorIfAlreadyExists" => Ok(OnConflict::Refuse),
        "ignoreIfAlreadyExists" => Ok(OnConflict::Ignore),
        "updateIfAlreadyExists" => Ok(OnConflict::Update),
        other => Err(Syntax::IllegalOption {
            value: other.to_owned(),
        }),
    }
}

/// The problem with a key that a create step does not have, or has twice.
pub(super) fn create_stray(step: &'static str, stray: &Stray<'_>) -> Syntax {
    match stray {
        Stray::Unknown(key) => Syntax::CreateKeyUnknown {
            step,
            key: (*key).to_owned(),
        },
        Stray::Repeated(_) => stray.illegal(),
    }
}

fn create(kind: IdentityType, step: &'static str, value: &Node<'_>) -> Result<CreateUser, Syntax> {
    let fields = value.fields().ok_or(Syntax::CreateObjectExpected { step })?;
    let keys = ["email", "country", "firstname", "lastname", "option"];
    let ([email, country, firstname, lastname, conflict], stray) = slots(fields, keys);
    if let Some(stray) = stray {
        return Err(create_stray(step, &stray));
    }
    let text = |node, field| optional_text(node, || Syntax::CreateStringExpected { field }).map(unless_blank);
    Ok(CreateUser {
        kind,
        // Whether it is one, and not too long for one, is a rule and not a matter of form.
        email: text(email, "email")?.unwrap_or_default(),
        country: limited(text(country, "country")?, "country", MAX_COUNTRY)?,
        firstname: limited(text(firstname, "firstname")?, "firstname", MAX_TEXT)?,
        lastname: limited(text(lastname, "lastname")?, "lastname", MAX_TEXT)?,
        on_conflict: option(conflict)?,
    })
}

fn update(value: &Node<'_>) -> Result<UpdateUser, Syntax> {
    let fields = object("update", value)?;
    let keys = ["email", "username", "firstname", "lastname", "country", "option"];
    let ([email, username, firstname, lastname, country, option], stray) = slots(fields, keys);
    if let Some(stray) = stray {
        return Err(stray.illegal());
    }
    if option.is_some_and(|node| *node != Node::Null) {
        return Err(Syntax::OptionInUpdate);
    }
    let text = |node, field| optional_text(node, || Syntax::StringExpected { field });
    Ok(UpdateUser {
        email: text(email, "email")?,
        username: limited(text(username, "username")?, "username", MAX_TEXT)?,
        firstname: limited(text(firstname, "firstname")?, "firstname", MAX_TEXT)?,
        lastname: limited(text(lastname, "lastname")?, "lastname", MAX_TEXT)?,
        country: limited(text(country, "country")?, "country", MAX_COUNTRY)?,
    })
}

fn selection(
    step: &'static str,
    value: &Node<'_>,
    limits: &Limits,
) -> Result<(GroupSelection, Vec<Deprecated>), Syntax> {
    let fields = match value {
        Node::Text(text) if text == "all" => return Ok((GroupSelection::All, Vec::new())),
        value => value.fields().ok_or(Syntax::ListsExpected { step })?,
    };
    if fields.is_empty() {
        return Err(Syntax::ListMissing { step });
    }
    let mut entries: Vec<GroupEntry> = Vec::new();
    let mut deprecated = Vec::new();
    let mut seen: Vec<GroupList> = Vec::new();
    for (key, node) in fields {
        let (key, list) = match key.as_ref() {
            "group" => ("group", GroupList::Any),
            "usergroup" => ("usergroup", GroupList::UserGroups),
            "productConfiguration" => ("productConfiguration", GroupList::Profiles),
            "product" => ("product", GroupList::Profiles),
            other => {
                return Err(Syntax::ListKeyUnknown {
                    step,
                    key: other.to_owned(),
                });
            }
        };
        if seen.contains(&list) {
            return Err(match list {
                GroupList::Any | GroupList::UserGroups => Syntax::DuplicateGroupList { key },
                GroupList::Profiles => Syntax::DuplicateProductList { key },
            });
        }
        seen.push(list);
        if key == "product" {
            deprecated.push(Deprecated::Product);
        }
        let names = names(key, node, limits.max_list_entries)?;
        entries.extend(names.into_iter().map(|name| GroupEntry { name, list }));
    }
    Ok((GroupSelection::Named(entries), deprecated))
}

fn roles(step: &'static str, value: &Node<'_>, limits: &Limits) -> Result<Vec<Role>, Syntax> {
    let fields = value.fields().ok_or(Syntax::ListsExpected { step })?;
    if fields.is_empty() {
        return Err(Syntax::ListMissing { step });
    }
    let mut roles = Vec::new();
    let (mut admin, mut product_admin) = (false, false);
    for (key, node) in fields {
        match key.as_ref() {
            "admin" => {
                if std::mem::replace(&mut admin, true) {
                    return Err(Syntax::DuplicateGroupList { key: "admin" });
                }
                let names = names("admin", node, limits.max_list_entries)?;
                roles.extend(names.into_iter().map(Role::Admin));
            }
            "productAdmin" => {
                if std::mem::replace(&mut product_admin, true) {
                    return Err(Syntax::DuplicateProductAdmin {
                        entry: "productAdmin".to_owned(),
                    });
                }
                let names = names("productAdmin", node, limits.max_list_entries)?;
                if let Some(entry) = repeated(&names) {
                    return Err(Syntax::DuplicateProductAdmin { entry });
                }
                roles.extend(names.into_iter().map(Role::ProductAdmin));
            }
            other => {
                return Err(Syntax::ListKeyUnknown {
                    step,
                    key: other.to_owned(),
                });
            }
        }
    }
    Ok(roles)
}

/// The first entry that another before it means too.
pub(super) fn repeated(entries: &[String]) -> Option<String> {
    let mut seen = std::collections::BTreeSet::new();
    entries
        .iter()
        .find(|entry| !seen.insert(Key::new(entry)))
        .cloned()
}

fn remove_from_org(value: &Node<'_>) -> Result<Action, Syntax> {
    let step = "removeFromOrg";
    let ([delete, removed_domain], stray) = slots(object(step, value)?, ["deleteAccount", "removedDomain"]);
    reject(step, stray)?;
    // An old key that says nothing any more.
    domain(removed_domain, "removedDomain")?;
    match delete {
        None => Ok(Action::RemoveFromOrg {
            delete_account: false,
        }),
        Some(Node::Bool(delete_account)) => Ok(Action::RemoveFromOrg {
            delete_account: *delete_account,
        }),
        Some(_) => Err(Syntax::BooleanExpected {
            field: "deleteAccount",
        }),
    }
}

fn remove_from_domain(value: &Node<'_>) -> Result<Action, Syntax> {
    let step = "removeFromDomain";
    let ([current, old], stray) = slots(object(step, value)?, ["domain", "removedDomain"]);
    reject(step, stray)?;
    let current = domain(current, "domain")?;
    let old = domain(old, "removedDomain")?;
    Ok(Action::RemoveFromDomain {
        domain: current.or(old),
    })
}

fn reject(step: &'static str, stray: Option<Stray<'_>>) -> Result<(), Syntax> {
    match stray {
        None => Ok(()),
        Some(Stray::Unknown(_)) => Err(Syntax::ObjectNotEmpty { step }),
        Some(stray @ Stray::Repeated(_)) => Err(stray.illegal()),
    }
}

/// A domain; null and `""` count as absent.
pub(super) fn domain(node: Option<&Node<'_>>, field: &'static str) -> Result<Option<String>, Syntax> {
    let wrong = || {
        if field == "domain" {
            Syntax::DomainStringExpected
        } else {
            Syntax::StringExpected { field }
        }
    };
    limited(unless_blank(optional_text(node, wrong)?), field, MAX_TEXT)
}
