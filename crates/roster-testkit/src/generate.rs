//! Random commands over a small world of names, so that they meet each other often.

use proptest::prelude::*;
use roster_core::command::{
    Action, Command, CreateUser, GroupEntry, GroupList, GroupMembers, GroupSelection, OnConflict, Role, Step,
    Target, UpdateUser,
};
use roster_core::value::IdentityType;

const EMAILS: &[&str] = &[
    "ada@example.com",
    "ADA@example.com",
    "bob@example.net",
    "eve@enterprise.example",
    "kim@other.example",
    "lee@unclaimed.example",
    "root@example.com",
    "zoë@example.com",
];
const USERNAMES: &[&str] = &["p0042", "Straße", "ada@example.com", "bob@example.net"];
const DOMAINS: &[&str] = &[
    "example.com",
    "EXAMPLE.net",
    "enterprise.example",
    "other.example",
    "unclaimed.example",
];
const GROUPS: &[&str] = &[
    "Design Team",
    "design team",
    "R&D / EU @home",
    "Sales",
    "Photo Suite Standard",
    "Video Default",
    "Video Extra",
    "Fresh",
    "_support_admin",
    "_org_admin",
    "_admin_Design Team",
    "_admin_Video Extra",
    "_developer_Video Extra",
    "_product_admin_Video",
    "Nope",
];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(from).prop_map(str::to_owned)
}

fn on_conflict() -> impl Strategy<Value = OnConflict> {
    prop_oneof![
        Just(OnConflict::Refuse),
        Just(OnConflict::Ignore),
        Just(OnConflict::Update)
    ]
}

fn kind() -> impl Strategy<Value = IdentityType> {
    prop_oneof![1 => Just(IdentityType::AdobeId), 1 => Just(IdentityType::Enterprise), 3 => Just(IdentityType::Federated)]
}

fn create(email: impl Strategy<Value = String>) -> impl Strategy<Value = Action> {
    (
        kind(),
        email,
        proptest::option::of(pick(&["DE", "UD", "XX"])),
        proptest::option::of(pick(&["Ada", "Zoë"])),
        on_conflict(),
    )
        .prop_map(|(kind, email, country, firstname, on_conflict)| {
            Action::CreateUser(CreateUser {
                kind,
                email,
                country,
                firstname,
                lastname: None,
                on_conflict,
            })
        })
}

fn entries() -> impl Strategy<Value = GroupSelection> {
    let list = prop_oneof![8 => Just(GroupList::Any), 1 => Just(GroupList::Profiles), 1 => Just(GroupList::UserGroups)];
    let entry = (pick(GROUPS), list).prop_map(|(name, list)| GroupEntry { name, list });
    prop_oneof![
        1 => Just(GroupSelection::All),
        8 => proptest::collection::vec(entry, 0..4).prop_map(GroupSelection::Named),
    ]
}

fn user_action() -> impl Strategy<Value = Action> {
    let update = (
        proptest::option::of(pick(EMAILS)),
        proptest::option::of(pick(USERNAMES)),
        proptest::option::of(pick(&["", "Grace"])),
    )
        .prop_map(|(email, username, firstname)| {
            Action::UpdateUser(UpdateUser {
                email,
                username,
                firstname,
                ..UpdateUser::default()
            })
        });
    let role = prop_oneof![
        pick(&["support", "org", "Design Team"]).prop_map(Role::Admin),
        pick(&["Video", "Nope"]).prop_map(Role::ProductAdmin)
    ];
    let roles = proptest::collection::vec(role, 1..3);
    prop_oneof![
        3 => update,
        6 => entries().prop_map(Action::JoinGroups),
        4 => entries().prop_map(Action::LeaveGroups),
        1 => roles.clone().prop_map(Action::AddRoles),
        1 => roles.prop_map(Action::RemoveRoles),
        2 => any::<bool>().prop_map(|delete_account| Action::RemoveFromOrg { delete_account }),
        1 => proptest::option::of(pick(DOMAINS)).prop_map(|domain| Action::RemoveFromDomain { domain }),
        1 => Just(Action::ResetPassword),
    ]
}

fn group_action() -> impl Strategy<Value = Action> {
    let members = prop_oneof![
        1 => Just(GroupMembers::All),
        6 => (proptest::collection::vec(pick(EMAILS), 0..3), proptest::collection::vec(pick(GROUPS), 0..3))
            .prop_map(|(users, profiles)| GroupMembers::Named { users, profiles }),
    ];
    prop_oneof![
        2 => (proptest::option::of(pick(&["", "about"])), pick(GROUPS))
            .prop_map(|(description, name)| Action::UpdateGroup { name: Some(name), description }),
        5 => members.clone().prop_map(Action::AddToGroup),
        3 => members.prop_map(Action::RemoveFromGroup),
        1 => Just(Action::DeleteGroup),
    ]
}

/// A command of either kind. Create steps come first, as the parser guarantees.
pub fn command() -> impl Strategy<Value = Command> {
    let user = (
        prop_oneof![4 => pick(EMAILS), 1 => pick(USERNAMES)],
        proptest::option::of(pick(DOMAINS)),
        any::<bool>(),
        proptest::option::weighted(0.5, create(pick(EMAILS))),
        any::<bool>(),
        proptest::collection::vec(user_action(), 0..4),
    )
        .prop_map(|(user, domain, use_adobe_id, create, same, rest)| {
            let create = create.map(|action| match action {
                // Mostly people are created under their e-mail.
                Action::CreateUser(mut create) if same => {
                    create.email.clone_from(&user);
                    create.country = Some("DE".to_owned());
                    Action::CreateUser(create)
                }
                action => action,
            });
            let domain = domain.filter(|_| !same);
            let steps = create.into_iter().chain(rest).map(Step::from).collect();
            Command {
                target: Target::User {
                    user,
                    domain,
                    use_adobe_id: use_adobe_id && !same,
                },
                steps,
            }
        });
    let group = (
        pick(GROUPS),
        proptest::option::weighted(0.4, (proptest::option::of(pick(&["about"])), on_conflict())),
        proptest::collection::vec(group_action(), 0..3),
    )
        .prop_map(|(name, create, rest)| {
            let create = create.map(|(description, on_conflict)| Action::CreateGroup {
                description,
                on_conflict,
            });
            let steps = create.into_iter().chain(rest).map(Step::from).collect();
            Command {
                target: Target::UserGroup { name },
                steps,
            }
        });
    prop_oneof![3 => user, 1 => group]
}

/// A batch of a few commands for one of the three sample organizations.
pub fn batch() -> impl Strategy<Value = (i64, Vec<Command>)> {
    let org = prop_oneof![5 => Just(1), 2 => Just(2), 1 => Just(3)];
    (org, proptest::collection::vec(command(), 1..6))
}

/// Several batches.
pub fn batches() -> impl Strategy<Value = Vec<(i64, Vec<Command>)>> {
    proptest::collection::vec(batch(), 1..8)
}
