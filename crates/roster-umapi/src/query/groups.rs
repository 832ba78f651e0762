//! Groups: pages of the current endpoint, and the user groups of the deprecated ones (umapi.md 3.6, 11.3).

use roster_core::listing::GroupRow;
use roster_core::org::GroupKind;
use roster_core::value::AdminRole;

use crate::json::{self, List, Object};

/// A page of groups on its way.
pub struct GroupsPage<'o> {
    list: List<'o>,
    count: usize,
}

impl<'o> GroupsPage<'o> {
    /// Begins a page at the end of `out`.
    pub fn begin(out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"groups\":");
        Self {
            list: List::begin(out),
            count: 0,
        }
    }

    /// Adds a group.
    pub fn row(&mut self, row: &GroupRow<'_>) {
        self.count += 1;
        write_group(self.list.item(), row);
    }

    /// How many there are so far: `X-Page-Size` in the end.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Ends the page.
    pub fn end(mut self, last_page: bool) {
        let out = self.list.close();
        out.extend_from_slice(b",\"lastPage\":");
        json::boolean(out, last_page);
        out.extend_from_slice(b",\"result\":\"success\"}");
    }
}

/// Appends the answer for a page of groups past the end.
pub fn write_no_such_page(out: &mut Vec<u8>) {
    let mut body = Object::begin(out);
    body.boolean("lastPage", true);
    body.text("result", "Not found");
    body.end();
}

/// Appends the group object of the current endpoint; each kind has fields of its own.
pub fn write_group(out: &mut Vec<u8>, row: &GroupRow<'_>) {
    let mut group = Object::begin(out);
    group.number("groupId", row.id);
    json::prefixed(group.key("groupName"), row.label.prefix(), row.label.name);
    group.text("type", row.label.kind.as_str());
    let name = row.label.name;
    match row.label.kind {
        GroupKind::UserGroup => write_admin_group(&mut group, row),
        GroupKind::Profile(_) => {
            write_admin_group(&mut group, row);
            group.text("productName", row.product.unwrap_or_default());
            match row.profile.and_then(|profile| profile.quota) {
                // A text for once.
                Some(quota) => group.text("licenseQuota", &quota.to_string()),
                None => group.text("licenseQuota", "UNLIMITED"),
            }
        }
        GroupKind::UserGroupAdmin(_) => group.text("userGroupName", name),
        GroupKind::ProfileAdmin(_) | GroupKind::Developer(_) => group.text("productProfileName", name),
        GroupKind::ProductAdmin(_) => {
            group.text("productName", name);
            group.text("productProfileName", name);
        }
        GroupKind::SystemAdmin
        | GroupKind::SupportAdmin
        | GroupKind::DeploymentAdmin
        | GroupKind::ContractAdmin => {}
    }
    group.number("memberCount", row.members);
    group.end();
}

/// Appends the user group object of the deprecated endpoints.
pub fn write_old_user_group(out: &mut Vec<u8>, row: &GroupRow<'_>) {
    let mut group = Object::begin(out);
    group.number("groupId", row.id);
    group.text("name", row.label.name);
    group.text("type", row.label.kind.as_str());
    if let Some((admin_group, admins @ 1..)) = row.admins {
        // Numbers that are texts.
        group.text("adminGroupId", &admin_group.to_string());
        write_admin_group(&mut group, row);
        group.text("adminCount", &admins.to_string());
    }
    if row.members > 0 {
        group.number("userCount", row.members);
    }
    if row.read_only {
        group.boolean("isReadOnly", true);
    }
    group.end();
}

/// The name of the admin group, while somebody is in it.
fn write_admin_group(group: &mut Object<'_>, row: &GroupRow<'_>) {
    if row.admins.is_some_and(|(_, count)| count > 0) {
        json::prefixed(
            group.key("adminGroupName"),
            AdminRole::Admin.prefix(),
            row.label.name,
        );
    }
}
