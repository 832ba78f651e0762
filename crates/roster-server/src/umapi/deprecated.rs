//! Deprecated user groups: lists, single ones, creation, change and deletion (umapi.md 11.3).

use http::Method;
use roster_core::command::{Action, Command, OnConflict, Target};
use roster_core::listing::GroupRow;
use roster_core::org::GroupKind;
use roster_core::page::PastEnd;
use roster_core::refusal::Refusal;
use roster_core::value::{AdminRole, GroupId, OrgNo};
use roster_store::{GroupList, Reader, StoreError, UserList, UsersQuery};
use roster_umapi::query::bodies::UserGroupBody;
use roster_umapi::query::groups::write_old_user_group;
use roster_umapi::request::DeprecatedError;

use super::change::Whole;
use super::lists::{self, Frame, GroupShape, Listed, UserShape, Wanted};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;
use crate::request::{Payload, WholeBody};

/// Longest body of the deprecated endpoints: the lists in them are short.
const MAX_BODY: usize = 64 * 1024;

/// Members or administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Users,
    Admins,
}

/// `{org}/user-groups` and `{org}/user-groups/{groupId}`, all methods.
pub(crate) async fn user_groups(
    call: Call<'_>,
    caller: &Caller,
    body: &mut Payload,
) -> Result<Reply, ApiError> {
    let single = call.params.raw("groupId").is_some();
    match (single, call.method()) {
        (false, &Method::POST) => create(call, caller, body).await,
        (false, _) => page(call, caller).await,
        (true, &Method::PUT) => update(call, caller, body).await,
        (true, &Method::DELETE) => delete(call, caller).await,
        (true, _) => {
            let group = find(call, caller).await?;
            Ok(Reply::ok(group.body))
        }
    }
}

/// `{org}/user-groups/{groupId}/users` and `/admins`.
pub(crate) async fn members(call: Call<'_>, caller: &Caller, who: Who) -> Result<Reply, ApiError> {
    let size = call.app.config.page_size_deprecated;
    let wanted = Wanted::new(call.app, caller, call.query.page()?, size, PastEnd::NotFound);
    let (app, org, text) = (call.app.clone(), caller.org(), call.param("groupId")?);
    let listed = call.app.read(move |reader| {
        let Some(group) = find_user_group(reader, org, &text)? else {
            return Ok(Err(DeprecatedError::GroupNotFound.into()));
        };
        let list = match who {
            Who::Users => Some(UserList::Group(group.id)),
            Who::Admins => admins_of(reader, org, &group.name)?.map(UserList::Group),
        };
        people(&app, reader, org, list, &wanted, UserShape::OldGroup).map(Ok)
    });
    Ok(listed.await?.reply())
}

/// A bare list of people; of nobody where there is no list.
pub(crate) fn people(
    app: &App,
    reader: &mut Reader<'_>,
    org: OrgNo,
    list: Option<UserList>,
    wanted: &Wanted,
    shape: UserShape,
) -> Result<Listed, StoreError> {
    let Some(list) = list else {
        return Ok(Listed::empty(Frame::Bare));
    };
    let query = UsersQuery {
        org,
        list,
        domain: None,
        direct_only: false,
        groups: false,
    };
    lists::users(&app.lists, reader, &query, wanted, shape, Frame::Bare)
}

/// The admin group of a user group or profile, if there ever was an administrator.
pub(crate) fn admins_of(
    reader: &mut Reader<'_>,
    org: OrgNo,
    name: &str,
) -> Result<Option<GroupId>, StoreError> {
    let full_name = format!("{}{name}", AdminRole::Admin.prefix());
    Ok(reader.find_group(org, &full_name)?.and_then(|found| found.id))
}

async fn page(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let size = call.app.config.page_size_deprecated;
    let page = call.query.page_from_one()?;
    let wanted = Wanted {
        first: 1,
        ..Wanted::new(call.app, caller, page, size, PastEnd::NotFound)
    };
    let (app, list) = (call.app.clone(), (caller.org(), GroupList::UserGroups));
    let listed = call.app.read(move |reader| {
        lists::groups(
            &app.lists,
            reader,
            list,
            &wanted,
            GroupShape::OldUserGroup,
            Frame::Bare,
        )
        .map(Ok)
    });
    Ok(listed.await?.reply())
}

/// A user group that was found: what is needed to act on it, and its object.
struct UserGroup {
    id: GroupId,
    name: String,
    body: Vec<u8>,
}

async fn find(call: Call<'_>, caller: &Caller) -> Result<UserGroup, ApiError> {
    let (org, text) = (caller.org(), call.param("groupId")?);
    let found = call.app.read(move |reader| {
        let found = find_user_group(reader, org, &text)?;
        Ok(found.ok_or(DeprecatedError::GroupNotFound.into()))
    });
    found.await
}

