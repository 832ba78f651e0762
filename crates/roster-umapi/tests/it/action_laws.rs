//! Laws of the action endpoint, checked with random input.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use roster_core::command::{
    Action, Command, CreateUser, Deprecated, GroupEntry, GroupList, GroupMembers, GroupSelection, OnConflict,
    Role, Step, Target, UpdateUser,
};
use roster_core::decide::{Mode, Outcome};
use roster_core::value::{IdentityType, Key};
use roster_umapi::action::{Limits, parse, render, write};

/// A text as commands hold it: trimmed and not empty.
fn text() -> impl Strategy<Value = String> {
    "[!-~éßİ設😀]([ -~éßİ設😀]{0,8}[!-~éßİ設😀])?"
}

fn given() -> impl Strategy<Value = Option<String>> {
    of(prop_oneof![Just(String::new()), text()])
}

fn email() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("{text}@b.example"))
}

fn conflict() -> impl Strategy<Value = OnConflict> {
    prop_oneof![
        Just(OnConflict::Refuse),
        Just(OnConflict::Ignore),
        Just(OnConflict::Update)
    ]
}

fn create() -> impl Strategy<Value = Action> {
    let kind = prop_oneof![
        Just(IdentityType::AdobeId),
        Just(IdentityType::Enterprise),
        Just(IdentityType::Federated)
    ];
    (
        kind,
        email(),
        of("[A-Za-z]{1,2}"),
        of(text()),
        of(text()),
        conflict(),
    )
        .prop_map(|(kind, email, country, firstname, lastname, on_conflict)| {
            Action::CreateUser(CreateUser {
                kind,
                email,
                country,
                firstname,
                lastname,
                on_conflict,
            })
        })
}

fn update() -> impl Strategy<Value = Action> {
    (given(), given(), given(), given(), of("[a-z]{2}")).prop_map(
        |(email, username, firstname, lastname, country)| {
            Action::UpdateUser(UpdateUser {
                email,
                username,
                firstname,
                lastname,
                country,
            })
        },
    )
}

/// Names by lists; a step holds each list once, so the names of one list lie together.
fn selection() -> impl Strategy<Value = GroupSelection> {
    let named =
        (vec(text(), 0..10), vec(text(), 0..10), vec(text(), 0..10)).prop_map(|(any, profiles, groups)| {
            let of = |list| move |name| GroupEntry { name, list };
            let mut entries: Vec<_> = any.into_iter().map(of(GroupList::Any)).collect();
            entries.extend(profiles.into_iter().map(of(GroupList::Profiles)));
            entries.extend(groups.into_iter().map(of(GroupList::UserGroups)));
            GroupSelection::Named(entries)
        });
    prop_oneof![1 => Just(GroupSelection::All), 6 => named]
}

fn distinct(texts: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    texts
        .into_iter()
        .filter(|text| seen.insert(Key::new(text)))
        .collect()
}

fn members() -> impl Strategy<Value = GroupMembers> {
    let named = (vec(email(), 0..10), vec(text(), 0..10)).prop_map(|(users, profiles)| GroupMembers::Named {
        users: distinct(users),
        profiles,
    });
    prop_oneof![1 => Just(GroupMembers::All), 6 => named]
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    (vec(text(), 0..10), vec(text(), 0..10)).prop_map(|(admin, product)| {
        let product = distinct(product).into_iter().map(Role::ProductAdmin);
        admin.into_iter().map(Role::Admin).chain(product).collect()
    })
}

fn plain(action: impl Strategy<Value = Action>) -> impl Strategy<Value = Step> {
    action.prop_map(Step::from)
}

fn old(action: Action, deprecated: bool, which: Deprecated) -> Step {
    // The string "all" has no key that could be an old one.
    let all = matches!(
        action,
        Action::JoinGroups(GroupSelection::All)
            | Action::LeaveGroups(GroupSelection::All)
            | Action::AddToGroup(GroupMembers::All)
            | Action::RemoveFromGroup(GroupMembers::All)
    );
    Step {
        action,
        deprecated: (deprecated && !all).then_some(which),
    }
}

fn user_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        plain(update()),
        (selection(), any::<bool>()).prop_map(|(all, d)| old(
            Action::JoinGroups(all),
            d,
            Deprecated::Product
        )),
        (selection(), any::<bool>()).prop_map(|(all, d)| old(
            Action::LeaveGroups(all),
            d,
            Deprecated::Product
        )),
        roles().prop_map(|all| old(Action::AddRoles(all), true, Deprecated::AddRoles)),
        roles().prop_map(|all| old(Action::RemoveRoles(all), true, Deprecated::RemoveRoles)),
        plain(Just(Action::ResetPassword)),
    ]
}

fn last_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        plain(any::<bool>().prop_map(|delete_account| Action::RemoveFromOrg { delete_account })),
        plain(of(text()).prop_map(|domain| Action::RemoveFromDomain { domain })),
    ]
}

