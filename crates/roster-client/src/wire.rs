//! Commands as JSON, cut to what one command may hold.
//!
//! A list of more than ten names becomes several steps, more than ten steps become several pieces of the same target.

use serde_json::{Map, Value, json};

use roster_core::command::{
    Action, Command, CreateUser, GroupEntry, GroupList, GroupMembers, GroupSelection, OnConflict, Role,
    Target, UpdateUser,
};

/// The most commands a request may hold.
pub const COMMANDS_PER_REQUEST: usize = 10;
/// The most steps a command may hold.
pub const STEPS_PER_COMMAND: usize = 10;
/// The most names a list of a step may hold.
pub const NAMES_PER_LIST: usize = 10;

/// The pieces of a command as they are sent, each with the same target and `request_id`. A create step is in the
/// first piece only.
///
/// ```
/// use roster_client::{Command, pieces};
/// use roster_core::command::{Action, GroupEntry, GroupList, GroupSelection, Target};
///
/// let names = (1..=23).map(|n| GroupEntry { name: format!("G{n}"), list: GroupList::Any }).collect();
/// let command = Command {
///     target: Target::User { user: "ada@example.com".into(), domain: None, use_adobe_id: false },
///     steps: vec![Action::JoinGroups(GroupSelection::Named(names)).into()],
/// };
/// let sent = pieces(&command, "action_1");
/// assert_eq!(sent.len(), 1);
/// assert_eq!(sent[0]["do"].as_array().unwrap().len(), 3);
/// assert_eq!(sent[0]["do"][2]["add"]["group"].as_array().unwrap().len(), 3);
/// ```
pub fn pieces(command: &Command, request_id: &str) -> Vec<Value> {
    let mut steps: Vec<Value> = Vec::with_capacity(command.steps.len());
    for step in &command.steps {
        render(&step.action, &mut steps);
    }
    if steps.is_empty() {
        return Vec::new();
    }
    steps
        .chunks(STEPS_PER_COMMAND)
        .map(|part| {
            let mut frame = frame(&command.target);
            frame.insert("requestID".to_owned(), json!(request_id));
            frame.insert("do".to_owned(), Value::Array(part.to_vec()));
            Value::Object(frame)
        })
        .collect()
}

fn frame(target: &Target) -> Map<String, Value> {
    let mut frame = Map::new();
    match target {
        Target::User {
            user,
            domain,
            use_adobe_id,
        } => {
            frame.insert("user".to_owned(), json!(user));
            if let Some(domain) = domain {
                frame.insert("domain".to_owned(), json!(domain));
            }
            if *use_adobe_id {
                frame.insert("useAdobeID".to_owned(), json!(true));
            }
        }
        Target::UserGroup { name } => {
            frame.insert("usergroup".to_owned(), json!(name));
        }
    }
    frame
}

fn render(action: &Action, steps: &mut Vec<Value>) {
    let verb = action.name();
    let mut one = |value: Value| steps.push(json!({ verb: value }));
    match action {
        Action::CreateUser(create) => one(create_user(create)),
        Action::UpdateUser(update) => one(update_user(update)),
        Action::JoinGroups(selection) | Action::LeaveGroups(selection) => match selection {
            GroupSelection::All => one(json!("all")),
            GroupSelection::Named(entries) => lists(entries).for_each(one),
        },
        Action::AddRoles(roles) | Action::RemoveRoles(roles) => self::roles(roles).for_each(one),
        Action::RemoveFromOrg { delete_account } => one(json!({ "deleteAccount": delete_account })),
        Action::RemoveFromDomain { domain } => one(texts(&[("domain", domain.as_deref())])),
        Action::ResetPassword | Action::DeleteGroup => one(json!({})),
        Action::CreateGroup {
            description,
            on_conflict,
        } => {
            let option = option(*on_conflict).unwrap_or("errorIfAlreadyExists");
            one(texts(&[
                ("option", Some(option)),
                ("description", description.as_deref()),
            ]));
        }
        Action::UpdateGroup { name, description } => {
            one(texts(&[
                ("name", name.as_deref()),
                ("description", description.as_deref()),
            ]));
        }
        Action::AddToGroup(members) | Action::RemoveFromGroup(members) => match members {
            GroupMembers::All => one(json!("all")),
            GroupMembers::Named { users, profiles } => {
                users
                    .chunks(NAMES_PER_LIST)
                    .for_each(|part| one(json!({ "user": part })));
                profiles
                    .chunks(NAMES_PER_LIST)
                    .for_each(|part| one(json!({ "productConfiguration": part })));
            }
        },
    }
}

