//! Commands to a body, for those who send them. [`super::parse()`] reads it back to the same commands.

use roster_core::command::{
    Action, Command, CreateUser, Deprecated, GroupList, GroupMembers, GroupSelection, OnConflict, Role, Step,
    Target, UpdateUser,
};

use crate::json::{self, List, Object};

/// Writes the body of an action request: commands, each with its `requestID`, if it has one.
///
/// What a server takes in one request ([`super::Limits`]) is the sender's affair: nothing is split here.
///
/// ```
/// use roster_core::command::{Action, Command, Target};
/// use roster_umapi::action;
///
/// let command = Command {
///     target: Target::User { user: "ana@example.com".into(), domain: None, use_adobe_id: false },
///     steps: vec![Action::RemoveFromOrg { delete_account: true }.into()],
/// };
/// let body = action::write(&[(Some("r-1"), &command)]);
/// assert_eq!(
///     body,
///     br#"[{"user":"ana@example.com","requestID":"r-1","do":[{"removeFromOrg":{"deleteAccount":true}}]}]"#,
/// );
/// ```
pub fn write(commands: &[(Option<&str>, &Command)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 * commands.len());
    let mut list = List::begin(&mut out);
    for (request_id, command) in commands {
        write_command(list.item(), *request_id, command);
    }
    list.end();
    out
}

/// Appends one command.
pub fn write_command(out: &mut Vec<u8>, request_id: Option<&str>, command: &Command) {
    let mut object = Object::begin(out);
    match &command.target {
        Target::User {
            user,
            domain,
            use_adobe_id,
        } => {
            object.text("user", user);
            object.text_unless_empty("domain", domain.as_deref());
            if *use_adobe_id {
                object.boolean("useAdobeID", true);
            }
        }
        Target::UserGroup { name } => object.text("usergroup", name),
    }
    object.text_unless_empty("requestID", request_id);
    let mut steps = List::begin(object.key("do"));
    for step in &command.steps {
        let mut object = Object::begin(steps.item());
        write_value(object.key(step.action.name()), step);
        object.end();
    }
    steps.end();
    object.end();
}

fn write_value(out: &mut Vec<u8>, step: &Step) {
    let profiles = match step.deprecated {
        Some(Deprecated::Product) => "product",
        Some(Deprecated::Users | Deprecated::AddRoles | Deprecated::RemoveRoles) | None => {
            "productConfiguration"
        }
    };
    let people = match step.deprecated {
        Some(Deprecated::Users) => "users",
        Some(Deprecated::Product | Deprecated::AddRoles | Deprecated::RemoveRoles) | None => "user",
    };
    match &step.action {
        Action::CreateUser(create) => write_create(out, create),
        Action::UpdateUser(update) => write_update(out, update),
        Action::JoinGroups(selection) | Action::LeaveGroups(selection) => {
            write_selection(out, selection, profiles);
        }
        Action::AddRoles(roles) | Action::RemoveRoles(roles) => write_roles(out, roles),
        Action::RemoveFromOrg { delete_account } => {
            let mut object = Object::begin(out);
            object.boolean("deleteAccount", *delete_account);
            object.end();
        }
        Action::RemoveFromDomain { domain } => {
            let mut object = Object::begin(out);
            object.text_unless_empty("domain", domain.as_deref());
            object.end();
        }
        Action::CreateGroup {
            description,
            on_conflict,
        } => {
            let mut object = Object::begin(out);
            object.text_unless_empty("description", description.as_deref());
            object.text_unless_empty("option", option(*on_conflict));
            object.end();
        }
        Action::UpdateGroup { name, description } => {
            let mut object = Object::begin(out);
            write_given(&mut object, "name", name.as_deref());
            write_given(&mut object, "description", description.as_deref());
            object.end();
        }
        Action::ResetPassword | Action::DeleteGroup => Object::begin(out).end(),
        Action::AddToGroup(members) | Action::RemoveFromGroup(members) => {
            write_members(out, members, people, profiles);
        }
    }
}

fn option(on_conflict: OnConflict) -> Option<&'static str> {
    match on_conflict {
        OnConflict::Refuse => None,
        OnConflict::Ignore => Some("ignoreIfAlreadyExists"),
        OnConflict::Update => Some("updateIfAlreadyExists"),
    }
}

/// Writes a text that means something when it is empty, too.
fn write_given(object: &mut Object<'_>, key: &'static str, text: Option<&str>) {
    if let Some(text) = text {
        object.text(key, text);
    }
}

fn write_create(out: &mut Vec<u8>, create: &CreateUser) {
    let mut object = Object::begin(out);
    object.text_unless_empty("email", Some(&create.email));
    object.text_unless_empty("country", create.country.as_deref());
    object.text_unless_empty("firstname", create.firstname.as_deref());
    object.text_unless_empty("lastname", create.lastname.as_deref());
    object.text_unless_empty("option", option(create.on_conflict));
    object.end();
}

fn write_update(out: &mut Vec<u8>, update: &UpdateUser) {
    let mut object = Object::begin(out);
    write_given(&mut object, "email", update.email.as_deref());
    write_given(&mut object, "username", update.username.as_deref());
    write_given(&mut object, "firstname", update.firstname.as_deref());
    write_given(&mut object, "lastname", update.lastname.as_deref());
    write_given(&mut object, "country", update.country.as_deref());
    object.end();
}

fn write_selection(out: &mut Vec<u8>, selection: &GroupSelection, profiles: &'static str) {
    let GroupSelection::Named(entries) = selection else {
        return json::string(out, "all");
    };
    let mut object = Object::begin(out);
    // Lists in the order of their first entries, so that names come back in the order they had.
    let mut lists: Vec<GroupList> = Vec::new();
    for entry in entries {
        if !lists.contains(&entry.list) {
            lists.push(entry.list);
        }
    }
    if profiles == "product" && !lists.contains(&GroupList::Profiles) {
        lists.push(GroupList::Profiles);
    }
    if lists.is_empty() {
        lists.push(GroupList::Any);
    }
    for list in lists {
        let key = match list {
            GroupList::Any => "group",
            GroupList::Profiles => profiles,
            GroupList::UserGroups => "usergroup",
        };
        let names = entries.iter().filter(|entry| entry.list == list);
        json::strings(object.key(key), names.map(|entry| entry.name.as_str()));
    }
    object.end();
}

fn write_roles(out: &mut Vec<u8>, roles: &[Role]) {
    let mut object = Object::begin(out);
    let admin = roles.iter().filter_map(|role| match role {
        Role::Admin(name) => Some(name.as_str()),
        Role::ProductAdmin(_) => None,
    });
    let product_admin = roles.iter().filter_map(|role| match role {
        Role::ProductAdmin(name) => Some(name.as_str()),
        Role::Admin(_) => None,
    });
    json::strings(object.key("admin"), admin);
    json::strings(object.key("productAdmin"), product_admin);
    object.end();
}

fn write_members(out: &mut Vec<u8>, members: &GroupMembers, people: &'static str, links: &'static str) {
    let GroupMembers::Named { users, profiles } = members else {
        return json::string(out, "all");
    };
    let mut object = Object::begin(out);
    if !users.is_empty() || profiles.is_empty() || people == "users" {
        json::strings(object.key(people), users.iter().map(String::as_str));
    }
    if !profiles.is_empty() || links == "product" {
        json::strings(object.key(links), profiles.iter().map(String::as_str));
    }
    object.end();
}