fn group_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        plain((given(), given()).prop_map(|(name, description)| Action::UpdateGroup { name, description })),
        plain(Just(Action::DeleteGroup)),
        (members(), any::<bool>()).prop_map(|(all, d)| old(Action::AddToGroup(all), d, Deprecated::Users)),
        (members(), any::<bool>()).prop_map(|(all, d)| old(
            Action::RemoveFromGroup(all),
            d,
            Deprecated::Product
        )),
    ]
}

fn user_command() -> impl Strategy<Value = Command> {
    let target = (text(), of(text()), any::<bool>()).prop_map(|(user, domain, use_adobe_id)| Target::User {
        user,
        domain,
        use_adobe_id,
    });
    (
        target,
        of(plain(create())),
        vec(user_step(), 0..8),
        of(last_step()),
    )
        .prop_map(|(target, create, steps, last)| Command {
            target,
            steps: create.into_iter().chain(steps).chain(last).collect(),
        })
}

fn group_command() -> impl Strategy<Value = Command> {
    let create = (of(text()), conflict()).prop_map(|(description, on_conflict)| Action::CreateGroup {
        description,
        on_conflict,
    });
    (text(), of(plain(create)), vec(group_step(), 0..8)).prop_map(|(name, create, steps)| Command {
        target: Target::UserGroup { name },
        steps: create.into_iter().chain(steps).collect(),
    })
}

fn commands() -> impl Strategy<Value = Vec<(Option<String>, Command)>> {
    vec((of(text()), prop_oneof![user_command(), group_command()]), 1..10)
}

/// Bytes that often look like a batch.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"user\"",
        "\"usergroup\"",
        "\"do\"",
        "\"add\"",
        "\"group\"",
        "\"all\"",
        "\"update\"",
        "\"createFederatedID\"",
        "\"email\"",
        "null",
        "true",
        "1e9",
        "\"\\ud800\"",
        "\"a@b.example\"",
        " ",
        "\u{e9}",
        "\"",
    ];
    let word = prop_oneof![
        9 => proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn commands_written_are_read_back(commands in commands()) {
        let listed: Vec<(Option<&str>, &Command)> =
            commands.iter().map(|(id, command)| (id.as_deref(), command)).collect();
        let body = write(&listed);
        let batch = parse(&body, &Limits::default()).unwrap();
        let read: Vec<(Option<String>, Command)> = batch
            .entries
            .iter()
            .map(|entry| (entry.request_id.clone(), entry.command.clone().unwrap()))
            .collect();
        prop_assert_eq!(read, commands);
    }

    /// What a command may hold is kept for the log also when something else in it is wrong; what it may not, is not.
    #[test]
    fn of_a_command_that_is_wrong_what_is_known_is_kept(commands in commands()) {
        let listed: Vec<(Option<&str>, &Command)> =
            commands.iter().map(|(id, command)| (id.as_deref(), command)).collect();
        let mut right: serde_json::Value = serde_json::from_slice(&write(&listed)).unwrap();
        let mut wrong = right.clone();
        for (right, wrong) in right.as_array_mut().unwrap().iter_mut().zip(wrong.as_array_mut().unwrap()) {
            right["strange"] = "\u{2026}".into();
            wrong["strange"] = "a secret".into();
        }
        let batch = parse(wrong.to_string().as_bytes(), &Limits::default()).unwrap();
        for (entry, right) in batch.entries.iter().zip(right.as_array().unwrap()) {
            prop_assert!(entry.command.is_err());
            prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&entry.text).unwrap(), right);
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(body in vec(any::<u8>(), 0..200)) {
        let _ = parse(&body, &Limits::default());
    }

    #[test]
    fn whatever_is_read_is_answered_with_every_command_counted(body in nearly_json(), test in any::<bool>()) {
        let Ok(batch) = parse(&body, &Limits::default()) else { return Ok(()) };
        let outcomes = vec![Outcome::default(); batch.commands().len()];
        let mode = if test { Mode::TestOnly } else { Mode::Live };
        let answer: serde_json::Value = serde_json::from_slice(&render(&batch, &outcomes, mode)).unwrap();
        let count = |key: &str| answer[key].as_u64().unwrap();
        let total = count("completed") + count("notCompleted") + count("completedInTestMode");
        prop_assert_eq!(total, batch.entries.len() as u64);
        for entry in &batch.entries {
            serde_json::from_str::<serde_json::Value>(&entry.text).unwrap();
        }
    }

    #[test]
    fn any_json_as_a_step_is_read_or_refused(value in "\\PC{0,12}", name in "(add|remove|update|addRoles|removeFromOrg|x)") {
        let text = serde_json::to_string(&value).unwrap();
        let body = format!(r#"[{{"user":"a@b.example","do":[{{"{name}":{text}}},{{"{name}":{{{text}:[{text}]}}}}]}}]"#);
        prop_assert!(parse(body.as_bytes(), &Limits::default()).is_ok());
    }
}
