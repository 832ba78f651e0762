//! Deprecated user groups: lists, single ones, creation, change and deletion (umapi.md 11.3).

use http::Method;
use roster_core::command::{Action, Command, OnConflict, Target};
use roster_core::decide::Outcome;
use roster_core::listing::GroupRow;
use roster_core::org::GroupKind;
use roster_core::page::PastEnd;
use roster_core::refusal::Refusal;
use roster_core::value::{AdminRole, GroupId, OrgNo};
use roster_store::{GroupList, Reader, StoreError, UserList, UsersQuery};
use roster_umapi::query::bodies::UserGroupBody;
use roster_umapi::query::groups::write_old_user_group;
use roster_umapi::request::DeprecatedError;

use super::change::{Asked, decide_whole};
use super::lists::{self, Frame, GroupShape, Listed, UserShape, Wanted};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;
use crate::request::Payload;

/// Longest body of the deprecated endpoints: the lists in them are short.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// Longest description, in characters (umapi.md 1.3).
const MAX_DESCRIPTION: usize = 4000;

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

async fn read_body(call: Call<'_>, body: &mut Payload) -> Result<UserGroupBody, ApiError> {
    let body = call
        .app
        .read_body(body, MAX_BODY)
        .await?
        .ok_or(DeprecatedError::Malformed)?;
    let parsed = UserGroupBody::parse(&body.bytes)?;
    let too_long = |text: &String| text.chars().count() > MAX_DESCRIPTION;
    if parsed.description.as_ref().is_some_and(too_long) {
        return Err(DeprecatedError::TooLong.into());
    }
    Ok(parsed)
}

async fn create(call: Call<'_>, caller: &Caller, body: &mut Payload) -> Result<Reply, ApiError> {
    let body = read_body(call, body).await?;
    let name = body.name.ok_or(DeprecatedError::InvalidGroupName)?;
    let create = Action::CreateGroup {
        description: body.description.filter(|text| !text.is_empty()),
        on_conflict: OnConflict::Refuse,
    };
    carry_out(call, caller, &name, create).await?;
    answer(call, caller, move |reader, org| {
        find_user_group_named(reader, org, &name)
    })
    .await
}

async fn update(call: Call<'_>, caller: &Caller, body: &mut Payload) -> Result<Reply, ApiError> {
    let group = find(call, caller).await?;
    let body = read_body(call, body).await?;
    let update = Action::UpdateGroup {
        name: body.name,
        description: body.description,
    };
    carry_out(call, caller, &group.name, update).await?;
    let id = group.id.to_string();
    answer(call, caller, move |reader, org| find_user_group(reader, org, &id)).await
}

async fn delete(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let group = find(call, caller).await?;
    carry_out(call, caller, &group.name, Action::DeleteGroup).await?;
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

/// The group's object as it is now.
async fn answer(
    call: Call<'_>,
    caller: &Caller,
    find: impl FnOnce(&mut Reader<'_>, OrgNo) -> Result<Option<UserGroup>, StoreError> + Send + 'static,
) -> Result<Reply, ApiError> {
    let org = caller.org();
    let found = call.app.read(move |reader| {
        let found = find(reader, org)?;
        Ok(found.ok_or(DeprecatedError::GroupNotFound.into()))
    });
    Ok(Reply::ok(found.await?.body))
}

async fn carry_out(call: Call<'_>, caller: &Caller, name: &str, action: Action) -> Result<(), ApiError> {
    let _turn = call.app.turn()?;
    let command = Command {
        target: Target::UserGroup {
            name: name.to_owned(),
        },
        steps: vec![action.into()],
    };
    let outcomes = decide_whole(call, caller, vec![Asked::new(command)]).await?;
    match first_refusal(&outcomes) {
        None => Ok(()),
        Some(refusal) => Err(DeprecatedError::from(refusal).into()),
    }
}

/// The first thing that was refused.
fn first_refusal(outcomes: &[Outcome]) -> Option<&Refusal> {
    let mut refusals = outcomes.iter().flat_map(|outcome| &outcome.refusals);
    refusals.next().map(|met| &met.refusal)
}
