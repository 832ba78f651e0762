//! Products and their profiles, as only the deprecated endpoints show them (umapi.md 11.4), and invites.

use roster_core::listing::{GroupRow, ProductRow};

use crate::json::{self, List, Object};

/// Appends a product.
pub fn write_product(out: &mut Vec<u8>, row: &ProductRow<'_>) {
    let mut product = Object::begin(out);
    write_fields(&mut product, row);
    product.end();
}

/// A product together with its profiles, on its way: one object, whatever the path says about configurations.
pub struct ProductWithProfiles<'o> {
    list: List<'o>,
}

impl<'o> ProductWithProfiles<'o> {
    /// Begins the object at the end of `out`.
    pub fn begin(out: &'o mut Vec<u8>, row: &ProductRow<'_>) -> Self {
        let mut product = Object::begin(out);
        write_fields(&mut product, row);
        Self {
            list: List::begin(product.into_key("licenseConfigurations")),
        }
    }

    /// Adds a profile.
    pub fn profile(&mut self, org: &str, row: &GroupRow<'_>) {
        write_profile(self.list.item(), org, row);
    }

    /// Ends the object.
    pub fn end(mut self) {
        self.list.close().push(b'}');
    }
}

/// Appends a profile of the organization `org`, whose id is in stored spelling.
///
/// `adminGroupId` is always there; it is 0 for a profile whose admin group nobody has needed yet.
pub fn write_profile(out: &mut Vec<u8>, org: &str, row: &GroupRow<'_>) {
    let (admin_group, admins) = row.admins.map_or((0, 0), |(group, admins)| (group.0, admins));
    let mut profile = Object::begin(out);
    profile.text("id", row.profile.map_or("", |profile| profile.public_id));
    profile.number("adminCount", admins);
    profile.number("userCount", row.members);
    write_quota(&mut profile, row.profile.and_then(|profile| profile.quota));
    profile.number("licenseGroupId", row.id);
    profile.number("adminGroupId", admin_group);
    profile.text("orgId", org);
    profile.text("productId", row.profile.map_or("", |profile| profile.product_id));
    profile.end();
}

/// Appends the list of invites, which is always empty: nobody is invited, people join at once.
pub fn write_invites(out: &mut Vec<u8>) {
    List::begin(out).end();
}

fn write_fields(product: &mut Object<'_>, row: &ProductRow<'_>) {
    product.text("id", row.id);
    product.text("code", row.code);
    product.text("name", row.name);
    product.number("userCount", row.members);
    product.number("configurationCount", row.profiles);
    write_quota(product, row.quota);
}

/// The only place with a `null`: an unlimited quota.
fn write_quota(object: &mut Object<'_>, quota: Option<i64>) {
    let out = object.key("licenseQuota");
    match quota {
        Some(quota) => json::number(out, quota),
        None => out.extend_from_slice(b"null"),
    }
}
