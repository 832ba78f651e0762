//! The User Management API: one file per family of endpoints.

mod action;
mod change;
mod deprecated;
mod groups;
mod invites;
pub(crate) mod lists;
mod products;
mod profile_writes;
mod sheet;
mod users;

use crate::caller::admit;
use crate::error::ApiError;
use crate::http::Call;
use crate::observe::Trace;
use crate::reply::Reply;
use crate::request::Payload;
use crate::route::Route;

/// Answers a request of the API.
pub(crate) async fn answer(call: Call<'_>, body: &mut Payload, trace: &mut Trace) -> Result<Reply, ApiError> {
    let caller = admit(call, trace).await?;
    match call.row.route {
        Route::Action => action::post(call, &caller, body, trace).await,
        Route::Users => users::page(call, &caller).await,
        Route::UsersByGroup => users::by_group(call, &caller).await,
        Route::User => users::single(call, &caller).await,
        Route::Groups => groups::page(call, &caller).await,
        Route::OldUsers => users::old_page(call, &caller).await,
        Route::OldUserGroups | Route::OldUserGroup => deprecated::user_groups(call, &caller, body).await,
        Route::OldUserGroupUsers => deprecated::members(call, &caller, deprecated::Who::Users).await,
        Route::OldUserGroupAdmins => deprecated::members(call, &caller, deprecated::Who::Admins).await,
        Route::OldProducts => products::page(call, &caller).await,
        Route::OldProduct => products::single(call, &caller).await,
        Route::OldProductAdmin => profile_writes::product_admins(call, &caller, body).await,
        Route::OldProfiles => products::profiles(call, &caller).await,
        Route::OldProfile => products::profile(call, &caller, body).await,
        Route::OldProfileUsers => products::members(call, &caller, deprecated::Who::Users).await,
        Route::OldProfileAdmins => products::members(call, &caller, deprecated::Who::Admins).await,
        Route::OldInvites => invites::list(call),
        Route::OldInvite => invites::single(),
        Route::Status
        | Route::Livez
        | Route::Readyz
        | Route::Metrics
        | Route::OpenApi
        | Route::TokenV2
        | Route::TokenV3
        | Route::ExchangeJwt
        | Route::ValidateToken
        | Route::Keys
        | Route::Discovery
        | Route::Revoke
        | Route::Secrets
        | Route::Secret => Err(ApiError::internal(
            call.request_id,
            "a route outside the API was sent to the API",
        )),
    }
}