/// Finds a user group by its number, or by its name.
fn find_user_group(reader: &mut Reader<'_>, org: OrgNo, text: &str) -> Result<Option<UserGroup>, StoreError> {
    let mut found = None;
    if let Ok(id) = text.parse() {
        reader.group_by_id(org, GroupId(id), &mut |row| found = UserGroup::of(row))?;
    }
    if found.is_none() {
        reader.user_group_by_name(org, text, &mut |row| found = UserGroup::of(row))?;
    }
    Ok(found)
}

impl UserGroup {
    fn of(row: &GroupRow<'_>) -> Option<Self> {
        let mut body = Vec::with_capacity(256);
        write_old_user_group(&mut body, row);
        (row.label.kind == GroupKind::UserGroup).then(|| Self {
            id: row.id,
            name: row.label.name.to_owned(),
            body,
        })
    }
}

/// Reads the body of a call that changes something; `None` when it is too long.
pub(crate) async fn read_body(call: Call<'_>, body: &mut Payload) -> Result<Option<WholeBody>, ApiError> {
    call.app.read_body(body, MAX_BODY).await
}

/// What a body says; of one that is too long nothing is known.
pub(crate) fn parse<T>(
    body: Option<&WholeBody>,
    parse: impl Fn(&[u8]) -> Result<T, DeprecatedError>,
) -> Result<T, DeprecatedError> {
    parse(&body.ok_or(DeprecatedError::Malformed)?.bytes)
}

async fn create(call: Call<'_>, caller: &Caller, body: &mut Payload) -> Result<Reply, ApiError> {
    let (org, body) = (caller.org(), read_body(call, body).await?);
    let whole = Whole::new(call, caller, "user-groups", body.as_ref());
    let parsed = parse(body.as_ref(), UserGroupBody::parse);
    let made = whole.carry_out(call, move |whole, writer| {
        let body = parsed.clone()?;
        let name = body.name.ok_or(DeprecatedError::InvalidGroupName)?;
        let create = Action::CreateGroup {
            description: body.description.filter(|text| !text.is_empty()),
            on_conflict: OnConflict::Refuse,
        };
        whole.decide(writer, vec![command(&name, create)], refused)?;
        Ok(find_user_group_named(writer, org, &name)?
            .ok_or(DeprecatedError::GroupNotFound)?
            .body)
    });
    Ok(Reply::ok(made.await?))
}

async fn update(call: Call<'_>, caller: &Caller, body: &mut Payload) -> Result<Reply, ApiError> {
    let (org, text) = (caller.org(), call.param("groupId")?);
    let body = read_body(call, body).await?;
    let whole = Whole::new(call, caller, &format!("user-groups/{text}"), body.as_ref());
    let parsed = parse(body.as_ref(), UserGroupBody::parse);
    let updated = whole.carry_out(call, move |whole, writer| {
        let group = find_user_group(writer, org, &text)?.ok_or(DeprecatedError::GroupNotFound)?;
        let body = parsed.clone()?;
        let update = Action::UpdateGroup {
            name: body.name,
            description: body.description,
        };
        whole.decide(writer, vec![command(&group.name, update)], refused)?;
        let id = group.id.to_string();
        Ok(find_user_group(writer, org, &id)?
            .ok_or(DeprecatedError::GroupNotFound)?
            .body)
    });
    Ok(Reply::ok(updated.await?))
}

async fn delete(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let (org, text) = (caller.org(), call.param("groupId")?);
    let whole = Whole::new(call, caller, &format!("user-groups/{text}"), None);
    let deleted = whole.carry_out(call, move |whole, writer| {
        let group = find_user_group(writer, org, &text)?.ok_or(DeprecatedError::GroupNotFound)?;
        whole.decide(writer, vec![command(&group.name, Action::DeleteGroup)], refused)
    });
    deleted.await?;
    Ok(Reply::no_content())
}

fn find_user_group_named(
    reader: &mut Reader<'_>,
    org: OrgNo,
    name: &str,
) -> Result<Option<UserGroup>, StoreError> {
    // A name may consist of digits; it is no number then.
    let mut found = None;
    reader.user_group_by_name(org, name, &mut |row| found = UserGroup::of(row))?;
    Ok(found)
}

fn command(name: &str, action: Action) -> Command {
    Command {
        target: Target::UserGroup {
            name: name.to_owned(),
        },
        steps: vec![action.into()],
    }
}

fn refused(_: usize, refusal: &Refusal) -> DeprecatedError {
    refusal.into()
}
