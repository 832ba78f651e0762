//! People: the user object, pages of it, and its three deprecated shapes (umapi.md 3.1–3.5, 11.2).

use roster_core::listing::{GroupLabel, UserRow};
use roster_core::org::GroupKind;

use crate::json::{self, List, Object};

/// A page of people on its way: rows are written as they come, and what is known only at the end comes last.
///
/// ```
/// # use roster_core::listing::UserRow;
/// # use roster_core::value::{IdentityType, Status};
/// use roster_umapi::query::users::UsersPage;
///
/// # let row = UserRow {
/// #     id: "1@AdobeID", email: "a@b.example", status: Status::Active, username: "a@b.example", domain: "b.example",
/// #     firstname: None, lastname: None, country: "UD", kind: IdentityType::AdobeId, groups: &[],
/// # };
/// let mut body = Vec::new();
/// let mut page = UsersPage::begin(&mut body);
/// page.row(&row);
/// assert_eq!(page.count(), 1);
/// page.end(true, Some("Design Team"));
/// assert!(body.ends_with(br#"],"lastPage":true,"result":"success","groupName":"Design Team"}"#));
/// ```
pub struct UsersPage<'o> {
    list: List<'o>,
    count: usize,
}

impl<'o> UsersPage<'o> {
    /// Begins a page at the end of `out`.
    pub fn begin(out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"users\":");
        Self {
            list: List::begin(out),
            count: 0,
        }
    }

    /// Adds a person.
    pub fn row(&mut self, row: &UserRow<'_>) {
        self.count += 1;
        write_user(self.list.item(), row);
    }

    /// How many there are so far: `X-Page-Size` in the end.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Ends the page; `group` is the name of the group whose members these are, in stored spelling.
    pub fn end(mut self, last_page: bool, group: Option<&str>) {
        let out = self.list.close();
        out.extend_from_slice(b",\"lastPage\":");
        json::boolean(out, last_page);
        out.extend_from_slice(b",\"result\":\"success\"");
        if let Some(group) = group {
            out.extend_from_slice(b",\"groupName\":");
            json::string(out, group);
        }
        out.push(b'}');
    }
}

/// Appends the answer of the single-user endpoint.
pub fn write_single_user(out: &mut Vec<u8>, row: &UserRow<'_>) {
    let mut body = Object::begin(out);
    body.text("result", "success");
    write_user(body.key("user"), row);
    body.end();
}

/// Appends the user object of the current endpoints.
pub fn write_user(out: &mut Vec<u8>, row: &UserRow<'_>) {
    // The hottest lines of the server: what stands between two values is written in one piece.
    json::after(out, "{\"id\":\"", row.id);
    json::after(out, "\",\"email\":\"", row.email);
    json::after(out, "\",\"status\":\"", row.status.as_str());
    out.push(b'"');
    if !row.groups.is_empty() {
        out.extend_from_slice(b",\"groups\":");
        write_labels(out, row.groups.iter().copied());
    }
    json::after(out, ",\"username\":\"", row.username);
    json::after(out, "\",\"domain\":\"", row.domain);
    if let Some(name) = row.firstname.filter(|name| !name.is_empty()) {
        json::after(out, "\",\"firstname\":\"", name);
    }
    if let Some(name) = row.lastname.filter(|name| !name.is_empty()) {
        json::after(out, "\",\"lastname\":\"", name);
    }
    json::after(out, "\",\"country\":\"", row.country);
    json::after(out, "\",\"type\":\"", row.kind.as_str());
    out.extend_from_slice(b"\"}");
}

/// Appends an entry of the deprecated users list: user groups and profiles in `groups`, roles in `adminRoles`.
pub fn write_old_user(out: &mut Vec<u8>, row: &UserRow<'_>) {
    let mut user = Object::begin(out);
    user.text("id", row.id);
    user.text("email", row.email);
    user.text("status", row.status.as_str());
    let groups = || row.groups.iter().copied().filter(is_no_role);
    if groups().next().is_some() {
        write_labels(user.key("groups"), groups());
    }
    let roles = || row.groups.iter().filter_map(admin_role);
    if roles().next().is_some() {
        json::strings(user.key("adminRoles"), roles());
    }
    user.text("username", row.username);
    user.text("domain", row.domain);
    user.text_unless_empty("firstName", row.firstname);
    user.text_unless_empty("lastName", row.lastname);
    user.text_unless_empty("countryCode", Some(row.country));
    user.text("userType", row.kind.as_str());
    user.end();
}

/// Appends an entry of the deprecated lists of a user group's users and administrators.
pub fn write_old_group_user(out: &mut Vec<u8>, row: &UserRow<'_>) {
    let mut user = Object::begin(out);
    user.text("email", row.email);
    user.text_unless_empty("firstName", row.firstname);
    user.text_unless_empty("lastName", row.lastname);
    user.text_unless_empty("countryCode", Some(row.country));
    user.text("status", row.status.as_str());
    user.text("userType", row.kind.as_str());
    user.end();
}

/// Appends an entry of the deprecated lists of a profile's users and administrators.
pub fn write_old_profile_user(out: &mut Vec<u8>, row: &UserRow<'_>) {
    let mut user = Object::begin(out);
    user.text("id", row.id);
    user.text("email", row.email);
    user.text("username", row.username);
    user.text("domain", row.domain);
    user.text_unless_empty("firstName", row.firstname);
    user.text_unless_empty("lastName", row.lastname);
    user.text("userType", row.kind.as_str());
    user.end();
}

fn write_labels<'a>(out: &mut Vec<u8>, labels: impl Iterator<Item = GroupLabel<'a>>) {
    let mut list = List::begin(out);
    for label in labels {
        json::prefixed(list.item(), label.prefix(), label.name);
    }
    list.end();
}

fn is_no_role(label: &GroupLabel<'_>) -> bool {
    matches!(label.kind, GroupKind::UserGroup | GroupKind::Profile(_))
}

/// How a role is spelled in `adminRoles`. Developers administer nothing.
fn admin_role<'a>(label: &GroupLabel<'a>) -> Option<&'a str> {
    match label.kind {
        GroupKind::SystemAdmin => Some("org"),
        GroupKind::SupportAdmin => Some("support"),
        GroupKind::DeploymentAdmin => Some("deployment"),
        GroupKind::ProductAdmin(_) | GroupKind::ProfileAdmin(_) | GroupKind::UserGroupAdmin(_) => {
            Some(label.name)
        }
        GroupKind::UserGroup | GroupKind::Profile(_) | GroupKind::Developer(_) | GroupKind::ContractAdmin => {
            None
        }
    }
}