fn create_user(create: &CreateUser) -> Value {
    texts(&[
        (
            "email",
            Some(create.email.as_str()).filter(|email| !email.is_empty()),
        ),
        ("country", create.country.as_deref()),
        ("firstname", create.firstname.as_deref()),
        ("lastname", create.lastname.as_deref()),
        ("option", option(create.on_conflict)),
    ])
}

fn update_user(update: &UpdateUser) -> Value {
    texts(&[
        ("email", update.email.as_deref()),
        ("username", update.username.as_deref()),
        ("firstname", update.firstname.as_deref()),
        ("lastname", update.lastname.as_deref()),
        ("country", update.country.as_deref()),
    ])
}

fn option(on_conflict: OnConflict) -> Option<&'static str> {
    match on_conflict {
        OnConflict::Refuse => None,
        OnConflict::Ignore => Some("ignoreIfAlreadyExists"),
        OnConflict::Update => Some("updateIfAlreadyExists"),
    }
}

/// An object of the texts that are there.
fn texts(fields: &[(&str, Option<&str>)]) -> Value {
    let mut object = Map::new();
    for (key, value) in fields {
        if let Some(value) = value {
            object.insert((*key).to_owned(), json!(value));
        }
    }
    Value::Object(object)
}

/// Names as lists of at most ten, neighbours of one kind together.
fn lists(entries: &[GroupEntry]) -> impl Iterator<Item = Value> {
    entries
        .chunk_by(|a, b| a.list == b.list)
        .flat_map(|run| run.chunks(NAMES_PER_LIST))
        .map(|part| {
            let key = match part.first().map(|entry| entry.list) {
                Some(GroupList::Profiles) => "productConfiguration",
                Some(GroupList::UserGroups) => "usergroup",
                Some(GroupList::Any) | None => "group",
            };
            let names: Vec<&str> = part.iter().map(|entry| entry.name.as_str()).collect();
            json!({ key: names })
        })
}

fn roles(roles: &[Role]) -> impl Iterator<Item = Value> {
    let same = |a: &Role, b: &Role| matches!(a, Role::Admin(_)) == matches!(b, Role::Admin(_));
    roles
        .chunk_by(same)
        .flat_map(|run| run.chunks(NAMES_PER_LIST))
        .map(|part| {
            let key = if matches!(part.first(), Some(Role::ProductAdmin(_))) {
                "productAdmin"
            } else {
                "admin"
            };
            let names: Vec<&str> = part
                .iter()
                .map(|role| match role {
                    Role::Admin(name) | Role::ProductAdmin(name) => name.as_str(),
                })
                .collect();
            json!({ key: names })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use roster_core::value::IdentityType;

    fn person(steps: Vec<Action>) -> Command {
        Command {
            target: Target::User {
                user: "e1".to_owned(),
                domain: Some("x.com".to_owned()),
                use_adobe_id: false,
            },
            steps: steps.into_iter().map(Into::into).collect(),
        }
    }

    fn named(count: usize) -> GroupSelection {
        let entry = |n| GroupEntry {
            name: format!("G{n}"),
            list: GroupList::Any,
        };
        GroupSelection::Named((0..count).map(entry).collect())
    }

    #[test]
    fn a_hundred_and_fifteen_groups_make_two_pieces_and_only_the_first_creates() {
        let create = CreateUser {
            kind: IdentityType::Federated,
            email: "a@x.com".to_owned(),
            country: Some("US".to_owned()),
            firstname: None,
            lastname: Some("L".to_owned()),
            on_conflict: OnConflict::Ignore,
        };
        let sent = pieces(
            &person(vec![Action::CreateUser(create), Action::JoinGroups(named(115))]),
            "action_7",
        );
        let lengths: Vec<usize> = sent.iter().map(|p| p["do"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [10, 3]);
        assert_eq!(
            sent[0]["do"][0],
            json!({"createFederatedID": {"email": "a@x.com", "country": "US", "lastname": "L", "option": "ignoreIfAlreadyExists"}})
        );
        assert_eq!(sent[1]["do"][2]["add"]["group"].as_array().unwrap().len(), 5);
        assert!(
            sent.iter()
                .all(|p| p["requestID"] == "action_7" && p["user"] == "e1" && p["domain"] == "x.com")
        );
    }

    #[test]
    fn all_stays_a_word_and_an_empty_list_makes_no_step() {
        let sent = pieces(&person(vec![Action::LeaveGroups(GroupSelection::All)]), "r");
        assert_eq!(sent[0]["do"], json!([{"remove": "all"}]));
        assert!(pieces(&person(vec![Action::JoinGroups(named(0))]), "r").is_empty());
    }
}
