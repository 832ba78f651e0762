//! Deprecated changes of profiles and of product administrators (umapi.md 11.4): translated into commands, all of
//! them carried out or none.

use roster_core::command::{Action, Command, GroupEntry, GroupList, GroupMembers, GroupSelection, Target};
use roster_core::refusal::Refusal;
use roster_core::value::AdminRole;
use roster_store::Writer;
use roster_umapi::query::bodies::{ProductAdminBody, ProfileBody};
use roster_umapi::request::DeprecatedError;

use super::change::{Stop, Whole};
use super::deprecated::{parse, read_body};
use super::products::{ProfilePath, find_product};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;
use crate::request::Payload;

/// `POST {org}/products/{productId}/configurations/{profileId}`.
pub(crate) async fn profile(call: Call<'_>, caller: &Caller, body: &mut Payload) -> Result<Reply, ApiError> {
    let path = ProfilePath::of(call, caller)?;
    let body = read_body(call, body).await?;
    let whole = Whole::new(call, caller, &path.to_string(), body.as_ref());
    let parsed = parse(body.as_ref(), ProfileBody::parse);
    let changed = whole.carry_out(call, move |whole, writer| {
        let profile = path.find(writer)??;
        let body = parsed.clone()?;
        let admins = format!("{}{}", AdminRole::Admin.prefix(), profile.name);
        let mut changes = Changes::default();
        changes.people(&body.remove_users, &profile.name, Way::Out);
        changes.user_groups(&body.remove_user_groups, &profile.name, Way::Out);
        changes.people(&body.remove_admin_users, &admins, Way::Out);
        changes.people(&body.add_users, &profile.name, Way::In);
        changes.user_groups(&body.add_user_groups, &profile.name, Way::In);
        changes.people(&body.add_admin_users, &admins, Way::In);
        changes.carry_out(whole, writer)?;
        Ok(path.find(writer)??.body)
    });
    Ok(Reply::ok(changed.await?))
}

/// `POST {org}/products/{productId}/admin`.
pub(crate) async fn product_admins(
    call: Call<'_>,
    caller: &Caller,
    body: &mut Payload,
) -> Result<Reply, ApiError> {
    let (org, id) = (caller.org(), call.param("productId")?);
    let body = read_body(call, body).await?;
    let whole = Whole::new(call, caller, &format!("products/{id}/admin"), body.as_ref());
    let parsed = parse(body.as_ref(), ProductAdminBody::parse);
    let changed = whole.carry_out(call, move |whole, writer| {
        let product = find_product(writer, org, &id)??;
        let body = parsed.clone()?;
        let admins = format!("{}{}", AdminRole::ProductAdmin.prefix(), product.name);
        let mut changes = Changes::default();
        changes.people(&body.remove, &admins, Way::Out);
        changes.people(&body.add, &admins, Way::In);
        changes.carry_out(whole, writer)?;
        Ok(find_product(writer, org, &id)??.body)
    });
    Ok(Reply::ok(changed.await?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// Commands, and which way each of them goes.
#[derive(Debug, Default)]
struct Changes(Vec<(Way, Command)>);

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
        self.0.push((way, command));
    }

    fn carry_out(self, whole: &Whole, writer: &mut Writer<'_>) -> Result<(), Stop> {
        let (ways, commands): (Vec<Way>, Vec<Command>) = self.0.into_iter().unzip();
        whole.decide(writer, commands, |n, refusal| {
            refused(refusal, ways.get(n).copied().unwrap_or(Way::In))
        })
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
