//! People: pages of the organization, of a group, and one at a time (umapi.md 3.3–3.5, 11.2).

use roster_core::org::GroupKind;
use roster_core::page::PastEnd;
use roster_core::value::{GroupName, Key, NAME_MAX, OrgNo};
use roster_store::{DomainFilter, Reader, StoreError, UserList, UsersQuery};
use roster_umapi::query::parameters::number;
use roster_umapi::query::users::write_single_user;
use roster_umapi::request::RequestError;

use super::lists::{self, Frame, Listed, UserShape, Wanted};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;

/// `GET users/{org}/{page}`.
pub(crate) async fn page(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let wanted = wanted(call, caller)?;
    let filter = Filter::of(call, caller)?;
    let app = call.app.clone();
    let listed = call.app.read(move |reader| {
        let query = match filter.query(reader, UserList::Org)? {
            Ok(query) => query,
            Err(error) => return Ok(Err(error)),
        };
        lists::users(
            &app.lists,
            reader,
            &query,
            &wanted,
            UserShape::Current,
            Frame::Users(None),
        )
        .map(Ok)
    });
    Ok(listed.await?.reply())
}

/// `GET users/{org}/{page}/{groupName}`.
pub(crate) async fn by_group(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let wanted = wanted(call, caller)?;
    let filter = Filter::of(call, caller)?;
    // Only profiles have licences; elsewhere the parameter is ignored, whatever it says.
    let licence = call.query.licence();
    let name = call.param("groupName")?;
    if GroupName::counted_length(&name) > NAME_MAX {
        return Err(RequestError::InvalidGroupName.into());
    }
    let (app, org) = (call.app.clone(), caller.org());
    let listed = call.app.read(move |reader| {
        let Some(group) = reader.find_group(org, &name)? else {
            return Ok(Err(RequestError::GroupNotFound { name }.into()));
        };
        let list = match (group.id, group.kind) {
            (None, _) => None,
            (Some(group), GroupKind::Profile(_)) => match licence {
                Ok(licence) => Some(UserList::Profile { group, licence }),
                Err(error) => return Ok(Err(error.into())),
            },
            (Some(group), _) => Some(UserList::Group(group)),
        };
        let query = match filter.query(reader, list.unwrap_or(UserList::Org))? {
            Ok(query) => query,
            Err(error) => return Ok(Err(error)),
        };
        let frame = Frame::Users(Some(group.full_name));
        if list.is_none() {
            // Nobody ever held the role.
            return Ok(Ok(Listed::empty(frame)));
        }
        lists::users(&app.lists, reader, &query, &wanted, UserShape::Current, frame).map(Ok)
    });
    Ok(listed.await?.reply())
}

/// `GET organizations/{org}/users/{userString}`.
pub(crate) async fn single(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let filter = Filter::of(call, caller)?;
    let user = call.param("userString")?;
    let found = call.app.look_up(move |reader| {
        let mut body = Vec::with_capacity(512);
        let domain = filter.domain.as_deref();
        let known = reader.find_user(
            filter.org,
            &user,
            domain,
            filter.direct_only,
            filter.groups,
            &mut |row| write_single_user(&mut body, row),
        )?;
        if known {
            Ok(Ok(body))
        } else {
            Ok(Err(RequestError::UserNotFound { user }.into()))
        }
    });
    Ok(Reply::ok(found.await?))
}

/// Deprecated `GET {org}/users`.
pub(crate) async fn old_page(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let size = call.app.config.page_size_deprecated;
    let wanted = Wanted::new(call.app, caller, call.query.page()?, size, PastEnd::LastPage);
    let query = UsersQuery {
        org: caller.org(),
        list: UserList::Org,
        domain: None,
        direct_only: call.query.flag("directOnly", true)?,
        groups: true,
    };
    let app = call.app.clone();
    let listed = call.app.read(move |reader| {
        lists::users(&app.lists, reader, &query, &wanted, UserShape::Old, Frame::Bare).map(Ok)
    });
    Ok(listed.await?.reply())
}

/// The page asked for; a path without one means the first.
fn wanted(call: Call<'_>, caller: &Caller) -> Result<Wanted, ApiError> {
    let page = match call.params.raw("page") {
        Some(_) => number(&call.param("page")?)?,
        None => 0,
    };
    let size = call.app.config.page_size_users;
    Ok(Wanted::new(call.app, caller, page, size, PastEnd::LastPage))
}

/// The parameters that all reads of people share.
struct Filter {
    org: OrgNo,
    domain: Option<String>,
    direct_only: bool,
    groups: bool,
}

impl Filter {
    fn of(call: Call<'_>, caller: &Caller) -> Result<Self, ApiError> {
        Ok(Self {
            org: caller.org(),
            domain: call
                .query
                .get("domain")
                .map(str::trim)
                .filter(|domain| !domain.is_empty())
                .map(str::to_owned),
            direct_only: call.query.flag("directOnly", true)?,
            groups: !call.query.flag("excludeGroups", false)?,
        })
    }

    /// The query for a list; a domain that is nothing to the organization is refused.
    fn query(
        &self,
        reader: &mut Reader<'_>,
        list: UserList,
    ) -> Result<Result<UsersQuery, ApiError>, StoreError> {
        let domain = match &self.domain {
            None => None,
            Some(domain) if domain.eq_ignore_ascii_case("AdobeID") => Some(DomainFilter::AdobeIds),
            Some(domain) => {
                let key = Key::new(domain);
                if reader.related_directory(self.org, &key)?.is_none() {
                    let domain = domain.clone();
                    return Ok(Err(RequestError::DomainNotFound { domain }.into()));
                }
                Some(DomainFilter::Domain(key))
            }
        };
        Ok(Ok(UsersQuery {
            org: self.org,
            list,
            domain,
            direct_only: self.direct_only,
            groups: self.groups,
        }))
    }
}
