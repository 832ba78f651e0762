//! Groups: user groups, profiles, admin and developer groups (umapi.md 3.6).

use roster_core::page::PastEnd;
use roster_store::GroupList;
use roster_umapi::query::parameters::number;

use super::lists::{self, Frame, GroupShape, Wanted};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;

/// `GET groups/{org}/{page}`.
pub(crate) async fn page(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let page = match call.params.raw("page") {
        Some(_) => number(&call.param("page")?)?,
        None => 0,
    };
    let size = call.app.config.page_size_groups;
    let wanted = Wanted::new(call.app, caller, page, size, PastEnd::NotFound);
    let (app, list) = (call.app.clone(), (caller.org(), GroupList::All));
    let listed = call.app.read(move |reader| {
        lists::groups(
            &app.lists,
            reader,
            list,
            &wanted,
            GroupShape::Current,
            Frame::Groups,
        )
        .map(Ok)
    });
    Ok(listed.await?.reply())
}
