//! Deprecated changes of profiles and of product administrators (umapi.md 11.4): translated into commands, all of
//! them carried out or none.

use roster_core::command::{Action, Command, GroupEntry, GroupList, GroupMembers, GroupSelection, Target};
use roster_core::refusal::Refusal;
use roster_core::value::AdminRole;
use roster_umapi::query::bodies::{ProductAdminBody, ProfileBody};
use roster_umapi::request::DeprecatedError;

use super::change::{Asked, decide_whole};
use super::deprecated::MAX_BODY;
use super::products::{find_product, find_profile};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;
use crate::request::Payload;

/// `POST {org}/products/{productId}/configurations/{profileId}`.
pub(crate) async fn profile(call: Call<'_>, caller: &Caller, body: &mut Payload) -> Result<Reply, ApiError> {
    let profile = find_profile(call, caller).await?;
    let body = call
        .app
        .read_body(body, MAX_BODY)
        .await?
        .ok_or(DeprecatedError::Malformed)?;
    let body = ProfileBody::parse(&body.bytes)?;
    let admins = format!("{}{}", AdminRole::Admin.prefix(), profile.name);
    let mut changes = Changes::default();
    changes.people(&body.remove_users, &profile.name, Way::Out);
    changes.user_groups(&body.remove_user_groups, &profile.name, Way::Out);
    changes.people(&body.remove_admin_users, &admins, Way::Out);
    changes.people(&body.add_users, &profile.name, Way::In);
    changes.user_groups(&body.add_user_groups, &profile.name, Way::In);
    changes.people(&body.add_admin_users, &admins, Way::In);
    changes.carry_out(call, caller).await?;
    Ok(Reply::ok(find_profile(call, caller).await?.body))
}

/// `POST {org}/products/{productId}/admin`.
pub(crate) async fn product_admins(
    call: Call<'_>,
    caller: &Caller,
    body: &mut Payload,
) -> Result<Reply, ApiError> {
    let product = find_product(call, caller).await?;
    let body = call
        .app
        .read_body(body, MAX_BODY)
        .await?
        .ok_or(DeprecatedError::Malformed)?;
    let body = ProductAdminBody::parse(&body.bytes)?;
    let admins = format!("{}{}", AdminRole::ProductAdmin.prefix(), product.name);
    let mut changes = Changes::default();
    changes.people(&body.remove, &admins, Way::Out);
    changes.people(&body.add, &admins, Way::In);
    changes.carry_out(call, caller).await?;
    Ok(Reply::ok(find_product(call, caller).await?.body))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// Commands, and which way each of them goes.
#[derive(Debug, Default)]
struct Changes(Vec<(Way, Asked)>);

impl Changes {
    fn people(&mut self, emails: &[String], group: &str, way: Way) {
        for email in emails {
            let selection = GroupSelection::Named(vec![GroupEntry {
                name: group.to_owned(),
                list: GroupList::Any,
            }]);
            let action = match way {
                Way::In => Action::JoinGroups(selection),
                Way::Out => Action::LeaveGroups(selection),
            };
            let target = Target::User {
                user: email.clone(),
                domain: None,
                use_adobe_id: false,
            };
            self.push(way, target, action);
        }
    }

    fn user_groups(&mut self, names: &[String], profile: &str, way: Way) {
        for name in names {
            let members = GroupMembers::Named {
                users: Vec::new(),
                profiles: vec![profile.to_owned()],
            };
            let action = match way {
                Way::In => Action::AddToGroup(members),
                Way::Out => Action::RemoveFromGroup(members),
            };
            self.push(way, Target::UserGroup { name: name.clone() }, action);
        }
    }

    fn push(&mut self, way: Way, target: Target, action: Action) {
        let command = Command {
            target,
            steps: vec![action.into()],
        };
        self.0.push((way, Asked::new(command)));
    }

    async fn carry_out(self, call: Call<'_>, caller: &Caller) -> Result<(), ApiError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let _turn = call.app.turn()?;
        let (ways, asked): (Vec<Way>, Vec<Asked>) = self.0.into_iter().unzip();
        let outcomes = decide_whole(call, caller, asked).await?;
        for (way, outcome) in ways.into_iter().zip(&outcomes) {
            if let Some(met) = outcome.refusals.first() {
                return Err(refused(&met.refusal, way).into());
            }
        }
        Ok(())
    }
}

fn refused(refusal: &Refusal, way: Way) -> DeprecatedError {
    match refusal {
        Refusal::UserNotFound { .. } | Refusal::NoListedUserFound | Refusal::DomainMissing { .. } => {
            DeprecatedError::UserNotFound
        }
        Refusal::UserGroupNotFound => DeprecatedError::InvalidUserGroups,
        _ if way == Way::In => DeprecatedError::AddFailed,
        _ => DeprecatedError::RemoveFailed,
    }
}
