//! Which resource a path means (umapi.md 2.1, 2.2, 11.1).
//!
//! A path is split as it arrived, and each part is decoded once, later: a group's name may hold slashes, escaped
//! or not, and what is refused (a malformed page, say) is refused only after the caller is known.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use roster_core::value::{Key, parse_org_id};

use crate::request::RequestError;

/// The path under which everything is, but for `/status`.
pub const BASE: &str = "/v2/usermanagement";

/// A part of a path as it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a>(&'a str);

/// What a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The organization, not yet checked.
    pub org: Segment<'a>,
    /// What of the organization.
    pub resource: Resource<'a>,
}

/// The resources of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum Resource<'a> {
    /// `action/{org}`.
    Action,
    /// `users/{org}/{page}`; the page may be left out.
    Users { page: Option<Segment<'a>> },
    /// `users/{org}/{page}/{groupName}`.
    UsersOfGroup { page: Segment<'a>, group: Segment<'a> },
    /// `organizations/{org}/users/{userString}`, and its alias `{org}/users/{userString}`.
    User { user: Segment<'a> },
    /// `groups/{org}/{page}`; the page may be left out.
    Groups { page: Option<Segment<'a>> },
    /// Deprecated: `{org}/users`, and its alias `organizations/{org}/users`.
    OldUsers,
    /// Deprecated: `{org}/user-groups`.
    OldUserGroups,
    /// Deprecated: `{org}/user-groups/{groupId}`.
    OldUserGroup { group: Segment<'a> },
    /// Deprecated: `{org}/user-groups/{groupId}/users`.
    OldUserGroupUsers { group: Segment<'a> },
    /// Deprecated: `{org}/user-groups/{groupId}/admins`.
    OldUserGroupAdmins { group: Segment<'a> },
    /// Deprecated: `{org}/products`.
    Products,
    /// Deprecated: `{org}/products/{productId}`.
    Product { product: Segment<'a> },
    /// Deprecated: `{org}/products/{productId}/admin`.
    ProductAdmin { product: Segment<'a> },
    /// Deprecated: `{org}/products/{productId}/configurations`.
    Profiles { product: Segment<'a> },
    /// Deprecated: `…/configurations/{profileId}`.
    Profile {
        product: Segment<'a>,
        profile: Segment<'a>,
    },
    /// Deprecated: `…/configurations/{profileId}/users`.
    ProfileUsers {
        product: Segment<'a>,
        profile: Segment<'a>,
    },
    /// Deprecated: `…/configurations/{profileId}/admins`.
    ProfileAdmins {
        product: Segment<'a>,
        profile: Segment<'a>,
    },
    /// Deprecated: `{org}/invites`, also below `organizations/`.
    Invites,
    /// Deprecated: `{org}/invites/{email}`, also below `organizations/`.
    Invite,
}

impl<'a> Segment<'a> {
    /// The part as it arrived.
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// The part, decoded once; `+` is a plus.
    pub fn decode(self) -> Result<Cow<'a, str>, RequestError> {
        let malformed = || RequestError::MalformedPath {
            segment: self.0.to_owned(),
        };
        if !escapes_are_whole(self.0) {
            return Err(malformed());
        }
        percent_decode_str(self.0).decode_utf8().map_err(|_| malformed())
    }

    /// The part as a page number.
    pub fn page(self) -> Result<u64, RequestError> {
        let text = self.decode()?;
        super::parameters::number(&text)
    }

    fn is(self, literal: &str) -> bool {
        self.0 == literal || self.decode().is_ok_and(|text| text == literal)
    }
}

fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        let mut hex = || digits.next().is_some_and(|digit| digit.is_ascii_hexdigit());
        hex() && hex()
    })
}

impl<'a> Route<'a> {
    /// Finds out what a path means; `None` when it means nothing.
    ///
    /// One slash at the end of a path of fixed form is ignored. In the name of a group and in that of a user,
    /// which are whatever follows, every slash is part of the name.
    ///
    /// ```
    /// use roster_umapi::query::path::{Resource, Route};
    ///
    /// let route = Route::parse("/v2/usermanagement/users/1A2B@AdobeOrg/0/R%26D%20/%20EU").unwrap();
    /// assert_eq!(route.organization().unwrap().as_str(), "1a2b@adobeorg");
    /// let Resource::UsersOfGroup { page, group } = route.resource else { panic!() };
    /// assert_eq!(page.page(), Ok(0));
    /// assert_eq!(group.decode().unwrap(), "R&D / EU");
    /// ```
    pub fn parse(path: &'a str) -> Option<Self> {
        let mut rest = Rest(Some(path.strip_prefix(BASE)?.strip_prefix('/')?));
        let first = rest.next()?;
        if first.is("action") {
            let org = rest.org()?;
            rest.ends().then_some(Self {
                org,
                resource: Resource::Action,
            })
        } else if first.is("users") {
            let org = rest.org()?;
            let resource = users(rest);
            Some(Self { org, resource })
        } else if first.is("groups") {
            let org = rest.org()?;
            let page = if rest.ends() { None } else { rest.next() };
            rest.ends().then_some(Self {
                org,
                resource: Resource::Groups { page },
            })
        } else if first.is("organizations") {
            let org = rest.org()?;
            let what = rest.next()?;
            let resource = users_or_invites(what, rest)?;
            Some(Self { org, resource })
        } else {
            let org = Some(first).filter(|org| !org.0.is_empty())?;
            let what = rest.next()?;
            let resource = if what.is("user-groups") {
                user_groups(rest)?
            } else if what.is("products") {
                products(rest)?
            } else {
                users_or_invites(what, rest)?
            };
            Some(Self { org, resource })
        }
    }

    /// The key of the organization, if it has the form of one.
    pub fn organization(&self) -> Result<Key, RequestError> {
        self.org
            .decode()
            .ok()
            .and_then(|org| parse_org_id(&org))
            .ok_or(RequestError::InvalidOrganization)
    }
}

/// What is left of a path; `None` once the last part is taken.
#[derive(Clone, Copy)]
struct Rest<'a>(Option<&'a str>);

impl<'a> Rest<'a> {
    fn next(&mut self) -> Option<Segment<'a>> {
        let rest = self.0?;
        let (segment, left) = match rest.split_once('/') {
            Some((segment, left)) => (segment, Some(left)),
            None => (rest, None),
        };
        self.0 = left;
        Some(Segment(segment))
    }

    fn org(&mut self) -> Option<Segment<'a>> {
        self.next().filter(|org| !org.0.is_empty())
    }

    /// Whether nothing is left but, perhaps, a slash at the end.
    fn ends(self) -> bool {
        self.0.is_none_or(str::is_empty)
    }

    /// Everything that is left.
    fn all(self) -> Segment<'a> {
        Segment(self.0.unwrap_or_default())
    }
}

