//! Deprecated invites: nobody is ever invited, Adobe IDs join at once (umapi.md 11.5).

use roster_umapi::request::DeprecatedError;

use super::lists::{Frame, Listed};
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;

/// `GET {org}/invites`.
pub(crate) fn list(call: Call<'_>) -> Result<Reply, ApiError> {
    call.query.page()?;
    Ok(Listed::empty(Frame::Bare).reply())
}

/// `GET`, `POST`, `DELETE {org}/invites/{email}`.
pub(crate) fn single() -> Result<Reply, ApiError> {
    Err(DeprecatedError::NoPendingInvite.into())
}
