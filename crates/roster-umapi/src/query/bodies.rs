//! What the deprecated endpoints are sent (umapi.md 11.3, 11.4). Unknown keys are ignored, known ones may not be repeated.

use std::collections::BTreeSet;

use roster_core::value::Key;

use crate::action::MAX_DESCRIPTION;
use crate::action::tree::{Field, Node, read};
use crate::request::DeprecatedError;

/// The most entries of a list.
pub const MAX_LIST: usize = 10;

/// The body of `POST` and `PUT` of user groups; `None` for what is absent, null, or a blank name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserGroupBody {
    /// The new name, trimmed.
    pub name: Option<String>,
    /// The new description; `Some("")` clears it.
    pub description: Option<String>,
}

/// The body of a profile update. Removals come before additions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileBody {
    /// E-mails of people who join.
    pub add_users: Vec<String>,
    /// E-mails of people who leave.
    pub remove_users: Vec<String>,
    /// Names of user groups that are linked.
    pub add_user_groups: Vec<String>,
    /// Names of user groups that are unlinked.
    pub remove_user_groups: Vec<String>,
    /// E-mails of new administrators.
    pub add_admin_users: Vec<String>,
    /// E-mails of people who are administrators no more.
    pub remove_admin_users: Vec<String>,
}

/// The body of an update of a product's administrators.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductAdminBody {
    /// E-mails of new administrators.
    pub add: Vec<String>,
    /// E-mails of people who are administrators no more.
    pub remove: Vec<String>,
}

/// Reads a body whose texts can be kept: like the action endpoint, these take no U+0000.
fn readable(body: &[u8]) -> Result<Node<'_>, DeprecatedError> {
    let node = read(body).map_err(|_| DeprecatedError::Malformed)?;
    if node.holds_nul() {
        return Err(DeprecatedError::Malformed);
    }
    Ok(node)
}

/// The keys of all these bodies.
const KNOWN: [&str; 10] = [
    "name",
    "description",
    "addUsers",
    "removeUsers",
    "addUserGroups",
    "removeUserGroups",
    "addAdminUsers",
    "removeAdminUsers",
    "addProductAdmin",
    "removeProductAdmin",
];

/// What can be kept of a body, in compact form: all but the texts of which these endpoints do not know what they are, which
/// may be secrets. `None` when it is no JSON.
pub fn kept(body: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    read(body).ok()?.write_known(&KNOWN, &mut text);
    String::from_utf8(text).ok()
}

impl UserGroupBody {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, DeprecatedError> {
        let node = readable(body)?;
        let mut group = Self::default();
        let fields = node.fields().ok_or(DeprecatedError::Malformed)?;
        for (at, (key, value)) in fields.iter().enumerate() {
            let slot = match key.as_ref() {
                "name" => &mut group.name,
                "description" => &mut group.description,
                _ => continue,
            };
            if is_repeated(fields, at) {
                return Err(DeprecatedError::Malformed);
            }
            *slot = match value {
                Node::Null => None,
                value => Some(value.text().ok_or(DeprecatedError::Malformed)?.to_owned()),
            };
        }
        let description = group.description.as_deref().unwrap_or_default();
        if description.chars().count() > MAX_DESCRIPTION {
            return Err(DeprecatedError::TooLong);
        }
        let name = group.name.as_deref().map(str::trim);
        group.name = name.filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(group)
    }
}

impl ProfileBody {
    /// Reads the body: an object, or an array of such objects as an old sample sends it.
    pub fn parse(body: &[u8]) -> Result<Self, DeprecatedError> {
        let people = DeprecatedError::DuplicateUser;
        let groups = DeprecatedError::DuplicateUserGroup;
        let keys = [
            ("addUsers", people),
            ("removeUsers", people),
            ("addUserGroups", groups),
            ("removeUserGroups", groups),
            ("addAdminUsers", people),
            ("removeAdminUsers", people),
        ];
        let [
            add_users,
            remove_users,
            add_user_groups,
            remove_user_groups,
            add_admin_users,
            remove_admin_users,
        ] = lists(body, keys)?;
        Ok(Self {
            add_users,
            remove_users,
            add_user_groups,
            remove_user_groups,
            add_admin_users,
            remove_admin_users,
        })
    }
}

impl ProductAdminBody {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, DeprecatedError> {
        let twice = DeprecatedError::DuplicateProductAdmin;
        let [add, remove] = lists(body, [("addProductAdmin", twice), ("removeProductAdmin", twice)])?;
        Ok(Self { add, remove })
    }
}

/// The lists of these names, each with the error for whoever stands in it twice.
fn lists<const N: usize>(
    body: &[u8],
    keys: [(&str, DeprecatedError); N],
) -> Result<[Vec<String>; N], DeprecatedError> {
    let node = readable(body)?;
    let objects = match &node {
        Node::List(objects) => objects.as_slice(),
        node => std::slice::from_ref(node),
    };
    let mut lists = [const { None::<Vec<String>> }; N];
    for object in objects {
        let fields = object.fields().ok_or(DeprecatedError::Malformed)?;
        for (at, field) in fields.iter().enumerate() {
            let known = lists.iter_mut().zip(keys).find(|(_, (key, _))| *key == field.0);
            if let Some((list, (_, twice))) = known {
                if is_repeated(fields, at) {
                    return Err(twice);
                }
                add(list.get_or_insert_default(), field)?;
            }
        }
    }
    if lists.iter().all(Option::is_none) {
        return Err(DeprecatedError::NothingGiven);
    }
    let lists = lists.map(Option::unwrap_or_default);
    for (list, (_, twice)) in lists.iter().zip(keys) {
        let mut seen = BTreeSet::new();
        if !list.iter().all(|entry| seen.insert(Key::new(entry))) {
            return Err(twice);
        }
    }
    Ok(lists)
}

/// Whether the key of a field stands before it in the same object: what was meant is anybody's guess.
fn is_repeated(fields: &[Field<'_>], at: usize) -> bool {
    let Some((key, _)) = fields.get(at) else {
        return false;
    };
    fields.iter().take(at).any(|(before, _)| before == key)
}

fn add(list: &mut Vec<String>, (_, value): &Field<'_>) -> Result<(), DeprecatedError> {
    let Node::List(entries) = value else {
        return Err(DeprecatedError::Malformed);
    };
    if list.len() + entries.len() > MAX_LIST {
        return Err(DeprecatedError::ListTooLong);
    }
    for entry in entries {
        let entry = entry.text().map(str::trim).filter(|entry| !entry.is_empty());
        list.push(entry.ok_or(DeprecatedError::Malformed)?.to_owned());
    }
    Ok(())
}