fn users(mut rest: Rest<'_>) -> Resource<'_> {
    if rest.ends() {
        return Resource::Users { page: None };
    }
    match rest.next() {
        None => Resource::Users { page: None },
        page if rest.ends() => Resource::Users { page },
        Some(page) => Resource::UsersOfGroup {
            page,
            group: rest.all(),
        },
    }
}

fn users_or_invites<'a>(what: Segment<'a>, mut rest: Rest<'a>) -> Option<Resource<'a>> {
    if what.is("users") {
        return Some(if rest.ends() {
            Resource::OldUsers
        } else {
            Resource::User { user: rest.all() }
        });
    }
    if !what.is("invites") {
        return None;
    }
    if rest.ends() {
        return Some(Resource::Invites);
    }
    rest.next();
    rest.ends().then_some(Resource::Invite)
}

fn user_groups(mut rest: Rest<'_>) -> Option<Resource<'_>> {
    if rest.ends() {
        return Some(Resource::OldUserGroups);
    }
    let group = rest.next()?;
    if rest.ends() {
        return Some(Resource::OldUserGroup { group });
    }
    let what = rest.next()?;
    let resource = if what.is("users") {
        Resource::OldUserGroupUsers { group }
    } else if what.is("admins") {
        Resource::OldUserGroupAdmins { group }
    } else {
        return None;
    };
    rest.ends().then_some(resource)
}

fn products(mut rest: Rest<'_>) -> Option<Resource<'_>> {
    if rest.ends() {
        return Some(Resource::Products);
    }
    let product = rest.next()?;
    if rest.ends() {
        return Some(Resource::Product { product });
    }
    let what = rest.next()?;
    if what.is("admin") {
        return rest.ends().then_some(Resource::ProductAdmin { product });
    }
    if !what.is("configurations") {
        return None;
    }
    if rest.ends() {
        return Some(Resource::Profiles { product });
    }
    let profile = rest.next()?;
    if rest.ends() {
        return Some(Resource::Profile { product, profile });
    }
    let what = rest.next()?;
    let resource = if what.is("users") {
        Resource::ProfileUsers { product, profile }
    } else if what.is("admins") {
        Resource::ProfileAdmins { product, profile }
    } else {
        return None;
    };
    rest.ends().then_some(resource)
}

impl Resource<'_> {
    /// The template for the header `Canonical-Resource`.
    pub fn template(&self) -> &'static str {
        match self {
            Self::Action => "/v2/usermanagement/action/{orgId}",
            Self::Users { .. } => "/v2/usermanagement/users/{orgId}/{page}",
            Self::UsersOfGroup { .. } => "/v2/usermanagement/users/{orgId}/{page}/{groupName}",
            Self::User { .. } => "/v2/usermanagement/organizations/{orgId}/users/{userstring:.*}",
            Self::Groups { .. } => "/v2/usermanagement/groups/{orgId}/{page}",
            Self::OldUsers => "/v2/usermanagement/{orgId}/users",
            Self::OldUserGroups => "/v2/usermanagement/{orgId}/user-groups",
            Self::OldUserGroup { .. } => "/v2/usermanagement/{orgId}/user-groups/{groupId}",
            Self::OldUserGroupUsers { .. } => "/v2/usermanagement/{orgId}/user-groups/{groupId}/users",
            Self::OldUserGroupAdmins { .. } => "/v2/usermanagement/{orgId}/user-groups/{groupId}/admins",
            Self::Products => "/v2/usermanagement/{orgId}/products",
            Self::Product { .. } => "/v2/usermanagement/{orgId}/products/{productId}",
            Self::ProductAdmin { .. } => "/v2/usermanagement/{orgId}/products/{productId}/admin",
            Self::Profiles { .. } => "/v2/usermanagement/{orgId}/products/{productId}/configurations",
            Self::Profile { .. } => "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}",
            Self::ProfileUsers { .. } => {
                "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}/users"
            }
            Self::ProfileAdmins { .. } => {
                "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}/admins"
            }
            Self::Invites => "/v2/usermanagement/{orgId}/invites",
            Self::Invite => "/v2/usermanagement/{orgId}/invites/{email}",
        }
    }

    /// The methods it takes, for the header `Allow`.
    pub fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Action | Self::ProductAdmin { .. } => &["POST"],
            Self::OldUserGroups | Self::Profile { .. } => &["GET", "POST"],
            Self::OldUserGroup { .. } => &["GET", "PUT", "DELETE"],
            Self::Invite => &["GET", "POST", "DELETE"],
            Self::Users { .. }
            | Self::UsersOfGroup { .. }
            | Self::User { .. }
            | Self::Groups { .. }
            | Self::OldUsers
            | Self::OldUserGroupUsers { .. }
            | Self::OldUserGroupAdmins { .. }
            | Self::Products
            | Self::Product { .. }
            | Self::Profiles { .. }
            | Self::ProfileUsers { .. }
            | Self::ProfileAdmins { .. }
            | Self::Invites => &["GET"],
        }
    }
}
